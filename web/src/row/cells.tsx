/** One row in the grid, as picture, text or table line. Memoised: a cell is drawn again only when what it shows changes. */
import {
  IconArrowRight,
  IconBan,
  IconCheck,
  IconCopy,
  IconMessage,
  IconQuestionMark,
  IconTag,
} from '@tabler/icons-react'
import { memo, useState, type MouseEvent, type ReactNode } from 'react'
import { api } from '../api/client'
import type { Row, Telling } from '../api/types'
import { found, Marked } from './Marked'
import { fromFirstMark, type Mark } from './pieces'
import { checkOf, useOpened } from '../shell/context'
import { labelPlain, labelText, stateText, sure } from '../words'

interface Shared {
  index: number
  row: Row | undefined
  selected: boolean
  current: boolean
  open: boolean
  count: number
  anySelected: boolean
  top: number
  height: number
  onCell: (index: number, event: MouseEvent) => void
}

function attributes(p: Shared, kind: string) {
  const { row } = p
  return {
    id: `cell-${p.index}`,
    role: 'option',
    'aria-selected': p.selected,
    'aria-posinset': p.index + 1,
    'aria-setsize': p.count,
    'aria-busy': row ? undefined : true,
    'data-row': row?.row,
    className: `cell ${kind}${p.selected ? ' selected' : ''}${p.current ? ' current' : ''}${p.open ? ' open' : ''}${row?.excluded ? ' out' : ''}${row?.action ? ' decided' : ''}${p.anySelected ? ' picking' : ''}`,
    onClick: (event: MouseEvent) => p.onCell(p.index, event),
  }
}

/** What was decided, before what was flagged: a mark in words and colour. */
export function Labels({ row }: { row: Row }) {
  const changed = row.corrected !== null && row.action !== 'keep'
  const to = row.excluded ? null : changed ? row.corrected : row.action ? null : row.suggested
  return (
    <span className="labels">
      <span
        dir="auto"
        title={labelPlain(row.given)}
        className={`given${changed || row.excluded ? ' struck' : ''}${row.given === null ? ' none' : ''}`}
      >
        {labelText(row.given)}
      </span>
      {to !== null && (
        <span className={changed ? 'to done' : 'to'}>
          <IconArrowRight size={13} role="img" aria-label={changed ? 'changed to' : 'suggested'} />
          <span dir="auto" title={labelPlain(to)}>
            {labelText(to)}
          </span>
        </span>
      )}
    </span>
  )
}

export function StateMark({ row }: { row: Row }) {
  const icon: ReactNode = row.excluded ? (
    <IconBan size={13} />
  ) : row.action === 'keep' || row.action === 'label' || row.action === 'auto-fix' ? (
    <IconCheck size={13} />
  ) : row.action === 'unresolved' ? (
    <IconQuestionMark size={13} />
  ) : null
  return (
    <>
      {row.tags.length > 0 && (
        <span className="mark tag" title={row.tags.join(', ')}>
          <IconTag size={13} aria-label={`Tags: ${row.tags.join(', ')}`} />
        </span>
      )}
      {row.note && (
        <span className="mark" title={row.note}>
          <IconMessage size={13} aria-label="Has a note" />
        </span>
      )}
      {icon && (
        <span
          className={`mark ${row.excluded ? 'bad' : row.action === 'unresolved' ? '' : 'good'}`}
          title={`${stateText(row)}${row.person ? ` (${row.person})` : ''}`}
        >
          {icon}
        </span>
      )}
    </>
  )
}

export function Letters({ checks }: { checks: string[] }) {
  const { project } = useOpened()
  const shown = checks.filter(
    (check) =>
      check !== 'clean' &&
      !checkOf(project, check)?.harmless &&
      !(check === 'exact_duplicate' && checks.includes('near_duplicate') && checks.length > 3),
  )
  return (
    <span className="letters">
      {shown.slice(0, 4).map((check) => (
        <Letter key={check} check={check} />
      ))}
      {shown.length > 4 && <span className="letter plain">+{shown.length - 4}</span>}
    </span>
  )
}

export function Letter({ check }: { check: string }) {
  const { project } = useOpened()
  const known = checkOf(project, check)
  return (
    <span className={`letter ${known?.tone ?? 'plain'}`} title={known?.title ?? check}>
      {known?.letter ?? check.slice(0, 2)}
    </span>
  )
}

function Tick({ selected }: { selected: boolean }) {
  return (
    <span className="tick" data-tick aria-hidden="true">
      {selected && <IconCheck size={14} stroke={3} />}
    </span>
  )
}

export const ImageCell = memo(function ImageCell(p: Shared & { id: string; left: number; width: number }) {
  const { row } = p
  return (
    <div
      {...attributes(p, 'image')}
      style={{ transform: `translate(${p.left}px, ${p.top}px)`, width: p.width, height: p.height }}
    >
      <div className="cell-inner">
        <div className="thumb">
          {row && <RowThumb id={p.id} row={row} />}
          {row && <Letters checks={row.checks} />}
          <Tick selected={p.selected} />
        </div>
        <div className="caption">
          {row ? (
            <>
              <Labels row={row} />
              <span className="marks">
                {row.cluster !== null && (
                  <span className="mark" title={`Duplicates: group ${row.cluster}`}>
                    <IconCopy size={13} aria-label="Has duplicates" />
                  </span>
                )}
                <StateMark row={row} />
              </span>
            </>
          ) : (
            <span className="ghost" />
          )}
        </div>
      </div>
    </div>
  )
})

/** Rows that could not be read have no picture to ask for. */
export function RowThumb({ id, row }: { id: string; row: Row }) {
  return row.checks.includes('not_analyzed') ? (
    <span className="no-thumb">No picture</span>
  ) : (
    <Thumb src={api.thumb(id, row.row)} />
  )
}

export function Thumb({ src, alt = '' }: { src: string; alt?: string }) {
  const [state, setState] = useState<'wait' | 'ok' | 'bad'>('wait')
  if (state === 'bad') return <span className="no-thumb">No picture</span>
  return (
    <img
      key={src}
      src={src}
      alt={alt}
      draggable={false}
      decoding="async"
      className={state}
      onLoad={() => setState('ok')}
      onError={() => setState('bad')}
    />
  )
}

/** `telling`: the words that speak for either label; a line of one row begins near the first of them. */
export const TextCell = memo(function TextCell(
  p: Shared & { dense: boolean; telling: Telling['words'][string] | undefined },
) {
  const { row } = p
  const marks: Mark[] = [
    ...found(row?.marked),
    ...(p.telling ?? []).map(({ word, side }) => ({ text: word, tone: side })),
  ]
  return (
    <div
      {...attributes(p, p.dense ? 'text dense' : 'text')}
      style={{ transform: `translateY(${p.top}px)`, height: p.height, width: '100%' }}
    >
      <div className="cell-inner">
        <Tick selected={p.selected} />
        <div className="text-main">
          {row ? (
            <p title={p.dense ? (row.text ?? undefined) : undefined}>
              {row.text === null || row.text === '' ? (
                <i>(empty)</i>
              ) : (
                <Marked text={p.dense ? fromFirstMark(row.text, marks) : row.text} marks={marks} />
              )}
            </p>
          ) : (
            <span className="ghost" />
          )}
        </div>
        <div className="text-side">
          {row && (
            <>
              <span className="text-top">
                <Letters checks={row.checks} />
                <span className="marks">
                  <StateMark row={row} />
                </span>
              </span>
              <Labels row={row} />
              {row.suggested_confidence !== null && !row.action && (
                <span className="sure">{sure(row.suggested_confidence)} sure</span>
              )}
            </>
          )}
        </div>
      </div>
    </div>
  )
})

export const TableCell = memo(function TableCell(
  p: Shared & { id: string; modality: string; columns: string[]; template: string },
) {
  const { row } = p
  const label = row?.corrected ?? (row?.action ? null : (row?.suggested ?? null))
  const to = row?.excluded ? 'left out' : label === null ? '' : labelText(label)
  return (
    <div
      {...attributes(p, p.modality === 'table' ? 'line' : 'line with-own')}
      style={{ transform: `translateY(${p.top}px)`, height: p.height, width: '100%', gridTemplateColumns: p.template }}
    >
      {row ? (
        <>
          <span className="with-tick">
            <Tick selected={p.selected} />
            <Letters checks={row.checks} />
          </span>
          {p.modality === 'image' && (
            <span className="line-thumb">
              <span className="thumb">
                <RowThumb id={p.id} row={row} />
              </span>
            </span>
          )}
          {p.modality === 'text' && (
            <span title={row.text ?? undefined}>
              {row.text ? <Marked text={row.text} marks={found(row.marked)} /> : <i>(empty)</i>}
            </span>
          )}
          <span className="mono">
            <span className="cut" title={row.id}>
              {row.id}
            </span>
            <span className="marks">
              <StateMark row={row} />
            </span>
          </span>
          <span className={row.corrected !== null || row.excluded ? 'struck' : ''} title={labelText(row.given)}>
            {labelText(row.given)}
          </span>
          <span className="to" title={to}>
            {to}
          </span>
          {p.columns.map((name) => {
            const value = row.cells[name]
            return (
              <span
                key={name}
                className={value === undefined || value === '' ? 'blank' : row.marked?.includes(name) ? 'odd' : ''}
                title={row.marked?.includes(name) ? `${value} (unusual in this column)` : value}
              >
                {value === undefined || value === '' ? 'blank' : value}
              </span>
            )
          })}
        </>
      ) : (
        <span className="ghost" />
      )}
    </div>
  )
})
