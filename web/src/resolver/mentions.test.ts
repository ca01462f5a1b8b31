import { expect, it } from 'vitest'
import { complete, mentionAt, namesFor } from './mentions'

it('knows what is typed after an @ and where', () => {
  expect(mentionAt('see @an', 7)).toEqual({ start: 4, typed: 'an' })
  expect(mentionAt('@', 1)).toEqual({ start: 0, typed: '' })
  expect(mentionAt('see @an now', 7)).toEqual({ start: 4, typed: 'an' })
  for (const [text, caret] of [
    ['see @ann ', 9],
    ['mail a@b', 8],
    ['', 0],
    ['@ann', 0],
  ] as const)
    expect(mentionAt(text, caret)).toBeNull()
})

it('offers the names that begin so, in any case', () => {
  expect(namesFor('an', ['bob', 'Ann', 'anna'])).toEqual(['Ann', 'anna'])
  expect(namesFor('', ['bob', 'Ann'])).toEqual(['bob', 'Ann'])
  expect(namesFor('x', ['bob'])).toEqual([])
})

it('writes the name out and goes on behind it', () => {
  expect(complete('see @an now', 7, 'Ann')).toEqual({ text: 'see @Ann now', caret: 9 })
  expect(complete('@', 1, 'bob')).toEqual({ text: '@bob ', caret: 5 })
  expect(complete('none', 4, 'bob')).toEqual({ text: 'none', caret: 4 })
})
