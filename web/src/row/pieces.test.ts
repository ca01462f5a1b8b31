import { describe, expect, it } from 'vitest'
import { fromFirstMark, onlyHere, pieces, type Mark } from './pieces'

const found = (...texts: string[]): Mark[] => texts.map((text) => ({ text, tone: 'found' }))

it('marks each span and keeps every character', () => {
  const text = 'mail a.b@c.de or call +49 (30) 1 (a.b@c.de)'
  const cut = pieces(text, found('a.b@c.de', '+49 (30) 1'))
  expect(cut.map((piece) => piece.text).join('')).toBe(text)
  expect(cut.filter((piece) => piece.tone).map((piece) => piece.text)).toEqual(['a.b@c.de', '+49 (30) 1', 'a.b@c.de'])
})

it('marks nothing where nothing is given', () => {
  expect(pieces('x', [])).toEqual([{ text: 'x', tone: null }])
  expect(pieces('', found('a'))).toEqual([])
})

it('takes the longer of two overlapping spans', () => {
  expect(pieces('abc', found('ab', 'abc'))).toEqual([{ text: 'abc', tone: 'found' }])
})

it('marks words whole, in any case, with the side they speak for', () => {
  const text = 'Cards? My CARD, the card’s 1.5 Überweisung'
  const cut = pieces(text, [
    { text: 'card', tone: 'given' },
    { text: 'überweisung', tone: 'suggested' },
    { text: '1.5', tone: 'given' },
  ])
  expect(cut.map((piece) => piece.text).join('')).toBe(text)
  expect(cut.filter((piece) => piece.tone)).toEqual([
    { text: 'CARD', tone: 'given' },
    { text: '1.5', tone: 'given' },
    { text: 'Überweisung', tone: 'suggested' },
  ])
})

it('marks words and spans in one text', () => {
  const cut = pieces('refund to a.b@c.de', [
    ...found('a.b@c.de'),
    { text: 'refund', tone: 'suggested' },
    { text: 'a', tone: 'given' },
  ])
  expect(cut).toEqual([
    { text: 'refund', tone: 'suggested' },
    { text: ' to ', tone: null },
    { text: 'a.b@c.de', tone: 'found' },
  ])
})

describe('onlyHere', () => {
  it('marks the words that the other text lacks, and each as often as it lacks them', () => {
    const marked = (a: string, b: string) => onlyHere(a, b).flatMap((piece) => (piece.only ? [piece.text.trim()] : []))
    expect(marked('to be or not to be', 'To be or to be')).toEqual(['not'])
    expect(marked('a a a', 'a')).toEqual(['a', 'a'])
    expect(
      onlyHere('one  two', '')
        .map((piece) => piece.text)
        .join(''),
    ).toBe('one  two')
  })
})

describe('a line that begins near its first mark', () => {
  const card: Mark[] = [{ text: 'card', tone: 'given' }]
  it('is cut at a word where the mark stands late', () => {
    const text = `${'so many words before it '.repeat(4)}my card has not arrived`
    const line = fromFirstMark(text, card)
    expect(line).toMatch(/^… (\w+ )*my card has not arrived$/)
    expect(line.length).toBeLessThan(60)
  })
  it('stays whole where it stands early, or nowhere', () => {
    for (const text of ['my card has not arrived', 'nothing of the kind '.repeat(9), ''])
      expect(fromFirstMark(text, card)).toBe(text)
  })
  it('keeps the mark of a text without spaces', () => {
    expect(fromFirstMark(`${'あ'.repeat(90)}x@y.de`, found('x@y.de'))).toBe('… x@y.de')
  })
})
