import { expect, it } from 'vitest'
import { partsOf } from './Name'

it('breaks a name between its parts, and loses no letter of it', () => {
  expect(partsOf('balance_not-updated/after.top__up')).toEqual([
    'balance_',
    'not-',
    'updated/',
    'after.',
    'top__',
    'up',
  ])
  for (const name of ['', '_', 'cat', 'a_', '_b', '銀行']) expect(partsOf(name).join('')).toBe(name)
})
