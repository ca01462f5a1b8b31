import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// `npm run dev` talks to the server of `assay serve --port 8000 --no-browser`; ASSAY_URL names another one.
const server = process.env.ASSAY_URL ?? 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../src/assay/server/static',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false }, // it would be an inline script, which the content policy refuses
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { '/api': server, '/healthz': server } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
