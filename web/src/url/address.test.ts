import { describe, expect, it } from 'vitest'
import type { Filter } from '../api/types'
import { decodeFilter, decodePlace, encodeFilter, encodePlace, NOWHERE, packRows, unpackRows } from './address'

const FILTERS: Filter[] = [
  {},
  { any: ['label', 'outlier'], none: ['near_duplicate'], resolved: false },
  { given: ['a,b', 'ünï & co', null, 3, true, '3'], suggested: [0] },
  { action: ['', 'auto-fix'], by: ['ann'], tag: ['needs review, now'], untagged: true },
  { note: 'what?', cluster: [0, 17], similar: { row: 1_281_166 } },
  { similar: { text: '17' } },
  { contains: 'St. "Mary" & co' },
  { similar: { picture: 'k-9&' } },
  { note: true, split: ['train'], ids: ['cat/1.png', 7], rows: [0, 1, 2, 9, 40_000] },
  {
    where: [
      { column: 'age', min: 1, max: 2.5 },
      { column: 'p&q', contains: '"x" = y' },
      { column: 'd', blank: true },
      { column: 'c', in: [null, 'z'] },
    ],
  },
]

describe('the address of a view', () => {
  it.each(FILTERS)('gives back the filter %j', (filter) => {
    expect(decodeFilter(new URLSearchParams(encodeFilter(filter).toString()))).toEqual(filter)
  })

  it('gives back the whole place', () => {
    const place = {
      project: 'my photos/ü',
      tab: 'charts' as const,
      filter: { ...FILTERS[2]!, rows: [3, 4] },
      sort: { by: 'label_issue_score', descending: true, then: [{ by: 'a,b', descending: false }] },
      row: 17,
      pick: true,
      look: 'sets' as const,
      lasso: true,
      pair: ['a', 2] as [string, number],
    }
    const url = new URL(encodePlace(place), 'http://x')
    expect(decodePlace(url.pathname, url.search)).toEqual(place)
  })

  it('is a plain address where nothing is chosen', () => {
    expect(encodePlace({ ...NOWHERE, project: 'x' })).toBe('/p/x/review')
    expect(encodePlace(NOWHERE)).toBe('/')
  })

  it('survives what people do to addresses', () => {
    expect(decodePlace('/p/x/nonsense', '?given=[oops&row=-3&sort=-a&similar=&where={}&cluster=z')).toEqual({
      ...NOWHERE,
      project: 'x',
      sort: { by: 'a', descending: true },
    })
    expect(decodePlace('/p/%E0%A4%A/review', '').project).toBe('%E0%A4%A')
  })
})

describe('packed row numbers', () => {
  it('come back sorted and unique', () => {
    expect(unpackRows(packRows([33, 5, 6, 7, 33, 0]))).toEqual([0, 5, 6, 7, 33])
    expect(unpackRows(packRows([]))).toEqual([])
    const many = Array.from({ length: 3000 }, (_, i) => i * 7 + (i % 3))
    expect(unpackRows(packRows(many))).toEqual([...new Set(many)].sort((a, b) => a - b))
  })

  it('are short where rows are neighbours', () => {
    expect(packRows(Array.from({ length: 50_000 }, (_, i) => i + 10)).length).toBeLessThan(10)
  })
})
