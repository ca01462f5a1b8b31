import { describe, expect, it } from 'vitest'
import type { CheckInfo } from './api/types'
import { keepWord, percent, shortened, sure, unjudged, withoutOptions } from './words'

describe('words', () => {
  it('shorten long names in the middle, whatever their letters', () => {
    expect(shortened('card_payment_wrong_exchange_rate', 21)).toBe('card_payme…hange_rate')
    expect(shortened('short', 21)).toBe('short')
    expect([...shortened('👗'.repeat(30), 9)]).toHaveLength(9)
  })

  it('write percentages as the sentences of the analysis do', () => {
    expect([percent(0.0694, 1), percent(0.0001), percent(0.9999), sure(0.999), sure(0.5)]).toEqual([
      '6.9%',
      '<1%',
      '>99%',
      '>99%',
      '50%',
    ])
  })

  it('say of texts that one is longer, of pictures that one is larger', () => {
    expect(keepWord('largest', 'text')).toBe('it is the longest')
    expect(keepWord('largest', 'image')).toBe('it is the largest')
    expect(keepWord('first', 'text')).toBe('it is the first')
  })
})

describe('what the terminal says', () => {
  it('is told without the words for the terminal', () => {
    const told = [
      [
        "labels: none (name one with --label; 'a' (2 values) could be); left out",
        "labels: none ('a' (2 values) could be); left out",
      ],
      ["labels: column 'intent' (by its name; set with --label)", "labels: column 'intent' (by its name)"],
      [
        'a says all; no more. Choose another with --text, or none.',
        'a says all; no more. Choose another with --text, or none.',
      ],
      ["image column: 'a' (set with --image)", "image column: 'a'"],
      ['classes: folder level 1 (cat, dog); for another level: --class-level N', 'classes: folder level 1 (cat, dog)'],
      [
        'labels: none; a, b hold 0 or 1; for one of them: --label a; label checks are left out',
        'labels: none; a, b hold 0 or 1; label checks are left out',
      ],
      ['ids of rows--as they came; nothing else', 'ids of rows--as they came; nothing else'],
    ]
    for (const [said, shown] of told) expect(withoutOptions(said!)).toBe(shown)
  })
})

describe('why labels were not judged', () => {
  const label = (status: string, why: string | null) => [{ name: 'label', status, why } as CheckInfo]
  it('is said without the words of the command line, and of a failure, too', () => {
    expect(unjudged(label('ran', null))).toBe('')
    expect(unjudged([])).toBe('')
    expect(unjudged(label('skipped', 'the data has no labels (name them with --label)'))).toBe('the data has no labels')
    expect(unjudged(label('failed', null))).toBe('The check failed')
  })
})
