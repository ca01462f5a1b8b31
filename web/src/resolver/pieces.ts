/** Cut a text at the places where one of `marks` stands (longest first, upper and lower case as given). Pure. */
export function pieces(text: string, marks: string[]): { text: string; on: boolean }[] {
  const words = [...new Set(marks)].filter(Boolean).sort((a, b) => b.length - a.length)
  if (!words.length) return [{ text, on: false }]
  const pattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'gu')
  const out: { text: string; on: boolean }[] = []
  let last = 0
  for (const found of text.matchAll(pattern)) {
    if (found.index > last) out.push({ text: text.slice(last, found.index), on: false })
    out.push({ text: found[0], on: true })
    last = found.index + found[0].length
  }
  if (last < text.length) out.push({ text: text.slice(last), on: false })
  return out
}
