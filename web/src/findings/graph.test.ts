import { describe, expect, it } from 'vitest'
import type { Finding } from '../api/types'
import { classesOf, edgesOf, layout, LINES, ROOM, shareOf } from './graph'

const finding = (type: string, subject: string[], check = 'relation'): Finding => ({
  check,
  type,
  title: '',
  message: '',
  subject,
  classes: subject,
  strength: null,
  low: null,
  high: null,
  rows: 1,
  examples: [],
  action: null,
})

describe('the graph of classes', () => {
  it('has one edge a pair, of the kind that says most', () => {
    const edges = edgesOf([finding('looks_alike', ['b', 'a']), finding('same_thing', ['a', 'b'])])
    expect(edges).toEqual([{ a: 'a', b: 'b', type: 'same_thing' }])
  })

  it('puts what hangs together into one box, and what most relate to in its middle', () => {
    const held = ['boot', 'clog', 'sandal'].map((name) => finding('has_a', ['store', name]))
    const group = finding('has_a', ['store', 'boot', 'clog', 'sandal'], 'relation_group')
    const { boxes, height } = layout([...held, group, finding('same_thing', ['corn', 'ear'])], 800)
    expect(boxes.map((box) => [box.nodes.length, box.name])).toEqual([
      [4, 'appear together'],
      [2, ''],
    ])
    expect(boxes[0]!.nodes[0]).toMatchObject({ label: 'store', x: boxes[0]!.width / 2 })
    expect(boxes[1]!.x).toBeGreaterThanOrEqual(boxes[0]!.width)
    expect(height).toBeGreaterThanOrEqual(boxes[0]!.height)
  })

  it('begins a new line where the width ends', () => {
    const pairs = [1, 2, 3].map((n) => finding('looks_alike', [`a${n}`, `b${n}`]))
    expect(new Set(layout(pairs, 300).boxes.map((box) => box.x))).toEqual(new Set([0]))
  })

  it('keeps every class within the width, as on a phone', () => {
    const names = Array.from({ length: 11 }, (_, at) => `class ${at}`)
    const all = names.flatMap((a, at) => names.slice(at + 1).map((b) => finding('looks_alike', [a, b])))
    const [box] = layout(all, 320).boxes
    expect(box!.width).toBeLessThanOrEqual(320)
    for (const one of box!.nodes) {
      expect(one.x).toBeGreaterThanOrEqual(75)
      expect(one.x).toBeLessThanOrEqual(box!.width - 75)
    }
    const places = new Set(box!.nodes.map(({ x, y }) => `${Math.round(x)} ${Math.round(y)}`))
    expect(places.size).toBe(names.length)
  })

  it.each([390, 1280, 1920])('lays no class on another at a width of %i', (width) => {
    for (let n = 3; n <= 16; n++) {
      const names = Array.from({ length: n }, (_, at) => `class ${at}`)
      const every = names.flatMap((a, at) => names.slice(at + 1).map((b) => finding('looks_alike', [a, b])))
      const star = names.slice(1).map((b) => finding('has_a', [names[0]!, b]))
      const ring = names.map((a, at) => finding('is_a', [a, names[(at + 1) % n]!]))
      for (const related of [every, star, ring]) {
        const [box] = layout(related, width - 60).boxes
        expect(box!.nodes.length).toBe(n)
        for (const one of box!.nodes) {
          expect(one.y + LINES / 2).toBeLessThanOrEqual(box!.height)
          for (const two of box!.nodes.slice(box!.nodes.indexOf(one) + 1)) {
            const touch = Math.abs(one.x - two.x) < ROOM - 0.01 && Math.abs(one.y - two.y) < LINES - 0.01
            expect(touch, `${n} classes: ${String(one.label)} and ${String(two.label)}`).toBe(false)
          }
        }
      }
    }
  })

  it('tells the classes of a finding with a direction', () => {
    const one = { ...finding('is_a', []), classes: { general: 'pole', specific: ['flagpole'] } }
    expect(classesOf(one)).toEqual(['pole', 'flagpole'])
  })
})

describe('what a strength is a share of', () => {
  it('is named by the kind of relation, of a group for its weakest pair', () => {
    expect(shareOf(finding('looks_alike', ['a', 'b']))).toBe('Rows of these classes that are taken for another of them')
    expect(shareOf(finding('same_thing', ['a', 'b', 'c'], 'relation_group'))).toMatch(/of the pair with the fewest$/)
    expect(shareOf(finding('has_a', ['a', 'b', 'c'], 'relation_group'))).toMatch(/show another one, too$/)
  })
  it('is named by the check where there is no kind, and is not made up', () => {
    expect(shareOf(finding('', [], 'split_leakage'))).toBe('Rows of the split that are copies')
    expect(shareOf(finding('', [], 'another'))).toBe('')
  })
})
