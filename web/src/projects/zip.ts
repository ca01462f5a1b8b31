/**
 * A dropped folder as one ZIP without compression (pictures are compressed already), so that it can be sent resumably.
 * In: files with their paths. Out: a Blob that refers to them; only one file at a time is read into memory, for its checksum.
 */
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1
  return n
})

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

const MAX32 = 0xffffffff
const UTF8 = 0x0800

export interface Named {
  path: string
  file: Blob
}

export async function zip(
  files: Named[],
  told: (done: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Blob> {
  const parts: BlobPart[] = []
  const directory: BlobPart[] = []
  let at = 0
  let directorySize = 0
  for (const [n, { path, file }] of files.entries()) {
    signal?.throwIfAborted()
    if (file.size >= MAX32) throw new Error(`${path} is larger than 4 GB: give the server a path instead.`)
    const name = new TextEncoder().encode(path)
    const crc = crc32(new Uint8Array(await file.arrayBuffer()))
    const local = record([
      [4, 0x04034b50],
      [2, 20],
      [2, UTF8],
      [2, 0],
      [2, 0],
      [2, 0x21],
      [4, crc],
      [4, file.size],
      [4, file.size],
      [2, name.length],
      [2, 0],
    ])
    const far = at >= MAX32
    const extra = far
      ? record([
          [2, 1],
          [2, 8],
          [8, at],
        ])
      : new Uint8Array(0)
    const central = record([
      [4, 0x02014b50],
      [2, far ? 45 : 20],
      [2, far ? 45 : 20],
      [2, UTF8],
      [2, 0],
      [2, 0],
      [2, 0x21],
      [4, crc],
      [4, file.size],
      [4, file.size],
      [2, name.length],
      [2, extra.length],
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, far ? MAX32 : at],
    ])
    parts.push(local, name, file)
    directory.push(central, name, extra)
    at += local.length + name.length + file.size
    directorySize += central.length + name.length + extra.length
    told(n + 1)
  }
  const big = files.length >= 0xffff || at >= MAX32 || directorySize >= MAX32
  const tail: BlobPart[] = []
  if (big) {
    tail.push(
      record([
        [4, 0x06064b50],
        [8, 44],
        [2, 45],
        [2, 45],
        [4, 0],
        [4, 0],
        [8, files.length],
        [8, files.length],
        [8, directorySize],
        [8, at],
      ]),
    )
    tail.push(
      record([
        [4, 0x07064b50],
        [4, 0],
        [8, at + directorySize],
        [4, 1],
      ]),
    )
  }
  tail.push(
    record([
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, Math.min(files.length, 0xffff)],
      [2, Math.min(files.length, 0xffff)],
      [4, Math.min(directorySize, MAX32)],
      [4, Math.min(at, MAX32)],
      [2, 0],
    ]),
  )
  return new Blob([...parts, ...directory, ...tail], { type: 'application/zip' })
}

/** Little-endian numbers of so many bytes each. */
function record(fields: [number, number][]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0))
  const view = new DataView(out.buffer)
  let at = 0
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true)
    else if (size === 4) view.setUint32(at, value, true)
    else view.setBigUint64(at, BigInt(value), true)
    at += size
  }
  return out
}

/** Every file of what was dropped: folders are walked. Hidden files (.DS_Store and such) stay behind. */
export async function dropped(items: DataTransferItemList): Promise<Named[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const found: Named[] = []
  for (const entry of entries) await walk(entry, '', found)
  return found
}

async function walk(entry: FileSystemEntry, above: string, found: Named[]): Promise<void> {
  if (entry.name.startsWith('.')) return
  const path = above + entry.name
  if (entry.isFile) {
    found.push({
      path,
      file: await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)),
    })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (!batch.length) break
    for (const child of batch) await walk(child, `${path}/`, found)
  }
}
