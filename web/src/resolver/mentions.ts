/** Names after an @ in a note: what is being typed, and the note with the name written out. Pure. */

/** The beginning of a name that ends at the caret: "see @an|" -> {start: 4, typed: "an"}; null where none is being typed. */
export function mentionAt(text: string, caret: number): { start: number; typed: string } | null {
  const found = /(?:^|[\s(])@([^\s@]{0,40})$/.exec(text.slice(0, caret))
  return found && { start: caret - found[1]!.length - 1, typed: found[1]! }
}

/** Names that begin as typed, in any case. */
export const namesFor = (typed: string, people: string[]): string[] =>
  people.filter((name) => name.toLowerCase().startsWith(typed.toLowerCase())).slice(0, 6)

/** The text with the name in place of what was typed, and where the caret goes. */
export function complete(text: string, caret: number, name: string): { text: string; caret: number } {
  const at = mentionAt(text, caret)
  if (!at) return { text, caret }
  const before = `${text.slice(0, at.start)}@${name} `
  return { text: before + text.slice(caret).replace(/^ /, ''), caret: before.length }
}
