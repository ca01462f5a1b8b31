import { expect, it } from 'vitest'
import { pieces } from './pieces'

it('marks each span and keeps every character', () => {
  const text = 'mail a.b@c.de or call +49 (30) 1 (a.b@c.de)'
  const cut = pieces(text, ['a.b@c.de', '+49 (30) 1'])
  expect(cut.map((piece) => piece.text).join('')).toBe(text)
  expect(cut.filter((piece) => piece.on).map((piece) => piece.text)).toEqual(['a.b@c.de', '+49 (30) 1', 'a.b@c.de'])
})

it('marks nothing where nothing is given', () => {
  expect(pieces('x', [])).toEqual([{ text: 'x', on: false }])
  expect(pieces('', ['a'])).toEqual([])
})

it('takes the longer of two overlapping spans', () => {
  expect(pieces('abc', ['ab', 'abc'])).toEqual([{ text: 'abc', on: true }])
})
