/** Of the texts in sight, and some further ones: the words that speak for either of their two labels. Asked once a row, when it rests. */
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import type { Row, Telling } from '../api/types'

export type Words = Telling['words'][string]
const AHEAD = 60 // rows

/** Has the row words to ask for? They tell two different labels apart. */
const asks = (row: Row) => row.text && row.suggested !== null && row.given !== null && row.suggested !== row.given

export function useTelling(
  id: string,
  on: boolean,
  first: number,
  end: number,
  get: (index: number) => Row | undefined,
): (row: number) => Words | undefined {
  const [known, setKnown] = useState<ReadonlyMap<number, Words>>(new Map())
  const asked = useRef(new Set<number>())
  useEffect(() => {
    if (!on) return
    const wanted = (upTo: number) => {
      const rows: number[] = []
      for (let index = first; index < upTo; index++) {
        const row = get(index)
        if (row && asks(row) && !asked.current.has(row.row)) rows.push(row.row)
      }
      return rows
    }
    if (!wanted(end).length) return
    const timer = window.setTimeout(() => {
      const rows = wanted(end + AHEAD)
      rows.forEach((row) => asked.current.add(row))
      void api.telling(id, rows).then(
        ({ words }) =>
          setKnown(
            (old) => new Map([...old, ...Object.entries(words).map(([row, list]) => [Number(row), list] as const)]),
          ),
        () => rows.forEach((row) => asked.current.delete(row)),
      )
    }, 150)
    return () => window.clearTimeout(timer)
  }, [id, on, first, end, get])
  return (row) => known.get(row)
}
