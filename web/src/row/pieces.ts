/** What to mark in a text: a span as it stands, or a whole word in upper or lower case. `tone` says why. */
export interface Mark {
  text: string
  tone: 'found' | 'given' | 'suggested'
}

const WORD = String.raw`\p{L}[\p{L}\p{N}_'’]*|\d[\d.,]*` // as the server counts words

/** Cut a text at the places where one of `marks` stands, longest first. Found spans are matched as given, words whole and in any case. Pure. */
export function pieces(text: string, marks: Mark[]): { text: string; tone: Mark['tone'] | null }[] {
  const spans = [...new Set(marks.filter((mark) => mark.tone === 'found').map((mark) => mark.text))]
    .filter(Boolean)
    .sort((a, b) => b.length - a.length)
  const words = new Map(
    marks.filter((mark) => mark.tone !== 'found').map((mark) => [mark.text.toLowerCase(), mark.tone]),
  )
  const parts = spans.map(escaped)
  if (words.size) parts.push(WORD)
  if (!parts.length) return [{ text, tone: null }]
  const out: { text: string; tone: Mark['tone'] | null }[] = []
  let plain = 0
  for (const found of text.matchAll(new RegExp(parts.join('|'), 'gu'))) {
    const tone = spans.includes(found[0]) ? 'found' : words.get(found[0].toLowerCase())
    if (!tone) continue
    if (found.index > plain) out.push({ text: text.slice(plain, found.index), tone: null })
    out.push({ text: found[0], tone })
    plain = found.index + found[0].length
  }
  if (plain < text.length) out.push({ text: text.slice(plain), tone: null })
  return out
}

const LEAD = 24 // characters before the first mark that stay

/** A long text from shortly before its first mark on, so that one line shows it; as it is where the mark stands early or nowhere. Pure. */
export function fromFirstMark(text: string, marks: Mark[]): string {
  let at = 0
  for (const piece of pieces(text, marks)) {
    if (piece.tone) break
    at += piece.text.length
  }
  if (at >= text.length || at <= 2 * LEAD) return text
  const word = text.indexOf(' ', at - LEAD)
  return `… ${text.slice(word < 0 || word >= at ? at : word + 1)}`
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** A text cut into pieces: words that the other text does not have (as often), and what both have. Pure. */
export function onlyHere(text: string, other: string): { text: string; only: boolean }[] {
  const left = new Map<string, number>()
  for (const [word] of other.toLowerCase().matchAll(/\S+/g)) left.set(word, (left.get(word) ?? 0) + 1)
  const out: { text: string; only: boolean }[] = []
  for (const part of text.split(/(\s+)/)) {
    const word = part.toLowerCase()
    const n = left.get(word) ?? 0
    const only = /\S/.test(part) && n === 0
    if (n) left.set(word, n - 1)
    const last = out[out.length - 1]
    if (last && last.only === only) last.text += part
    else if (part) out.push({ text: part, only })
  }
  return out
}
