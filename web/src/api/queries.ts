/** Queries that more than one screen asks. Everything that a decision can change lies under ['live', project]. */
import { QueryClient, useQuery } from '@tanstack/react-query'
import { api, onSignedOut, Problem } from './client'
import type { Filter } from './types'

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

/** Ask again for everything on screen; resolves once it is shown. */
export const refresh = (project: string): Promise<void> => client.invalidateQueries({ queryKey: ['live', project] })

export const useProjectQuery = (id: string) => useQuery({ queryKey: ['project', id], queryFn: () => api.project(id) })

export const useFacets = (id: string, filter: Filter) =>
  useQuery({
    queryKey: live(id, 'facets', filter),
    queryFn: ({ signal }) => api.facets(id, filter, signal),
    placeholderData: (old) => old,
  })
