import { describe, expect, it } from 'vitest'
import { draw, fit, inside, middles, nearest, packed, TONES, type Points } from './scatter'

const points: Points = {
  x: new Float32Array([0, 1, 0, 1, 0.5]),
  y: new Float32Array([0, 0, 1, 1, 0.5]),
  colour: new Uint8Array([0, 0, 1, 1, 2]),
}
const camera = fit(points.x, points.y, 100, 100)

describe('the map', () => {
  it('fits every point into the canvas', () => {
    const pixels = new Uint32Array(100 * 100)
    draw(pixels, 100, 100, points, camera, new Uint32Array([7, 8, 9]), 3)
    expect([7, 8, 9].map((value) => pixels.filter((pixel) => pixel === value).length)).toEqual([18, 18, 9])
    expect(pixels[50 * 100 + 50]).toBe(9)
  })

  it('draws up as up', () => {
    const pixels = new Uint32Array(100 * 100)
    draw(pixels, 100, 100, points, camera, new Uint32Array([7, 8, 9]), 1)
    expect(pixels.indexOf(8)).toBeLessThan(pixels.indexOf(7))
  })

  it('finds the nearest point within reach', () => {
    expect(nearest(points, camera, 100, 100, 52, 49, 10)).toBe(4)
    expect(nearest(points, camera, 100, 100, 30, 50, 5)).toBe(-1)
  })

  it('takes what the lasso encloses and leaves hidden points alone', () => {
    expect(
      inside(points, camera, 100, 100, [
        [0, 0],
        [100, 0],
        [100, 45],
        [0, 45],
      ]),
    ).toEqual([2, 3])
    expect(
      inside(points, camera, 100, 100, [
        [0, 0],
        [100, 0],
        [100, 100],
        [0, 100],
      ]),
    ).toEqual([0, 1, 2, 3, 4])
    expect(
      inside({ ...points, colour: new Uint8Array([255, 0, 0, 0, 0]) }, camera, 100, 100, [
        [0, 0],
        [100, 0],
        [100, 100],
        [0, 100],
      ]),
    ).toEqual([1, 2, 3, 4])
    expect(
      inside(points, camera, 100, 100, [
        [0, 0],
        [1, 1],
      ]),
    ).toEqual([])
  })

  it('does not mind no points, or all on one spot', () => {
    expect(fit([], [], 10, 10)).toEqual({ x: 0, y: 0, scale: 1 })
    expect(Number.isFinite(fit([2, 2], [3, 3], 10, 10).scale)).toBe(true)
  })

  it('packs colours as image memory has them', () => {
    expect(packed('#102030')).toBe(0xff302010)
  })

  it('names a class at the point nearest to its middle, and none that is hidden', () => {
    const many: Points = {
      x: new Float32Array([0, 1, 2, 9, 9]),
      y: new Float32Array([0, 0, 0, 9, 9]),
      colour: new Uint8Array([0, 0, 0, 255, 255]),
    }
    expect(middles([4, 4, 4, 7, 7], many, [7, 4])).toEqual([{ code: 4, at: 1 }])
  })

  it('has thirty tones, no two alike', () => {
    expect(new Set(TONES.map((tone) => packed(tone))).size).toBe(30)
  })
})
