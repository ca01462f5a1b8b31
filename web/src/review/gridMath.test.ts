import { describe, expect, it } from 'vitest'
import { geometry, inSight, offsetAfter, place, reveal, step, TALLEST } from './gridMath'

const IMAGENET = 1_281_167
const HEIGHT = 700
const tall = geometry(IMAGENET, 900, HEIGHT, 170, 150)

describe('a grid of 1,281,167 cells', () => {
  it('keeps its spacer below what browsers clamp', () => {
    expect(tall.columns).toBe(6)
    expect(tall.virtual).toBeGreaterThan(33_000_000)
    expect(tall.physical).toBe(TALLEST)
  })

  it('reaches the last row when the bar is at its end', () => {
    const bottom = tall.physical - HEIGHT
    const offset = offsetAfter(bottom, 0, 0, HEIGHT, tall)
    const line = Math.floor((bottom + offset) / 170)
    const [, end] = inSight(line, HEIGHT, 170, IMAGENET, tall.columns, 2)
    expect(end).toBe(IMAGENET)
    expect(bottom + offset + HEIGHT).toBeCloseTo(tall.virtual, 0)
  })

  it('reaches the first row when the bar is at its start', () => {
    expect(offsetAfter(0, 900, 4321, HEIGHT, tall)).toBe(0)
  })

  it('moves one to one on small steps', () => {
    const at = place(5_000_000, HEIGHT, tall)
    expect(at.scroll + at.offset).toBeCloseTo(5_000_000, 6)
    expect(offsetAfter(at.scroll + 120, at.scroll, at.offset, HEIGHT, tall)).toBe(at.offset)
  })

  it('never shows a place beyond its ends, wherever small steps lead', () => {
    let { scroll, offset } = place(tall.virtual - 5000, HEIGHT, tall)
    for (let i = 0; i < 100; i++) {
      const next = Math.min(scroll + 100, tall.physical - HEIGHT)
      offset = offsetAfter(next, scroll, offset, HEIGHT, tall)
      scroll = next
      expect(scroll + offset).toBeLessThanOrEqual(tall.virtual - HEIGHT + 1e-6)
      expect(scroll + offset).toBeGreaterThanOrEqual(0)
    }
  })

  it('can place every hundred-thousandth line exactly', () => {
    for (let line = 0; line < tall.lines; line += 10_007) {
      const { scroll, offset } = place(line * 170, HEIGHT, tall)
      expect(scroll + offset).toBeCloseTo(Math.min(line * 170, tall.virtual - HEIGHT), 6)
      expect(scroll).toBeLessThanOrEqual(TALLEST - HEIGHT)
    }
  })
})

describe('a grid of a few cells', () => {
  const few = geometry(10, 900, HEIGHT, 170, 150)

  it('is an ordinary page', () => {
    expect(few).toMatchObject({ lines: 2, physical: 340, ratio: 1 })
    expect(offsetAfter(100, 0, 0, HEIGHT, few)).toBe(0)
    expect(inSight(0, HEIGHT, 170, 10, 6, 2)).toEqual([0, 10])
  })

  it('of none draws nothing', () => {
    expect(inSight(0, HEIGHT, 170, 0, 6, 2)).toEqual([0, 0])
  })
})

describe('the cursor', () => {
  it('moves by keys and stays inside', () => {
    expect(step('ArrowRight', 3, 10, 4, 8)).toBe(4)
    expect(step('ArrowDown', 3, 10, 4, 8)).toBe(7)
    expect(step('ArrowDown', 7, 10, 4, 8)).toBe(9)
    expect(step('ArrowDown', 9, 10, 4, 8)).toBe(9)
    expect(step('ArrowUp', 2, 10, 4, 8)).toBe(2)
    expect(step('End', 2, 10, 4, 8)).toBe(9)
    expect(step('ArrowLeft', 0, 10, 4, 8)).toBe(0)
    expect(step('x', 0, 10, 4, 8)).toBeNull()
  })

  it('is brought into sight only where it is not', () => {
    expect(reveal(0, 0, 700, 170, 6)).toBeNull()
    expect(reveal(60, 0, 700, 170, 6)).toBe(10 * 170 + 170 - 700)
    expect(reveal(6, 500, 700, 170, 6)).toBe(170)
  })
})
