/** Queries that more than one screen asks. Everything that a decision can change lies under ['live', project]. */
import { hashKey, QueryClient, useQuery } from '@tanstack/react-query'
import { api, onSignedOut, Problem } from './client'
import type { Ask, Done, Facets, Filter, Page, Sort } from './types'
import { sortKeys } from './sort'

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (times, error) => error instanceof Problem && (error.status === 0 || error.status >= 500) && times < 2,
    },
  },
})

onSignedOut(() => void client.invalidateQueries({ queryKey: ['session'] }))

export const live = (project: string, ...rest: unknown[]) => ['live', project, ...rest]

export const PAGE = 100 // rows that are asked for at once
export const pageKey = (project: string, filter: Filter, sort: Sort | null, page: number) =>
  live(project, 'rows', filter, sort, page)

/** Ask again for everything on screen; resolves once it is shown. */
export const refresh = (project: string): Promise<void> => client.invalidateQueries({ queryKey: ['live', project] })

const OF_STATE = ['corrected', 'final', 'action', 'by', 'tag', 'untagged', 'note', 'resolved'] as const
/** Do decisions decide which rows a view holds, or in which order? */
export const dependsOnDecisions = (filter: Filter, sort: Sort | null): boolean =>
  OF_STATE.some((key) => filter[key] !== undefined) || sortKeys(sort).some((key) => key.by === 'decided')

/**
 * A few rows were decided, and the answer says how they stand: views that hold the same rows as before are written anew from it,
 * instead of asked for, and so are the pages and counts that it brought along. What else is on screen is asked for, the map and
 * other rows' details when they are next shown.
 */
export function patch(project: string, done: Done, { shown, counted }: Pick<Ask, 'shown' | 'counted'>): Promise<void> {
  const now = new Map(done.rows?.map((row) => [row.row, row]))
  const brought = new Set<string>()
  if (done.page && shown)
    for (let at = 0; at < shown.limit; at += PAGE) {
      const key = pageKey(project, shown.filter, shown.sort, (shown.offset + at) / PAGE)
      brought.add(hashKey(key))
      client.setQueryData<Page>(key, {
        ...done.page,
        offset: shown.offset + at,
        rows: done.page.rows.slice(at, at + PAGE),
      })
    }
  if (done.facets && counted) {
    const key = live(project, 'facets', counted)
    brought.add(hashKey(key))
    client.setQueryData<Facets>(key, done.facets)
  }
  const quiet = (key: readonly unknown[]) => {
    if (key[2] === 'row') return !now.has(key[3] as number)
    if (brought.has(hashKey(key))) return true
    if (key[2] === 'narrow') return !dependsOnDecisions(key[3] as Filter, null)
    return key[2] === 'rows' && !dependsOnDecisions(key[3] ?? {}, (key[4] ?? null) as Sort | null)
  }
  for (const [key, page] of client.getQueriesData<Page>({ queryKey: live(project, 'rows') }))
    if (page && quiet(key) && page.rows.some((row) => now.has(row.row)))
      client.setQueryData(key, { ...page, rows: page.rows.map((row) => now.get(row.row) ?? row) })
  const whole = live(project, 'facets', {})
  if (done.resolved != null) client.setQueryData<Facets>(whole, (old) => old && { ...old, resolved: done.resolved! })
  // the header alone shows of the whole project's counts only what the answer said; whoever else looks at them asks anew
  const header = (client.getQueryCache().find({ queryKey: whole })?.getObserversCount() ?? 0) <= 1
  const known = header && done.resolved != null ? hashKey(whole) : ''
  const later = (key: readonly unknown[]) => key[2] === 'map' || hashKey(key) === known
  const mine = (key: readonly unknown[]) => key[0] === 'live' && key[1] === project && !quiet(key)
  void client.invalidateQueries({ predicate: ({ queryKey: key }) => mine(key) && later(key), refetchType: 'none' })
  return client.invalidateQueries({ predicate: ({ queryKey: key }) => mine(key) && !later(key) })
}

export const useProjectQuery = (id: string) => useQuery({ queryKey: ['project', id], queryFn: () => api.project(id) })

export const useFacets = (id: string, filter: Filter, enabled = true) =>
  useQuery({
    enabled,
    queryKey: live(id, 'facets', filter),
    queryFn: ({ signal }) => api.facets(id, filter, signal),
    placeholderData: (old) => old,
  })
