import { describe, expect, it } from 'vitest'
import { command, HELP } from './keys'

const press = (
  key: string,
  more: Partial<{ ctrlKey: boolean; metaKey: boolean; shiftKey: boolean; altKey: boolean }> = {},
) => command({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more })

describe('keys', () => {
  it('decide', () => {
    expect(['w', 'Q', 'e', 'n'].map((key) => press(key)?.do)).toEqual(['auto-fix', 'keep', 'exclude', 'review'])
    expect(press('7')).toEqual({ do: 'label', rank: 7 })
    expect(press('0')).toBeNull()
  })

  it('undo with ctrl or cmd, redo with shift', () => {
    expect(press('z', { ctrlKey: true })).toEqual({ do: 'undo' })
    expect(press('z', { metaKey: true })).toEqual({ do: 'undo' })
    expect(press('Z', { metaKey: true, shiftKey: true })).toEqual({ do: 'redo' })
  })

  it('leave the browser its own: ctrl-W, ctrl-1 and alt-anything do nothing', () => {
    expect(press('w', { ctrlKey: true })).toBeNull()
    expect(press('1', { metaKey: true })).toBeNull()
    expect(press('e', { altKey: true })).toBeNull()
    expect(press('z')).toBeNull()
  })

  it('are all told in the help', () => {
    const told = HELP.flatMap((part) => part.keys.flatMap(([keys]) => keys))
    for (const key of ['W', 'Q', 'E', 'N', 'L', 'U', 'T', 'H', 'J', 'K', 'X', 'Enter', 'Esc'])
      expect(told).toContain(key)
  })
})
