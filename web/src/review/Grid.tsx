/**
 * The rows of the view: thumbnails, texts, or table lines. A listbox with one tab stop; the cursor is aria-activedescendant.
 * Only cells in sight exist. Cells are memoised on what they show, so that scrolling draws new lines and nothing else.
 */
import {
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type Ref,
  type RefObject,
} from 'react'
import type { Modality, Row, Sort } from '../api/types'
import { useOpened } from '../shell/context'
import { go } from '../url/router'
import { ImageCell, TableCell, TextCell } from '../row/cells'
import { step } from './gridMath'
import { sortedBy, sortKeys } from '../api/sort'
import { add, band, has, toggle, type Ranges } from './selection'
import { useBigGrid } from './useBigGrid'
import { useTelling } from './useTelling'

export interface GridHandle {
  show: (index: number) => void
  focus: () => void
}

interface Props {
  id: string
  modality: Modality
  /** as table lines, whatever the rows are */
  table: boolean
  /** texts in one line each */
  dense: boolean
  sort: Sort | null
  count: number
  thumb: number
  columns: string[]
  get: (index: number) => Row | undefined
  cursor: number
  open: number | null
  selection: Ranges
  pick: boolean
  titles: Record<string, string>
  onSight: (first: number, end: number) => void
  onCursor: (index: number, how: 'key' | 'click') => void
  onSelect: (ranges: Ranges) => void
  handle: Ref<GridHandle>
}

const CAPTION = 46
const TEXT_LINE = 96
const DENSE_LINE = 52
const TABLE_LINE = 40
const PICTURE_LINE = 60
const OWN_WIDTH: Record<Modality, number> = { image: 80, text: 340, table: 0 } // what is shown of the row itself

export function Grid(props: Props) {
  const { modality, count, thumb, cursor, selection, onSight, onCursor, onSelect } = props
  const scroller = useRef<HTMLDivElement>(null)
  const anchor = useRef(0)
  const extending = useRef(false)
  const { table } = props
  const own = modality === 'image' && !table
  const line = props.dense ? DENSE_LINE : TEXT_LINE
  const cellHeight = own ? thumb + CAPTION + 8 : !table ? line : modality === 'image' ? PICTURE_LINE : TABLE_LINE
  const grid = useBigGrid(scroller, count, cellHeight, own ? thumb + 8 : 0)
  const { first, end, columns, show } = grid

  useEffect(() => {
    onSight(first, end)
  }, [first, end, onSight])
  useImperativeHandle(props.handle, () => ({ show, focus: () => scroller.current?.focus({ preventScroll: true }) }), [
    show,
  ])

  // A selection begins where the cursor was moved to, by whatever key; only what extends it leaves its beginning alone.
  useEffect(() => {
    if (!extending.current) anchor.current = cursor
    extending.current = false
  }, [cursor])

  const extend = useCallback((to: number) => {
    const from = anchor.current
    return add([], [[Math.min(from, to), Math.max(from, to) + 1]])
  }, [])

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const next = step(event.key, cursor, count, columns, grid.perPage)
    if (next === null) return
    event.preventDefault()
    if (event.shiftKey) {
      extending.current = true
      onSelect(extend(next))
    }
    onCursor(next, 'key')
    show(next)
  }

  const onCell = useCallback(
    (index: number, event: MouseEvent) => {
      const box = (event.target as HTMLElement).closest('[data-tick]') !== null
      if (event.shiftKey) {
        onSelect(extend(index))
        return
      }
      anchor.current = index
      if (box || event.ctrlKey || event.metaKey || props.pick) onSelect(toggle(selection, index))
      else onCursor(index, 'click')
    },
    [extend, onCursor, onSelect, selection, props.pick],
  )

  const telling = useTelling(props.id, props.dense && modality === 'text' && !table, first, end, props.get)
  const drag = useBand(scroller, grid, count, selection, onSelect)
  const lines: number[] = []
  for (let index = first; index < end; index++) lines.push(index)
  const shownOwn = OWN_WIDTH[modality]
  const fixed = useMemo(() => [88, ...(shownOwn ? [shownOwn] : []), 150, 140, 150], [shownOwn])
  const template = useMemo(
    () =>
      props.columns.length > 0
        ? [...fixed, ...props.columns.map(() => 150)].map((width) => `${width}px`).join(' ') + ' 1fr'
        : fixed.map((width) => (width > 100 ? `minmax(${width}px, ${width}fr)` : `${width}px`)).join(' '),
    [fixed, props.columns],
  )
  const width = table ? fixed.reduce((a, b) => a + b, 0) + 150 * props.columns.length : undefined
  const head = useRef<HTMLDivElement>(null)

  return (
    <div className={`grid-frame ${table ? 'grid-table' : ''}`}>
      {table && (
        <div ref={head} className="table-head-frame">
          <Head
            template={template}
            width={width}
            titles={props.titles}
            columns={props.columns}
            sort={props.sort}
            own={shownOwn > 0}
          />
        </div>
      )}
      <div
        ref={scroller}
        className="grid"
        role="listbox"
        aria-label="Rows"
        aria-multiselectable="true"
        aria-activedescendant={count ? `cell-${cursor}` : undefined}
        tabIndex={0}
        onKeyDown={onKey}
        onScroll={() => {
          if (head.current && scroller.current) head.current.scrollLeft = scroller.current.scrollLeft
        }}
        {...drag}
      >
        <div role="presentation" style={{ height: grid.physical, position: 'relative', minWidth: width }}>
          {lines.map((index) => {
            const row = props.get(index)
            const shared = {
              index,
              row,
              selected: has(selection, index),
              current: index === cursor,
              open: row !== undefined && row.row === props.open,
              count,
              onCell,
              anySelected: selection.length > 0,
              top: Math.floor(index / columns) * cellHeight + grid.shift,
            }
            if (own)
              return (
                <ImageCell
                  key={index}
                  {...shared}
                  id={props.id}
                  left={(index % columns) * grid.cellWidth}
                  width={grid.cellWidth}
                  height={cellHeight}
                />
              )
            if (!table)
              return (
                <TextCell
                  key={index}
                  {...shared}
                  dense={props.dense}
                  telling={row && telling(row.row)}
                  height={cellHeight}
                />
              )
            return (
              <TableCell
                key={index}
                {...shared}
                id={props.id}
                modality={modality}
                height={cellHeight}
                columns={props.columns}
                template={template}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** The names of the columns; a click sorts by one, another turns the order round. */
function Head({
  template,
  width,
  titles,
  columns,
  sort,
  own,
}: {
  template: string
  width: number | undefined
  titles: Record<string, string>
  columns: string[]
  sort: Sort | null
  own: boolean
}) {
  const { project } = useOpened()
  const ours = (column: string) => project.columns.find((one) => one.ours && one.column === column)?.name
  const label = (name: string | undefined, title: string) => {
    if (!name || !project.columns.some((column) => column.name === name)) return <span key={title}>{title}</span>
    const on = sortKeys(sort).find((key) => key.by === name)
    return (
      <span key={name}>
        <button
          type="button"
          title={`Sort by ${title}; with Shift: then by ${title}`}
          aria-label={`${title}${on ? (on.descending ? ', highest first' : ', lowest first') : ''}; sort`}
          onClick={(event) => go({ sort: sortedBy(sort, name, event.shiftKey) })}
        >
          {title}
          {on && <span aria-hidden="true"> {on.descending ? '↓' : '↑'}</span>}
        </button>
      </span>
    )
  }
  return (
    <div className={`table-head${own ? ' with-own' : ''}`} style={{ gridTemplateColumns: template, minWidth: width }}>
      <span>Issues</span>
      {own && <span>{project.modality === 'image' ? 'Picture' : 'Text'}</span>}
      {label(ours('row_id'), 'Row')}
      {label(ours('given_label'), 'Given')}
      {label(ours('suggested_label'), 'Suggested')}
      {columns.map((name) => label(name, titles[name] || name))}
    </div>
  )
}

/** A frame dragged over the grid selects what it covers; near an edge the grid scrolls along. */
function useBand(
  scroller: RefObject<HTMLDivElement | null>,
  grid: ReturnType<typeof useBigGrid>,
  count: number,
  selection: Ranges,
  onSelect: (ranges: Ranges) => void,
) {
  const state = useRef<{
    x: number
    y: number
    from: { line: number; column: number }
    base: Ranges
    on: boolean
    timer: number
    to: { x: number; y: number }
  } | null>(null)
  const swallow = useRef(false)
  const gridNow = useRef(grid)
  gridNow.current = grid

  const apply = () => {
    const now = state.current
    if (!now?.on) return
    const to = gridNow.current.at(now.to.x, now.to.y)
    onSelect(add(now.base, band(now.from, to, gridNow.current.columns, count)))
  }
  const stop = () => {
    if (state.current) window.clearInterval(state.current.timer)
    state.current = null
  }
  const handlers = {
    onPointerDown: (event: PointerEvent<HTMLDivElement>) => {
      if (event.button !== 0 || event.pointerType === 'touch' || event.shiftKey) return
      const element = scroller.current!
      if (event.clientX - element.getBoundingClientRect().left > element.clientWidth) return // the scroll bar
      swallow.current = false
      const point = { x: event.clientX, y: event.clientY }
      state.current = {
        ...point,
        from: gridNow.current.at(point.x, point.y),
        base: event.ctrlKey || event.metaKey ? selection : [],
        on: false,
        timer: 0,
        to: point,
      }
    },
    onPointerMove: (event: PointerEvent<HTMLDivElement>) => {
      const now = state.current
      if (!now) return
      now.to = { x: event.clientX, y: event.clientY }
      if (!now.on) {
        if (Math.hypot(event.clientX - now.x, event.clientY - now.y) < 8) return
        now.on = true
        scroller.current!.setPointerCapture(event.pointerId)
        now.timer = window.setInterval(() => {
          const box = scroller.current!.getBoundingClientRect()
          const past =
            now.to.y < box.top + 24
              ? now.to.y - box.top - 24
              : now.to.y > box.bottom - 24
                ? now.to.y - box.bottom + 24
                : 0
          if (past) {
            scroller.current!.scrollTop += Math.max(-60, Math.min(60, past))
            apply()
          }
        }, 30)
      }
      apply()
    },
    onPointerUp: () => {
      swallow.current = state.current?.on ?? false
      stop()
    },
    onPointerCancel: stop,
    // the click that ends a drag is no click
    onClickCapture: (event: MouseEvent) => {
      if (swallow.current) event.stopPropagation()
      swallow.current = false
    },
  }
  useEffect(() => stop, [])
  return handlers
}
