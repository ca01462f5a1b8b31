/** A filter in words, part by part, and the filter without one part. Pure. */
import type { ColumnInfo, Condition, Filter, Label } from '../api/types'
import { actionWord, count, labelText, rows } from '../words'

export interface Chip {
  key: string
  text: string
  without: Filter
  edit?: Field
}

/** What the filter menu can ask about. */
export type Field =
  | { kind: 'labels'; key: 'given' | 'suggested' | 'predicted' | 'corrected' | 'final'; title: string }
  | { kind: 'words'; key: 'action' | 'by' | 'tag' | 'split'; title: string }
  | { kind: 'checks'; key: 'any' | 'all' | 'none'; title: string }
  | { kind: 'note'; title: string }
  | { kind: 'untagged'; title: string }
  | { kind: 'likeText'; title: string }
  | { kind: 'likePicture'; title: string }
  | { kind: 'ids'; title: string }
  | { kind: 'column'; column: ColumnInfo; title: string }

const LABELS = {
  given: 'Given',
  suggested: 'Suggested',
  predicted: 'Predicted',
  corrected: 'Corrected',
  final: 'Final label',
} as const
const WORDS = { action: 'Decision', by: 'Decided by', tag: 'Tag', split: 'Split' } as const

export const FIELDS: Field[] = [
  ...(Object.keys(LABELS) as (keyof typeof LABELS)[]).map((key): Field => ({
    kind: 'labels',
    key,
    title: LABELS[key],
  })),
  ...(Object.keys(WORDS) as (keyof typeof WORDS)[]).map((key): Field => ({ kind: 'words', key, title: WORDS[key] })),
  { kind: 'checks', key: 'any', title: 'Any of these issues' },
  { kind: 'checks', key: 'all', title: 'All of these issues' },
  { kind: 'checks', key: 'none', title: 'None of these issues' },
  { kind: 'note', title: 'Note' },
  { kind: 'untagged', title: 'Without a tag' },
  { kind: 'ids', title: 'Row ids' },
]

export const LIKE_TEXT: Field = { kind: 'likeText', title: 'Like a text of your own' }
export const LIKE_PICTURE: Field = { kind: 'likePicture', title: 'Like a picture of your own' }

export function chips(
  filter: Filter,
  titles: { checks: Record<string, string>; columns: Record<string, ColumnInfo> },
  lasso = false,
): Chip[] {
  const out: Chip[] = []
  const put = (key: keyof Filter, text: string, edit?: Field) => {
    const { [key]: _, ...without } = filter
    out.push({ key, text, without, edit })
  }
  const check = (name: string) => titles.checks[name] ?? (name === 'clean' ? 'No issue' : name)
  const field = (key: string) => FIELDS.find((f) => 'key' in f && f.key === key)
  if (filter.any?.length) put('any', filter.any.map(check).join(' or '), field('any'))
  if (filter.all?.length) put('all', filter.all.map(check).join(' and '), field('all'))
  if (filter.none?.length) put('none', `not ${filter.none.map(check).join(', not ')}`, field('none'))
  for (const key of Object.keys(LABELS) as (keyof typeof LABELS)[]) {
    const values = filter[key]
    if (values?.length) put(key, `${LABELS[key]}: ${few(values.map(labelText))}`, field(key))
  }
  if (filter.action?.length)
    put(
      'action',
      `Decision: ${few(filter.action.map((a) => (a === '' ? 'none yet' : actionWord(a).toLowerCase())))}`,
      field('action'),
    )
  if (filter.by?.length) put('by', `Decided by ${few(filter.by)}`, field('by'))
  if (filter.resolved !== undefined) put('resolved', filter.resolved ? 'Decided' : 'Not decided')
  if (filter.tag?.length) put('tag', `Tag: ${few(filter.tag)}`, field('tag'))
  if (filter.untagged) put('untagged', 'Without a tag')
  if (filter.note !== undefined)
    put(
      'note',
      filter.note === true
        ? 'With a note'
        : filter.note === false
          ? 'Without a note'
          : `Note contains “${filter.note}”`,
    )
  if (filter.contains) put('contains', `Any text contains “${filter.contains}”`)
  if (filter.odd_cells !== undefined) put('odd_cells', filter.odd_cells ? 'Odd cells' : 'No odd cell')
  if (filter.split?.length) put('split', `Split: ${few(filter.split.map((split) => split ?? 'none'))}`, field('split'))
  if (filter.cluster?.length) put('cluster', `Duplicate group ${few(filter.cluster.map(String))}`)
  if (filter.rows) put('rows', `${rows(filter.rows.length)} ${lasso ? 'drawn round on the map' : 'picked one by one'}`)
  if (filter.ids?.length) put('ids', `Ids: ${few(filter.ids.map(String))}`)
  if (filter.similar) put('similar', likenessText(filter.similar))
  filter.where?.forEach((condition, at) => {
    const left = filter.where!.filter((_, i) => i !== at)
    const { where: _, ...others } = filter
    out.push({
      key: `where-${at}`,
      text: conditionText(condition, titles.columns[condition.column]?.title ?? condition.column),
      without: left.length ? { ...others, where: left } : others,
    })
  })
  return out
}

export function conditionText(condition: Condition, title: string): string {
  if (condition.contains != null) return `${title} contains “${condition.contains}”`
  if (condition.blank != null) return condition.blank ? `${title} is blank` : `${title} is not blank`
  if (condition.in)
    return `${title}: ${few(condition.in.map((value) => (value === null ? 'blank' : value === true ? 'yes' : value === false ? 'no' : labelText(value))))}`
  const { min, max } = condition
  if (min != null && max != null) return `${title}: ${number(min)} to ${number(max)}`
  return min != null ? `${title} ≥ ${number(min)}` : `${title} ≤ ${number(max!)}`
}

const number = (value: number | string) =>
  typeof value === 'number' ? value.toLocaleString('en', { maximumSignificantDigits: 4 }) : value
const few = (words: string[]) =>
  words.length > 3 ? `${words.slice(0, 3).join(', ')} and ${words.length - 3} more` : words.join(', ')

/** One value of one key, taken on or off: what a click on a bar or a menu does. */
export function withValue(
  filter: Filter,
  key: 'given' | 'suggested' | 'predicted' | 'corrected' | 'final',
  value: Label | null,
): Filter {
  return { ...filter, [key]: [value] }
}

function likenessText(similar: NonNullable<Filter['similar']>): string {
  if (similar.text) return `Like “${similar.text.length > 40 ? `${similar.text.slice(0, 39)}…` : similar.text}”`
  return similar.picture ? 'Like a picture' : `Like row ${count(similar.row ?? 0)}`
}
