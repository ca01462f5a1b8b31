/**
 * The address bar is the state of the view: which project, which page, filter, sort, open row.
 * In: a location. Out: a `Place` and back; pure. Labels are written as JSON, so that 1 and "1" stay apart.
 */
import type { Condition, Filter, Label, Sort, SortKey } from '../api/types'

export const TABS = ['overview', 'review', 'findings', 'charts', 'map', 'compare', 'history'] as const
export type Tab = (typeof TABS)[number]

export const LOOKS = ['sets', 'table', 'map', 'dense'] as const
export type Look = (typeof LOOKS)[number]

export interface Place {
  project: string | null
  tab: Tab
  filter: Filter
  sort: Sort | null
  row: number | null
  /** how the grid selects: a click opens a row, or ticks it */
  pick: boolean
  /** how the rows are laid out: null = as their kind is shown, "sets" of copies, a "table", the "map" beside them */
  look: Look | null
  /** the rows of the filter were drawn round on the map */
  lasso: boolean
  /** the two classes of the page Compare */
  pair: [Label | null, Label | null]
}

export const NOWHERE: Place = {
  project: null,
  tab: 'review',
  filter: {},
  sort: null,
  row: null,
  pick: false,
  look: null,
  lasso: false,
  pair: [null, null],
}

const WORDS = ['any', 'all', 'none', 'action'] as const // plain names: written with commas
const VALUES = ['given', 'suggested', 'predicted', 'corrected', 'final', 'by', 'tag', 'split', 'ids'] as const // lists of anything: JSON
const FLAGS = ['untagged', 'resolved', 'odd_cells'] as const

export function encodeFilter(filter: Filter, into = new URLSearchParams()): URLSearchParams {
  for (const key of WORDS) if (filter[key]?.length) into.set(key, filter[key].map((word) => word || '-').join(','))
  for (const key of VALUES) if (filter[key]?.length) into.set(key, JSON.stringify(filter[key]))
  for (const key of FLAGS) if (filter[key] !== undefined) into.set(key, String(filter[key]))
  if (filter.contains) into.set('contains', filter.contains)
  if (filter.note !== undefined) into.set('note', JSON.stringify(filter.note))
  if (filter.cluster?.length) into.set('cluster', filter.cluster.join(','))
  if (filter.rows) into.set('rows', packRows(filter.rows))
  if (filter.similar)
    into.set('similar', filter.similar.row == null ? JSON.stringify(filter.similar) : String(filter.similar.row))
  if (filter.where?.length) into.set('where', JSON.stringify(filter.where))
  return into
}

export function decodeFilter(from: URLSearchParams): Filter {
  const filter: Record<string, unknown> = {}
  for (const key of WORDS) {
    const text = from.get(key)
    if (text) filter[key] = text.split(',').map((word) => (word === '-' ? '' : word))
  }
  for (const key of VALUES) {
    const list = parse(from.get(key))
    if (Array.isArray(list) && list.length) filter[key] = list
  }
  for (const key of FLAGS) {
    const text = from.get(key)
    if (text === 'true' || text === 'false') filter[key] = text === 'true'
  }
  const contains = from.get('contains')
  if (contains) filter.contains = contains
  const note = parse(from.get('note'))
  if (typeof note === 'boolean' || typeof note === 'string') filter.note = note
  const cluster = from.get('cluster')?.split(',').map(Number).filter(Number.isInteger)
  if (cluster?.length) filter.cluster = cluster
  const rows = from.get('rows')
  if (rows !== null) filter.rows = unpackRows(rows)
  const similar = from.get('similar')
  if (similar !== null && /^\d+$/.test(similar)) filter.similar = { row: Number(similar) }
  else if (similar !== null) {
    const like = parse(similar) as { text?: unknown; picture?: unknown } | null | undefined
    if (typeof like?.text === 'string') filter.similar = { text: like.text }
    else if (typeof like?.picture === 'string') filter.similar = { picture: like.picture }
  }
  const where = parse(from.get('where'))
  if (Array.isArray(where) && where.length) filter.where = where as Condition[]
  return filter
}

export function encodePlace(place: Place): string {
  if (place.project === null) return '/'
  const query = encodeFilter(place.filter)
  if (place.sort) query.set('sort', keyText(place.sort))
  if (place.sort?.then?.length) query.set('then', JSON.stringify(place.sort.then.map(keyText)))
  if (place.row !== null) query.set('row', String(place.row))
  if (place.pick) query.set('pick', '1')
  if (place.lasso && place.filter.rows) query.set('lasso', '1')
  if (place.look) query.set('look', place.look)
  if (place.pair.some((label) => label !== null)) query.set('pair', JSON.stringify(place.pair))
  const text = query.toString()
  return `/p/${encodeURIComponent(place.project)}/${place.tab}${text ? `?${text}` : ''}`
}

export function decodePlace(path: string, search: string): Place {
  const [, p, id, tab] = path.split('/')
  if (p !== 'p' || !id) return NOWHERE
  const query = new URLSearchParams(search)
  const sort = query.get('sort')
  const then = parse(query.get('then'))
  const row = query.get('row')
  const pair = parse(query.get('pair'))
  return {
    project: safely(() => decodeURIComponent(id)) ?? id,
    tab: TABS.find((name) => name === tab) ?? 'review',
    filter: decodeFilter(query),
    sort: sort
      ? {
          ...sortKey(sort),
          ...(Array.isArray(then) && then.length
            ? {
                then: then
                  .filter((key) => typeof key === 'string')
                  .slice(0, 4)
                  .map(sortKey),
              }
            : {}),
        }
      : null,
    row: row !== null && /^\d+$/.test(row) ? Number(row) : null,
    pick: query.get('pick') === '1',
    lasso: query.get('lasso') === '1' && query.has('rows'),
    look: LOOKS.find((name) => name === query.get('look')) ?? null,
    pair: Array.isArray(pair) && pair.length === 2 ? [pair[0] as Label | null, pair[1] as Label | null] : [null, null],
  }
}

const keyText = (key: SortKey): string => (key.descending ? '-' : '') + key.by
const sortKey = (text: string): SortKey => ({ by: text.replace(/^-/, ''), descending: text.startsWith('-') })

/** Row numbers as runs and gaps in base 36: neighbours cost two characters, so that a lasso fits into an address. */
export function packRows(rows: number[]): string {
  const sorted = [...new Set(rows)].sort((a, b) => a - b)
  const parts: string[] = []
  let last = -1
  for (let at = 0; at < sorted.length;) {
    let run = 1
    while (at + run < sorted.length && sorted[at + run] === sorted[at]! + run) run++
    parts.push((sorted[at]! - last - 1).toString(36) + (run > 1 ? `_${(run - 1).toString(36)}` : ''))
    last = sorted[at]! + run - 1
    at += run
  }
  return parts.join('.')
}

export function unpackRows(text: string): number[] {
  const rows: number[] = []
  let last = -1
  for (const part of text.split('.')) {
    if (!part) continue
    const [gap, run] = part.split('_')
    const first = last + 1 + parseInt(gap!, 36)
    const more = run ? parseInt(run, 36) : 0
    if (!Number.isFinite(first) || !Number.isFinite(more) || rows.length + more > 200_000) break
    for (let row = first; row <= first + more; row++) rows.push(row)
    last = first + more
  }
  return rows
}

function parse(text: string | null): unknown {
  return text === null ? undefined : safely(() => JSON.parse(text) as unknown)
}

function safely<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
