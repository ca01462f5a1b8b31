/**
 * A selection: ascending, disjoint ranges [start, end) of positions in the current view.
 * Pure. A million selected rows are one range; nothing here is ever as long as the view.
 */
export type Range = [number, number]
export type Ranges = readonly Range[]

export const NONE: Ranges = []

export function size(ranges: Ranges): number {
  return ranges.reduce((sum, [start, end]) => sum + end - start, 0)
}

export function has(ranges: Ranges, at: number): boolean {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ranges[middle]![1] <= at) low = middle + 1
    else high = middle
  }
  return low < ranges.length && ranges[low]![0] <= at
}

export function normal(ranges: Ranges): Ranges {
  const sorted = ranges.filter(([start, end]) => end > start).sort((a, b) => a[0] - b[0])
  const merged: Range[] = []
  for (const [start, end] of sorted) {
    const last = merged[merged.length - 1]
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else merged.push([start, end])
  }
  return merged
}

export const add = (ranges: Ranges, more: Ranges): Ranges => normal([...ranges.map(copy), ...more.map(copy)])

export function remove(ranges: Ranges, [from, to]: Range): Ranges {
  return normal(
    ranges.flatMap(([start, end]): Range[] => [
      [start, Math.min(end, from)],
      [Math.max(start, to), end],
    ]),
  )
}

export const toggle = (ranges: Ranges, at: number): Ranges =>
  has(ranges, at) ? remove(ranges, [at, at + 1]) : add(ranges, [[at, at + 1]])

/** The cells of a rubber band between two cells of a grid with so many columns: a rectangle, cut off at `count`. */
export function band(
  from: { line: number; column: number },
  to: { line: number; column: number },
  columns: number,
  count: number,
): Ranges {
  const left = Math.max(0, Math.min(from.column, to.column))
  const right = Math.min(columns - 1, Math.max(from.column, to.column))
  const ranges: Range[] = []
  const last = Math.min(Math.max(from.line, to.line), Math.ceil(count / columns) - 1)
  for (let line = Math.max(0, Math.min(from.line, to.line)); line <= last; line++) {
    const start = line * columns
    if (left === 0 && right === columns - 1 && ranges.length)
      ranges[ranges.length - 1]![1] = Math.min(count, start + columns)
    else ranges.push([Math.min(count, start + left), Math.min(count, start + right + 1)])
  }
  return normal(ranges)
}

/** Every position, when there are at most so many; else null. */
export function listed(ranges: Ranges, most: number): number[] | null {
  if (size(ranges) > most) return null
  return ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i))
}

function copy([start, end]: Range): Range {
  return [start, end]
}
