/** Pages of 100 rows of the current view, asked for as they come into sight; old ones stay on screen while new ones arrive. */
import { useQueries, type UseQueryResult } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { api } from '../api/client'
import { client, PAGE, pageKey } from '../api/queries'
import type { Filter, Page, Row, Sort } from '../api/types'

export interface Rows {
  total: number | null
  number: number
  error: unknown
  get: (index: number) => Row | undefined
  /** where a row stands among the pages in sight; -1 = nowhere in the view, undefined = not known here */
  find: (row: number) => number | undefined
  /** the pages in sight, as a request for them */
  asked: { filter: Filter; sort: Sort | null; offset: number; limit: number }
  retry: () => void
}

export function useRows(id: string, filter: Filter, sort: Sort | null, first: number, end: number): Rows {
  const wanted = useSettled(
    Math.floor(first / PAGE),
    Math.max(Math.floor(first / PAGE), Math.floor(Math.max(first, end - 1) / PAGE)),
  )
  const pages = useMemo(() => Array.from({ length: wanted[1] - wanted[0] + 1 }, (_, i) => wanted[0] + i), [wanted])

  const combine = useCallback((results: UseQueryResult<Page>[]) => {
    const newest = results.reduce<UseQueryResult<Page> | null>(
      (a, b) => (b.data && (!a || b.dataUpdatedAt > a.dataUpdatedAt) ? b : a),
      null,
    )
    return {
      total: newest?.data?.total ?? null,
      number: results.reduce((least, result) => (result.data ? Math.min(least, result.data.number) : least), Infinity),
      error: results.find((result) => result.error)?.error ?? null,
      data: results.map((result) => result.data),
      retry: () => results.forEach((result) => result.error && void result.refetch()),
    }
  }, [])
  const { total, number, error, data, retry } = useQueries({
    queries: pages.map((page) => ({
      queryKey: pageKey(id, filter, sort, page),
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.view(id, { filter, sort, offset: page * PAGE, limit: PAGE }, signal),
      staleTime: 60_000,
    })),
    combine,
  })

  // While the first page of a new view is on its way the count of the last one stands, so that nothing jumps.
  const [lastTotal, setLastTotal] = useState<number | null>(null)
  useEffect(() => {
    if (total !== null) setLastTotal(total)
  }, [total])

  const get = useCallback(
    (index: number) => {
      const page = Math.floor(index / PAGE)
      const at = page - wanted[0]
      const shown = at >= 0 && at < data.length ? data[at] : client.getQueryData<Page>(pageKey(id, filter, sort, page))
      return shown?.rows[index - page * PAGE]
    },
    [data, wanted, id, filter, sort],
  )
  const find = useCallback(
    (row: number) => {
      for (const page of data) {
        const at = page?.rows.findIndex((one) => one.row === row) ?? -1
        if (at >= 0) return page!.offset + at
      }
      const held = data.reduce((sum, page) => sum + (page?.rows.length ?? 0), 0)
      return held === total ? -1 : undefined
    },
    [data, total],
  )
  const asked = useMemo(
    () => ({ filter, sort, offset: wanted[0] * PAGE, limit: (wanted[1] - wanted[0] + 1) * PAGE }),
    [filter, sort, wanted],
  )
  return { total: total ?? lastTotal, number, error, get, find, asked, retry }
}

/** One row by its position, from memory or from the server. */
export async function rowAt(id: string, filter: Filter, sort: Sort | null, index: number): Promise<Row | undefined> {
  const page = Math.floor(index / PAGE)
  const data = await client.ensureQueryData({
    queryKey: pageKey(id, filter, sort, page),
    queryFn: () => api.view(id, { filter, sort, offset: page * PAGE, limit: PAGE }),
  })
  return data.rows[index - page * PAGE]
}

/** A dragged scroll bar crosses thousands of pages: ask only for those where it rests (steps to a neighbour are taken at once). */
function useSettled(first: number, last: number): readonly [number, number] {
  const [settled, setSettled] = useState<readonly [number, number]>([first, last])
  const near = Math.abs(first - settled[0]) <= 2
  useEffect(() => {
    const timer = window.setTimeout(
      () => setSettled((old) => (old[0] === first && old[1] === last ? old : [first, last])),
      near ? 0 : 90,
    )
    return () => window.clearTimeout(timer)
  }, [first, last, near])
  return settled
}
