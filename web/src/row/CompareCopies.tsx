/** Two copies at full size: side by side, or one laid over the other in turn, so that what differs jumps to the eye. */
import { Button, Group, SegmentedControl, Select, Stack, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
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
      <div className={`copies-compared ${way}`}>
        {[a, b].map((row, at) => (
          <figure key={at} className={way === 'flicker' && turn !== (at === 1) ? 'behind' : ''}>
            <img src={api.image(id, row.row)} alt={`Row ${row.id}`} />
            <figcaption>
              <About row={row} />
            </figcaption>
          </figure>
        ))}
      </div>
    </>
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
