import { crc32 as oracle } from 'node:zlib'
import { expect, it } from 'vitest'
import { crc32, zip } from './zip'

const bytes = (text: string) => new TextEncoder().encode(text)

it('computes the checksum that zlib computes', () => {
  expect(crc32(bytes('123456789'))).toBe(0xcbf43926)
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)
  expect(crc32(noise)).toBe(oracle(noise))
  expect(crc32(new Uint8Array(0))).toBe(0)
})

it('writes an archive whose directory leads back to every file', async () => {
  const files = [
    { path: 'cat/ä.txt', file: new Blob(['meow']) },
    { path: 'dog/b.txt', file: new Blob(['']) },
  ]
  const archive = new Uint8Array(await (await zip(files)).arrayBuffer())
  const view = new DataView(archive.buffer)
  const end = archive.length - 22
  expect(view.getUint32(end, true)).toBe(0x06054b50)
  expect(view.getUint16(end + 10, true)).toBe(2)
  let at = view.getUint32(end + 16, true)
  for (const { path, file } of files) {
    expect(view.getUint32(at, true)).toBe(0x02014b50)
    const length = view.getUint16(at + 28, true)
    const local = view.getUint32(at + 42, true)
    expect(new TextDecoder().decode(archive.slice(at + 46, at + 46 + length))).toBe(path)
    expect(view.getUint32(local, true)).toBe(0x04034b50)
    const start = local + 30 + view.getUint16(local + 26, true)
    expect(new TextDecoder().decode(archive.slice(start, start + file.size))).toBe(await file.text())
    at += 46 + length
  }
  expect(at).toBe(end)
})
