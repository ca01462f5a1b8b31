// What `npm run check` holds the page to. Prettier has the last word on layout, dependency-cruiser on who imports whom.
import js from '@eslint/js'
import prettier from 'eslint-config-prettier'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import { defineConfig } from 'eslint/config'
import ts from 'typescript-eslint'

export default defineConfig(
  { ignores: ['src/api/schema.ts', 'node_modules', '.vite', '*.js', '*.cjs', 'public'] },
  js.configs.recommended,
  ts.configs.recommendedTypeChecked,
  a11y.flatConfigs.recommended,
  prettier,
  {
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { 'react-hooks': hooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      // `noUncheckedIndexedAccess` makes every index a question; where the answer is known, `!` says so
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // a region that scrolls must be reachable by keyboard, and a dialog's first field has the focus
      'jsx-a11y/no-noninteractive-tabindex': ['error', { roles: ['region', 'list', 'listbox'], tags: ['dl'] }],
      'jsx-a11y/no-autofocus': 'off',
    },
  },
)
