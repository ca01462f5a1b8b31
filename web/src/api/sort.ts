/** Sorting by one column and then by others: what a click on a header makes of the keys there are. Pure. */
import type { Sort, SortKey } from './types'

const MOST = 5

export const sortKeys = (sort: Sort | null): SortKey[] =>
  sort ? [{ by: sort.by, descending: sort.descending }, ...(sort.then ?? [])] : []

const fromKeys = ([first, ...then]: SortKey[]): Sort | null =>
  first ? { ...first, ...(then.length ? { then } : {}) } : null

/** By this column alone, or (`further`) by it where the others tie; of a column that is a key already the order turns round. */
export function sortedBy(sort: Sort | null, by: string, further = false, descending = false): Sort | null {
  const keys = sortKeys(sort)
  const turned = keys.map((key) => (key.by === by ? { by, descending: !key.descending } : key))
  const known = keys.some((key) => key.by === by)
  if (further) return fromKeys(known ? turned : [...keys.slice(0, MOST - 1), { by, descending }])
  return fromKeys(known ? turned.filter((key) => key.by === by) : [{ by, descending }])
}
