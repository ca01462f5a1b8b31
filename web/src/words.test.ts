import { describe, expect, it } from 'vitest'
import { keepWord, percent, shortened, sure } from './words'

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
