/** Which key does what: one table for the page and for its help. Pure: a key press in, a command out. */
export type Command =
  | {
      do:
        | 'auto-fix'
        | 'keep'
        | 'exclude'
        | 'review'
        | 'unresolved'
        | 'undo'
        | 'redo'
        | 'help'
        | 'close'
        | 'all'
        | 'open'
        | 'tick'
        | 'newClass'
        | 'note'
        | 'next'
        | 'previous'
    }
  | { do: 'label'; rank: number }

interface Press {
  key: string
  ctrlKey: boolean
  metaKey: boolean
  shiftKey: boolean
  altKey: boolean
}

export function command(press: Press): Command | null {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key
  if (press.altKey) return null
  if (press.ctrlKey || press.metaKey) {
    if (key === 'z') return { do: press.shiftKey ? 'redo' : 'undo' }
    if (key === 'y' && !press.shiftKey) return { do: 'redo' }
    if (key === 'a' && !press.shiftKey) return { do: 'all' }
    return null
  }
  if (key === '?') return { do: 'help' }
  if (press.shiftKey) return null
  if (/^[1-9]$/.test(key)) return { do: 'label', rank: Number(key) }
  switch (key) {
    case 'w':
      return { do: 'auto-fix' }
    case 'q':
      return { do: 'keep' }
    case 'e':
      return { do: 'exclude' }
    case 'n':
      return { do: 'review' }
    case 'u':
      return { do: 'unresolved' }
    case 'l':
      return { do: 'newClass' }
    case 't':
      return { do: 'note' }
    case 'h':
      return { do: 'help' }
    case 'j':
      return { do: 'next' }
    case 'k':
      return { do: 'previous' }
    case 'x':
    case ' ':
      return { do: 'tick' }
    case 'Enter':
      return { do: 'open' }
    case 'Escape':
      return { do: 'close' }
    default:
      return null
  }
}

export const HELP: { title: string; keys: [string[], string][] }[] = [
  {
    title: 'Decide',
    keys: [
      [['W'], 'Accept the suggestion (or leave the row out, where that is the suggestion)'],
      [['Q'], 'Keep the given label'],
      [['E'], 'Leave the row out of the dataset'],
      [['N'], 'Needs review: tag it for a second look'],
      [['1', '…', '9'], 'Label with the class of that number in the list'],
      [['L'], 'Find a class, or type a new one'],
      [['U'], 'Mark as undecided'],
      [['T'], 'Write a note'],
    ],
  },
  {
    title: 'Move',
    keys: [
      [['←', '→', '↑', '↓'], 'From row to row'],
      [['J'], 'Next row'],
      [['K'], 'Previous row'],
      [['Home'], 'First row'],
      [['End'], 'Last row'],
      [['Enter'], 'Open the row'],
      [['Esc'], 'Close: first the selection, then the row'],
    ],
  },
  {
    title: 'Select many',
    keys: [
      [['X'], 'Tick a row (or the space bar)'],
      [['Shift', '←→↑↓'], 'Select from here to there; shift-click does the same'],
      [['drag'], 'Select what the frame covers'],
      [['Ctrl', 'A'], 'Select everything this filter shows'],
    ],
  },
  {
    title: 'Take back',
    keys: [
      [['Ctrl', 'Z'], 'Undo my last decision, one row or fifty thousand'],
      [['Shift', 'Ctrl', 'Z'], 'Redo'],
      [['H'], 'This help'],
    ],
  },
]
