/**
 * Points on a plane as pixels, and the questions a pointer asks of them. Pure: arrays in, arrays out.
 * 200,000 points are written straight into the image's memory: a few milliseconds a frame, no library, no GPU.
 */
export interface Camera {
  x: number
  y: number
  scale: number
} // the middle of the canvas in data, and pixels a unit

export interface Points {
  x: Float32Array
  y: Float32Array
  colour: Uint8Array
}

export function fit(x: ArrayLike<number>, y: ArrayLike<number>, width: number, height: number): Camera {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let i = 0; i < x.length; i++) {
    left = Math.min(left, x[i]!)
    right = Math.max(right, x[i]!)
    low = Math.min(low, y[i]!)
    high = Math.max(high, y[i]!)
  }
  if (!Number.isFinite(left)) return { x: 0, y: 0, scale: 1 }
  const scale = 0.92 * Math.min(width / Math.max(right - left, 1e-6), height / Math.max(high - low, 1e-6))
  return { x: (left + right) / 2, y: (low + high) / 2, scale }
}

/** Draw every point as a square of `size` pixels; colour 255 is left out. `palette`: 0xAABBGGRR, as an image's memory has it. */
export function draw(
  pixels: Uint32Array,
  width: number,
  height: number,
  points: Points,
  camera: Camera,
  palette: Uint32Array,
  size: number,
): void {
  const { x, y, colour } = points
  const half = size >> 1
  const round = size > 3
  for (let i = 0; i < x.length; i++) {
    const tone = colour[i]!
    if (tone === 255) continue
    const px = Math.round((x[i]! - camera.x) * camera.scale + width / 2) - half
    const py = Math.round(height / 2 - (y[i]! - camera.y) * camera.scale) - half
    if (px < 0 || py < 0 || px + size > width || py + size > height) continue
    const value = palette[tone]!
    for (let dy = 0, at = py * width + px; dy < size; dy++, at += width) {
      const cut = round && (dy === 0 || dy === size - 1) ? 1 : 0 // larger dots lose their corners
      for (let dx = cut; dx < size - cut; dx++) pixels[at + dx] = value
    }
  }
}

/** Index of the point nearest to a pixel, within `reach` pixels; -1 = none. */
export function nearest(
  points: Points,
  camera: Camera,
  width: number,
  height: number,
  px: number,
  py: number,
  reach: number,
): number {
  const wx = (px - width / 2) / camera.scale + camera.x
  const wy = (height / 2 - py) / camera.scale + camera.y
  let best = (reach / camera.scale) ** 2
  let found = -1
  for (let i = 0; i < points.x.length; i++) {
    if (points.colour[i] === 255) continue
    const d = (points.x[i]! - wx) ** 2 + (points.y[i]! - wy) ** 2
    if (d < best) {
      best = d
      found = i
    }
  }
  return found
}

/** Indices of the points inside a polygon of pixels (even-odd rule). */
export function inside(
  points: Points,
  camera: Camera,
  width: number,
  height: number,
  polygon: [number, number][],
): number[] {
  if (polygon.length < 3) return []
  const px = polygon.map(([x]) => (x - width / 2) / camera.scale + camera.x)
  const py = polygon.map(([, y]) => (height / 2 - y) / camera.scale + camera.y)
  const [left, right, low, high] = [Math.min(...px), Math.max(...px), Math.min(...py), Math.max(...py)]
  const found: number[] = []
  for (let i = 0; i < points.x.length; i++) {
    const x = points.x[i]!
    const y = points.y[i]!
    if (points.colour[i] === 255 || x < left || x > right || y < low || y > high) continue
    let odd = false
    for (let a = 0, b = px.length - 1; a < px.length; b = a++) {
      if (py[a]! > y !== py[b]! > y && x < ((px[b]! - px[a]!) * (y - py[a]!)) / (py[b]! - py[a]!) + px[a]!) odd = !odd
    }
    if (odd) found.push(i)
  }
  return found
}

/**
 * Where the name of each class may stand: the point of it that lies nearest to its middle (the medians of x and of y). Points
 * of colour 255 do not count; a class without any other is left out.
 */
export function middles(label: ArrayLike<number>, points: Points, codes: number[]): { code: number; at: number }[] {
  const wanted = new Map(codes.map((code) => [code, [] as number[]]))
  for (let i = 0; i < label.length; i++) if (points.colour[i] !== 255) wanted.get(label[i]!)?.push(i)
  const median = (values: Float32Array, members: number[]) =>
    members.map((i) => values[i]!).sort((a, b) => a - b)[members.length >> 1]!
  return codes.flatMap((code) => {
    const members = wanted.get(code)!
    if (!members.length) return []
    const [x, y] = [median(points.x, members), median(points.y, members)]
    const far = (i: number) => (points.x[i]! - x) ** 2 + (points.y[i]! - y) ** 2
    return [{ code, at: members.reduce((best, i) => (far(i) < far(best) ? i : best)) }]
  })
}

// Ten tones that differ in light and in hue, on white and on near-black; each again lighter and darker for twenty classes more.
const TEN = [
  '#3b6fd4',
  '#e8590c',
  '#2b8a3e',
  '#c2255c',
  '#7048e8',
  '#0c8599',
  '#b08900',
  '#a0522d',
  '#d6449c',
  '#5c940d',
]
const mixed = (hex: string, other: number, share: number) =>
  '#' +
  [1, 3, 5]
    .map((at) => Math.round(parseInt(hex.slice(at, at + 2), 16) * (1 - share) + other * share))
    .map((n) => n.toString(16).padStart(2, '0'))
    .join('')
export const TONES = [...TEN, ...TEN.map((hex) => mixed(hex, 255, 0.4)), ...TEN.map((hex) => mixed(hex, 0, 0.35))]

/** "#rrggbb" or "#rrggbbaa" as an image's memory has it on every machine browsers run on (little-endian). */
export function packed(hex: string): number {
  const n = parseInt(hex.slice(1, 7), 16)
  const alpha = hex.length > 7 ? parseInt(hex.slice(7), 16) : 255
  return ((alpha << 24) | ((n & 0xff) << 16) | (n & 0xff00) | (n >> 16)) >>> 0
}
