/** Two copies at full size: side by side, or one laid over the other in turn, so that what differs jumps to the eye. */
import { Button, Group, SegmentedControl, Select, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import type { Row } from '../api/types'
import { useOpened } from '../shell/context'
import { Dialog } from '../shell/Dialog'
import { labelText } from '../words'
import { onlyHere } from './pieces'

export function CompareCopies({
  rows,
  first,
  second,
  close,
}: {
  rows: Row[]
  first: number
  second: number
  close: () => void
}) {
  const { project } = useOpened()
  const [pair, setPair] = useState<[number, number]>([first, second])
  const of = (number: number) => rows.find((row) => row.row === number) ?? rows[0]!
  const [a, b] = [of(pair[0]), of(pair[1])]
  const choose = (at: 0 | 1) => (
    <Select
      size="xs"
      aria-label={at === 0 ? 'First row' : 'Second row'}
      data={rows.map((row) => ({ value: String(row.row), label: row.id }))}
      value={String(pair[at])}
      onChange={(value) => value && setPair(at === 0 ? [Number(value), pair[1]] : [pair[0], Number(value)])}
      allowDeselect={false}
      style={{ flex: 1 }}
    />
  )
  return (
    <Dialog onClose={close} title="Compare copies" size="80rem" centered>
      <Stack gap="sm">
        <Group wrap="nowrap">
          {choose(0)}
          {choose(1)}
        </Group>
        {project.modality === 'image' ? <Pictures a={a} b={b} /> : <Words a={a} b={b} />}
      </Stack>
    </Dialog>
  )
}

function About({ row }: { row: Row }) {
  return (
    <Text size="sm" className="wrap">
      <b>{labelText(row.final)}</b>
      {row.excluded && ', left out'}
      {row.width != null && `, ${row.width} × ${row.height ?? '?'} pixels`}
      {row.split !== null && `, ${row.split}`}
    </Text>
  )
}

function Pictures({ a, b }: { a: Row; b: Row }) {
  const { id } = useOpened()
  const [way, setWay] = useState<'side' | 'flicker'>('side')
  const [turn, setTurn] = useState(false)
  const [playing, setPlaying] = useState(!window.matchMedia('(prefers-reduced-motion: reduce)').matches)
  const where = (row: number, other: number) => ({
    queryKey: ['match', id, row, other],
    queryFn: ({ signal }: { signal: AbortSignal }) => api.match(id, row, other, signal),
    staleTime: Infinity,
    retry: false,
  })
  const aInB = useQuery(where(a.row, b.row))
  const bInA = useQuery(where(b.row, a.row))
  // the one that covers less of the other is laid on it
  const bLess = area(bInA.data?.corners) <= area(aInB.data?.corners)
  const [lower, upper, laid] = bLess ? [a, b, bInA.data?.corners] : [b, a, aInB.data?.corners]
  useEffect(() => {
    if (way !== 'flicker' || !playing) return
    const timer = window.setInterval(() => setTurn((old) => !old), 700)
    return () => window.clearInterval(timer)
  }, [way, playing])
  return (
    <>
      <Group>
        <SegmentedControl
          size="xs"
          value={way}
          onChange={setWay}
          aria-label="How to compare"
          data={[
            { value: 'side', label: 'Side by side' },
            { value: 'flicker', label: 'In turn' },
          ]}
        />
        {way === 'flicker' && (
          <>
            <Button size="compact-sm" variant="default" onClick={() => setTurn(!turn)}>
              Other one
            </Button>
            <Button size="compact-sm" variant="subtle" onClick={() => setPlaying(!playing)}>
              {playing ? 'Stop' : 'Play'}
            </Button>
          </>
        )}
      </Group>
      {way === 'flicker' && laid ? (
        <div className="copies-compared flicker">
          <figure>
            <Framed row={lower} over={{ row: upper, corners: laid, shown: turn === (upper === b) }} />
            <figcaption>
              <About row={turn ? b : a} />
            </figcaption>
          </figure>
        </div>
      ) : (
        <div className={`copies-compared ${way}`}>
          {[a, b].map((row, at) => (
            <figure key={at} className={way === 'flicker' && turn !== (at === 1) ? 'behind' : ''}>
              <Framed row={row} frame={at === 0 ? bInA.data?.corners : aInB.data?.corners} />
              <figcaption>
                <About row={row} />
              </figcaption>
            </figure>
          ))}
        </div>
      )}
      <Text size="xs" c="dimmed">
        The frame is where the other copy lies; in turn, the smaller is laid on that place.
      </Text>
    </>
  )
}

type Corners = [number, number][]

/** The share of a picture that a quadrangle covers (by its cross products); what is not known covers all. */
function area(corners: Corners | undefined): number {
  if (!corners) return 1
  const twice = corners.reduce((sum, [x, y], at) => {
    const [u, v] = corners[(at + 1) % corners.length]!
    return sum + x * v - u * y
  }, 0)
  return Math.abs(twice) / 2
}

/** A picture with a frame where the other copy lies, or with the other copy laid there. */
function Framed({
  row,
  frame,
  over,
}: {
  row: Row
  frame?: Corners
  over?: { row: Row; corners: Corners; shown: boolean }
}) {
  const { id } = useOpened()
  const place = useRef<HTMLSpanElement>(null)
  const [size, setSize] = useState<[number, number]>([1, 1])
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setSize([entry!.contentRect.width, entry!.contentRect.height]))
    watcher.observe(place.current!)
    return () => watcher.disconnect()
  }, [])
  const [width, height] = size
  const lay = ([upperLeft, upperRight, , lowerLeft]: Corners) => {
    const [x, y] = upperLeft!
    const [along, across] = [upperRight!, lowerLeft!]
    const turn = [
      along[0] - x,
      ((along[1] - y) * height) / width,
      ((across[0] - x) * width) / height,
      across[1] - y,
      x * width,
      y * height,
    ]
    return `matrix(${turn.join(', ')})`
  }
  return (
    <span className="framed" ref={place}>
      <img src={api.image(id, row.row)} alt={`Row ${row.id}`} />
      {over && (
        <img
          className="laid"
          src={api.image(id, over.row.row)}
          alt={`Row ${over.row.id}, laid where it matches`}
          style={{ transform: lay(over.corners), visibility: over.shown ? 'visible' : 'hidden' }}
        />
      )}
      {frame && (
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" role="img" aria-label="Where the other copy lies">
          <polygon points={frame.map((corner) => corner.join(',')).join(' ')} />
        </svg>
      )}
    </span>
  )
}

/** Texts with the words that only one of them has; table rows with the cells that differ. */
function Words({ a, b }: { a: Row; b: Row }) {
  const columns = [...new Set([...Object.keys(a.cells), ...Object.keys(b.cells)])]
  const mark = (text: string, other: string) =>
    onlyHere(text, other).map((piece, at) => (piece.only ? <mark key={at}>{piece.text}</mark> : piece.text))
  return (
    <div className="copies-compared side">
      {[
        [a, b],
        [b, a],
      ].map(([row, other], at) => (
        <figure key={at}>
          <figcaption>
            <About row={row!} />
          </figcaption>
          {row!.text !== null && <p className="copy-text">{mark(row!.text, other!.text ?? '')}</p>}
          <dl className="cells">
            {columns.map((name) => (
              <div key={name} className={row!.cells[name] !== other!.cells[name] ? 'odd' : ''}>
                <dt>{name}</dt>
                <dd>{row!.cells[name] || 'blank'}</dd>
              </div>
            ))}
          </dl>
        </figure>
      ))}
    </div>
  )
}
