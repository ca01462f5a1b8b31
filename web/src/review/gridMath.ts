/**
 * Where things are in a grid too tall for a browser. Pure.
 * Browsers clamp an element's height (Chrome near 33 million px, Firefox near 17), which a million rows exceed. Past TALLEST the
 * scroll bar is a proportional stand-in: `virtual` is where a line would be in an endless page, `physical` where the scroll bar is.
 */
export const TALLEST = 8_000_000

export interface Geometry {
  columns: number
  lines: number
  virtual: number
  physical: number
  /** how far the scroll bar moves for one virtual pixel, once jumps are mapped by proportion; 1 = one to one */
  ratio: number
}

export function geometry(
  count: number,
  width: number,
  height: number,
  cellHeight: number,
  leastWidth: number,
): Geometry {
  const columns = leastWidth > 0 ? Math.max(1, Math.floor(width / leastWidth)) : 1
  const lines = Math.ceil(count / columns)
  const virtual = lines * cellHeight
  const physical = Math.min(virtual, TALLEST)
  const ratio = virtual > physical && virtual > height ? (physical - height) / (virtual - height) : 1
  return { columns, lines, virtual, physical, ratio }
}

/** Scroll position and offset (virtual = scroll + offset) that show `wanted` at the top. */
export function place(wanted: number, height: number, g: Geometry): { scroll: number; offset: number } {
  const virtual = Math.max(0, Math.min(wanted, g.virtual - height))
  const scroll = Math.round(virtual * g.ratio)
  return { scroll, offset: g.ratio < 1 ? virtual - scroll : 0 }
}

/** The offset after the bar moved from `last` to `scroll`: small steps are one to one, jumps and the ends by proportion. */
export function offsetAfter(scroll: number, last: number, offset: number, height: number, g: Geometry): number {
  if (g.ratio === 1) return 0
  const jump = Math.abs(scroll - last) > 3 * height
  const edge = scroll <= 0 || scroll >= g.physical - height - 1
  const next = jump || edge ? scroll / g.ratio - scroll : offset
  return Math.max(-scroll, Math.min(next, g.virtual - height - scroll))
}

/** First and one past the last item to draw. */
export function inSight(
  line: number,
  height: number,
  cellHeight: number,
  count: number,
  columns: number,
  overscan: number,
): [number, number] {
  const first = Math.max(0, line - overscan) * columns
  const end = Math.min(count, (line + Math.ceil(height / cellHeight) + 1 + overscan) * columns)
  return [Math.min(first, count), Math.max(Math.min(first, count), end)]
}

/** The scroll (virtual) that brings an item wholly into sight, or null where it is in sight already. */
export function reveal(index: number, top: number, height: number, cellHeight: number, columns: number): number | null {
  const at = Math.floor(index / columns) * cellHeight
  if (at < top) return at
  if (at + cellHeight > top + height) return at + cellHeight - height
  return null
}

/** Where the cursor goes by a key; null for a key that does not move. */
export function step(key: string, at: number, count: number, columns: number, perPage: number): number | null {
  const moves: Record<string, number> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at + columns,
    ArrowUp: at - columns,
    PageDown: at + perPage,
    PageUp: at - perPage,
    Home: 0,
    End: count - 1,
  }
  const next = moves[key]
  if (next === undefined || count === 0) return null
  if (key === 'ArrowUp' && next < 0) return at
  if (key === 'ArrowDown' && next >= count)
    return Math.floor(at / columns) === Math.floor((count - 1) / columns) ? at : count - 1
  return Math.max(0, Math.min(next, count - 1))
}
