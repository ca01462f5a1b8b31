import { expect, it } from 'vitest'
import { plainNumber, rangeText } from './Evidence'

it('says where a value lies in words, without digits that mean nothing', () => {
  expect(rangeText(0, 0.0000001439, 1)).toBe('0: at the lower end of the usual 0 to 1')
  expect(rangeText(0.0001, 0.004, 0.99)).toBe('under 0.01: at the lower end of the usual 0 to 0.99')
  expect(rangeText(0.9931, 0.2, 0.9929)).toBe('0.99: at the upper end of the usual 0.2 to 0.99')
  expect(rangeText(-3, 0.001, 1)).toBe('-3: far below the usual 0 to 1')
  expect(rangeText(0.02, 0.18, 1)).toBe('0.02: far below the usual 0.18 to 1')
  expect(rangeText(2, 0.18, 1)).toBe('2: far above the usual 0.18 to 1')
  expect(rangeText(0.5, 0.18, 1)).toBe('0.5: within the usual 0.18 to 1')
  expect(plainNumber(1234.56)).toBe('1,235')
})
