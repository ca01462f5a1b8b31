/** Narrowing by clicking on bars: classes and splits with their counts under the other filters, and scores by a range. */
import { RangeSlider, Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { ColumnInfo, Label } from '../api/types'
import { useOpened } from '../shell/context'
import { go, usePlace } from '../url/router'
import { count, labelKey, labelText } from '../words'

const SHOWN = 8

export function Narrow() {
  const [open, setOpen] = useState(false)
  return (
    <section>
      <details className="narrow" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Narrow by</summary>
        {open && <Keys />}
      </details>
    </section>
  )
}

/** What each key would narrow the filter to; one request for all of them. */
function Keys() {
  const { id, project } = useOpened()
  const { filter } = usePlace()
  const [picked, setPicked] = useState<string | null>(null)
  const columns = project.columns.filter((column) => column.ours && column.kind === 'score')
  const column =
    columns.find((one) => one.name === picked) ??
    columns.find((one) => one.column === 'label_issue_score') ??
    columns[0]
  const { data } = useQuery({
    queryKey: live(id, 'narrow', filter, column?.name),
    queryFn: ({ signal }) => api.narrow(id, filter, column?.name, signal),
    placeholderData: (old) => old,
  })
  return (
    <>
      <Values title="Given" of="given" list={data?.given ?? []} />
      <Values title="Suggested" of="suggested" list={data?.suggested ?? []} />
      <Values title="Split" of="split" list={data?.split ?? []} />
      {column && <Scores columns={columns} column={column} pick={setPicked} counts={data?.counts ?? []} />}
    </>
  )
}

/** The values of one key, most frequent first; a click takes one, another click lets it go. */
function Values({
  title,
  of,
  list,
}: {
  title: string
  of: 'given' | 'suggested' | 'split'
  list: [Label | null, number][]
}) {
  const { filter } = usePlace()
  const { [of]: taken, ...others } = filter
  const [all, setAll] = useState(false)
  const top = Math.max(1, ...list.map(([, n]) => n))
  if (list.length === 0 || (of === 'split' && list.length < 2)) return null
  const now = new Set((taken ?? []).map((value) => labelKey(value)))
  const turn = (value: Label | null) => {
    const key = labelKey(value)
    const next = now.has(key)
      ? (taken as (Label | null)[]).filter((one) => labelKey(one) !== key)
      : [...(taken ?? []), value]
    go({ filter: next.length ? { ...others, [of]: next } : others, row: null })
  }
  return (
    <div role="group" aria-label={`Narrow by ${title.toLowerCase()}`}>
      <h3>{title}</h3>
      <ul>
        {list.slice(0, all ? 60 : SHOWN).map(([value, n]) => (
          <li key={labelKey(value)}>
            <button
              type="button"
              className={now.has(labelKey(value)) ? 'on' : ''}
              aria-pressed={now.has(labelKey(value))}
              title={labelText(value)}
              onClick={() => turn(value)}
            >
              <span className="narrow-bar" style={{ width: `${(100 * n) / top}%` }} />
              <span className="cut">{labelText(value)}</span>
              <span>{count(n)}</span>
            </button>
          </li>
        ))}
      </ul>
      {list.length > SHOWN && (
        <button type="button" className="bare more-values" onClick={() => setAll(!all)}>
          {all ? 'fewer' : `${count(list.length - SHOWN)} more`}
        </button>
      )}
    </div>
  )
}

/** One score as a histogram; what the two handles enclose is shown. */
function Scores({
  columns,
  column,
  pick,
  counts,
}: {
  columns: ColumnInfo[]
  column: ColumnInfo
  pick: (name: string | null) => void
  counts: number[]
}) {
  const { filter } = usePlace()
  const where = (filter.where ?? []).filter((one) => one.column !== column.name)
  const { where: _, ...left } = filter
  const now = filter.where?.find((one) => one.column === column.name)
  const range: [number, number] = [Number(now?.min ?? 0), Number(now?.max ?? 1)]
  const top = Math.max(1, ...counts.map((n) => Math.log1p(n)))
  const brush = ([min, max]: [number, number]) => {
    const whole = min <= 0 && max >= 1
    const next = whole
      ? where
      : [...where, { column: column.name, ...(min > 0 ? { min } : {}), ...(max < 1 ? { max } : {}) }]
    go({ filter: next.length ? { ...left, where: next } : left, row: null })
  }
  return (
    <div role="group" aria-label="Narrow by a score">
      <Select
        size="xs"
        aria-label="Which score to narrow by"
        data={columns.map((one) => ({ value: one.name, label: one.title || one.name }))}
        value={column.name}
        onChange={pick}
        allowDeselect={false}
      />
      <svg
        className="narrow-histogram"
        viewBox={`0 0 ${counts.length || 1} 1`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {counts.map((n, at) => {
          const middle = (at + 0.5) / counts.length
          const height = Math.log1p(n) / top
          return (
            <rect
              key={at}
              x={at + 0.08}
              width={0.84}
              y={1 - height}
              height={height}
              className={middle >= range[0] && middle <= range[1] ? 'in' : ''}
            />
          )
        })}
      </svg>
      <RangeSlider
        key={`${column.name} ${range.join()}`}
        size="sm"
        min={0}
        max={1}
        step={0.025}
        minRange={0.025}
        defaultValue={range}
        label={(value) => value.toFixed(2)}
        onChangeEnd={brush}
        thumbFromLabel={`Lowest ${column.title}`}
        thumbToLabel={`Highest ${column.title}`}
      />
    </div>
  )
}
