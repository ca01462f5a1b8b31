import { describe, expect, it } from 'vitest'
import { sortedBy } from './sort'

describe('sort keys', () => {
  const one = sortedBy(null, 'a')
  it('begin with one, which a second click turns round', () => {
    expect(one).toEqual({ by: 'a', descending: false })
    expect(sortedBy(one, 'a')).toEqual({ by: 'a', descending: true })
  })
  it('grow by further ones, each of which turns alone', () => {
    const two = sortedBy(one, 'b', true)
    expect(two).toEqual({ by: 'a', descending: false, then: [{ by: 'b', descending: false }] })
    expect(sortedBy(two, 'b', true)).toEqual({ by: 'a', descending: false, then: [{ by: 'b', descending: true }] })
  })
  it('are one again after a plain click', () => {
    expect(sortedBy(sortedBy(one, 'b', true), 'c')).toEqual({ by: 'c', descending: false })
  })
})
