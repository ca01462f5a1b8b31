/** How the page says things: labels, counts, checks and actions in words. Pure. */
import type { ActionName, CheckInfo, Done, Entry, Label, Row } from './api/types'

export const UNLABELLED = 'no label'
/** The tag of rows that somebody has taken for themselves begins so; the name follows. */
export const TAKEN = 'taken by '
/** The tag of rows that want a second look. */
export const REVIEW_TAG = 'needs review'

/** A label as it is written, to be edited or compared. */
export const labelPlain = (label: Label | null | undefined): string =>
  label === null || label === undefined ? UNLABELLED : label === '' ? '(empty)' : String(label)

/** A label to be shown: one that is written from right to left does not turn the sentence around it. */
export const labelText = (label: Label | null | undefined): string => isolated(labelPlain(label))

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/
const isolated = (text: string): string => (RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text)
/** A sentence of the analysis, with the names that it quotes kept apart from it likewise. */
export const sentence = (text: string): string =>
  RIGHT_TO_LEFT.test(text) ? text.replace(/“([^”]*)”/g, (_, name: string) => `“${isolated(name)}”`) : text

export const labelKey = (label: Label | null): string => JSON.stringify(label)
export const labelFromKey = (key: string): Label | null => JSON.parse(key) as Label | null

export const count = (n: number): string => n.toLocaleString('en')
export const counted = (n: number, one: string, many: string): string => `${count(n)} ${n === 1 ? one : many}`
export const rows = (n: number): string => counted(n, 'row', 'rows')
/** Never "0%" or "100%" for what is neither. */
export function percent(share: number, digits = 0): string {
  if (!Number.isFinite(share)) return '–'
  const step = 10 ** -digits
  if (share > 0 && 100 * share < step) return `<${step}%`
  if (share < 1 && 100 * share > 100 - step) return `>${100 - step}%`
  return `${(100 * share).toFixed(digits)}%`
}

/** A probability, with one rounding wherever it stands: a model is never 100% sure. */
export const sure = (p: number): string => (p > 0.99 ? '>99%' : p < 0.01 ? '<1%' : `${Math.round(100 * p)}%`)

/** A long name with its middle left out: names that begin alike mostly differ in the end. */
export function shortened(text: string, most: number): string {
  const letters = [...text]
  if (letters.length <= most) return text
  const end = Math.floor((most - 1) / 2)
  return `${letters.slice(0, most - 1 - end).join('')}…${letters.slice(letters.length - end).join('')}`
}

export const megabytes = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`

const OPTION = /(?<!\w)--[a-z]/
/** What the terminal says, without the words for it: neither "(set with --label)" nor "; for another level: --class-level N" helps
 * on a page. Whole sentences stay. */
export const withoutOptions = (text: string): string => {
  const bracketed = text.replace(/\s*\(((?:[^()]|\([^()]*\))*)\)/g, (whole, inside: string) => {
    const left = inside.split('; ').filter((clause) => !OPTION.test(clause))
    return !OPTION.test(inside) ? whole : left.length > 0 ? ` (${left.join('; ')})` : ''
  })
  const [first, ...others] = bracketed.split('; ')
  return sentence([first, ...others.filter((clause) => !OPTION.test(clause) || /\. /.test(clause))].join('; '))
}

/** Why the labels were not judged, in a sentence; "" where they were. */
export function unjudged(checks: CheckInfo[]): string {
  const label = checks.find((check) => check.name === 'label')
  return !label || label.status === 'ran' ? '' : withoutOptions(label.why ?? '') || 'The check failed'
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

const STAGES: [RegExp, string][] = [
  [/^dataset/, 'Reading the data'],
  [/^encode\/.*(image|picture)/, 'Looking at the pictures'],
  [/^encode\/.*text/, 'Reading the texts'],
  [/^encode\/.*(cells|table)/, 'Reading the cells'],
  [/^encode/, 'Describing the rows'],
  [/^(neighbors|graph)/, 'Finding neighbours'],
  [/^duplicates/, 'Finding duplicates'],
  [/^folds/, 'Preparing the models'],
  [/^(predict|heads)/, 'Predicting labels out of sample'],
  [/^(issues|label|outlier)/, 'Judging the rows'],
  [/^insights/, 'Summing up'],
]

/** A stage of the analysis in words; an unknown one as it is. */
export const stageWord = (stage: string): string =>
  stage ? (STAGES.find(([pattern]) => pattern.test(stage))?.[1] ?? stage) : 'Starting'

export function when(iso: string): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  const today = at.toDateString() === new Date().toDateString()
  return at.toLocaleString(
    'en-GB',
    today
      ? { hour: '2-digit', minute: '2-digit', second: '2-digit' }
      : { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' },
  )
}

const PAST: Record<string, string> = {
  keep: 'Kept as given',
  label: 'Relabelled',
  exclude: 'Left out',
  'auto-fix': 'Suggestion accepted',
  unresolved: 'Marked undecided',
  clear: 'Decision cleared',
  tag: 'Tagged',
  untag: 'Untagged',
  note: 'Noted',
  undo: 'Undone',
  redo: 'Redone',
}

export const actionWord = (action: string): string => PAST[action] ?? action

/** ": dog → cat (5), cat → dog (2) and 3 more": from what to what. */
export function pairsText({ pairs = [], n_pairs = 0 }: Pick<Entry, 'pairs' | 'n_pairs'>): string {
  if (!pairs.length) return ''
  const shown = pairs.map(
    ([given, label, n]) => `${labelText(given)} → ${labelText(label)}${n > 1 || n_pairs > 1 ? ` (${count(n)})` : ''}`,
  )
  const more = n_pairs - pairs.length
  return `: ${shown.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`
}

/** "Relabelled 55 rows as boot" */
export function told(
  entry: Pick<Entry, 'action' | 'n_rows' | 'label' | 'text' | 'undoes' | 'pairs' | 'n_pairs'>,
): string {
  const what = rows(entry.n_rows)
  switch (entry.action) {
    case 'label':
      return `Relabelled ${what} as ${labelText(entry.label)}`
    case 'keep':
      return `Kept ${what} as given`
    case 'exclude':
      return `Left out ${what}`
    case 'auto-fix':
      return `Accepted the suggestion of ${what}${pairsText(entry)}`
    case 'unresolved':
      return `Marked ${what} undecided`
    case 'clear':
      return `Cleared the decision on ${what}`
    case 'tag':
      return `Tagged ${what} “${entry.text ?? ''}”`
    case 'untag':
      return `Took the tag “${entry.text ?? ''}” off ${what}`
    case 'note':
      return entry.text ? `Noted on ${what}` : `Removed the note of ${what}`
    case 'undo':
      return `Undid entry ${entry.undoes ?? ''} (${what})`
    case 'redo':
      return `Redid entry ${entry.undoes ?? ''} (${what})`
    default:
      return `${entry.action}: ${what}`
  }
}

export function outcome(done: Done): string {
  if (!done.entry && Object.keys(done.summary?.skipped ?? {}).join() === 'unchanged')
    return 'Nothing to change: it is so already.'
  if (!done.entry)
    return skippedText(done.summary?.skipped)
      ? `Nothing changed: ${skippedText(done.summary?.skipped)}.`
      : 'Nothing had to change.'
  const parts = [told(done.entry)]
  const summary = done.summary
  if (summary && done.entry.action === 'auto-fix' && summary.excluded > 0) {
    parts.push(summary.n === 1 ? 'left out' : `${count(summary.excluded)} left out`)
  }
  const skipped = skippedText(summary?.skipped)
  if (skipped && done.entry.n_rows !== 1) parts.push(`skipped ${skipped}`)
  if (done.kept) parts.push(`${rows(done.kept)} ${done.kept === 1 ? 'stays' : 'stay'} as decided later`)
  return `${parts.join('; ')}.`
}

/** Why rows stay as they are, by the server's codes. */
const SKIPPED: Record<string, string> = {
  unchanged: 'it is so already',
  'by-hand': 'decided by hand',
  fixed: 'fixed already',
  'no-suggestion': 'no suggestion',
  'not-certain': 'the suggestion is not sure enough',
  gone: 'no longer in the data',
  noted: 'has a note',
}

export const skippedWord = (code: string): string =>
  code.startsWith('meanwhile:') ? `decided meanwhile by ${code.slice(10)}` : (SKIPPED[code] ?? code)

export const skippedText = (skipped: Record<string, number> | undefined): string =>
  Object.entries(skipped ?? {})
    .filter(([, n]) => n > 0)
    .map(([code, n]) => `${count(n)} (${skippedWord(code)})`)
    .join(', ')

/** Why a row would be the one of its copies that stays, by the server's codes. */
const KEEP: Record<string, string> = {
  kept: 'somebody kept it',
  'right-label': 'its label is the right one',
  'no-label-issue': 'its label is not doubted',
  labelled: 'it has a label',
  largest: 'it is the largest',
  first: 'it is the first',
}
export const keepWord = (why: string | null | undefined, modality: string): string =>
  why === 'largest' && modality !== 'image' ? 'it is the longest' : (KEEP[why ?? ''] ?? '')

/** What a row is now, in one short phrase, or "" for untouched. */
export function stateText(row: Row): string {
  if (row.excluded) return 'left out'
  switch (row.action) {
    case 'keep':
      return 'kept'
    case 'label':
    case 'auto-fix':
      return row.corrected !== null ? `now ${labelText(row.corrected)}` : 'kept'
    case 'unresolved':
      return 'undecided'
    default:
      return ''
  }
}

/** An action as the beginning of a question: “Keep as given 12 rows?” */
export function verb(action: ActionName, label?: Label | null, text?: string): string {
  switch (action) {
    case 'auto-fix':
      return 'Accept the suggestions of'
    case 'keep':
      return 'Keep as given'
    case 'label':
      return `Label as “${labelText(label)}”`
    case 'exclude':
      return 'Leave out'
    case 'unresolved':
      return 'Mark undecided'
    case 'clear':
      return 'Clear the decision on'
    case 'tag':
      return `Tag “${text ?? ''}” on`
    case 'untag':
      return `Take “${text ?? ''}” off`
    case 'note':
      return 'Note on'
  }
}
