import { describe, expect, it } from 'vitest'
import { add, band, has, listed, normal, remove, size, toggle, type Ranges } from './selection'

/** The slow twin: a set of numbers. */
const set = (ranges: Ranges) => new Set(listed(ranges, 1e6))

describe('a selection of ranges', () => {
  it('agrees with a set of numbers under random adding, removing and toggling', () => {
    let seed = 7
    const random = (n: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n
    let ranges: Ranges = []
    const twin = new Set<number>()
    for (let step = 0; step < 2000; step++) {
      const start = random(200)
      const end = start + random(20)
      const move = random(3)
      if (move === 0) {
        ranges = add(ranges, [[start, end]])
        for (let i = start; i < end; i++) twin.add(i)
      } else if (move === 1) {
        ranges = remove(ranges, [start, end])
        for (let i = start; i < end; i++) twin.delete(i)
      } else {
        ranges = toggle(ranges, start)
        if (!twin.delete(start)) twin.add(start)
      }
      expect(size(ranges)).toBe(twin.size)
      expect(has(ranges, start)).toBe(twin.has(start))
    }
    expect(set(ranges)).toEqual(twin)
    expect(normal(ranges)).toEqual(ranges)
  })

  it('keeps a million rows as one range', () => {
    const all = add([], [[0, 1_281_167]])
    expect(all).toEqual([[0, 1_281_167]])
    expect(has(all, 1_281_166)).toBe(true)
    expect(has(all, 1_281_167)).toBe(false)
    expect(listed(all, 5000)).toBeNull()
  })

  it('changes nothing it was given', () => {
    const before: Ranges = [
      [0, 2],
      [4, 6],
    ]
    add(before, [[1, 5]])
    expect(before).toEqual([
      [0, 2],
      [4, 6],
    ])
  })
})

describe('a rubber band', () => {
  it('is a rectangle of cells', () => {
    expect([...set(band({ line: 2, column: 3 }, { line: 1, column: 1 }, 5, 100))]).toEqual([6, 7, 8, 11, 12, 13])
  })

  it('over whole lines is one range, cut off at the last row', () => {
    expect(band({ line: 0, column: 0 }, { line: 9, column: 4 }, 5, 23)).toEqual([[0, 23]])
  })

  it('in one column is a run of rows', () => {
    expect(band({ line: 7, column: 0 }, { line: 3, column: 0 }, 1, 100)).toEqual([[3, 8]])
  })
})
