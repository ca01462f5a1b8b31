/** Every row as a point, alike rows near each other; a lasso filters. */
import { Button, Group, SegmentedControl, Select, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState, type CSSProperties, type PointerEvent } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { Label, MapPoints } from '../api/types'
import { Thumb } from '../row/cells'
import { cellsText } from '../row/RowLine'
import { useOpened } from '../shell/context'
import { Failure, Notice } from '../shell/Notice'
import { go, usePlace } from '../url/router'
import { count, labelPlain, labelText, rows, shortened } from '../words'
import { draw, fit, inside, middles, nearest, packed, TONES, type Camera, type Points } from './scatter'

const GREY = '#8a919a'
const FAINT = '#8a919a55' // outside the lasso
const RAMP = ['#8a919a', '#b3924f', '#d98a2b', '#e8590c', '#d9264a']
const LONGEST = 3000 // rows that go into an address; a longer list would not survive being sent
const NAMED = 12 // classes whose names stand on the map,
const WORTH = 0.05 // with at least this share of the points of the largest

type By = 'class' | 'issue' | 'score'

/** The map of the rows that the filter holds, the lasso's own part of it apart: what was drawn round stays marked. */
export function MapOfFilter({ beside = false }: { beside?: boolean }) {
  const { id } = useOpened()
  const { filter, lasso } = usePlace()
  const others = useMemo(() => {
    const { rows: _, ...left } = filter
    return lasso ? left : filter
  }, [filter, lasso])
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: live(id, 'map', others),
    queryFn: ({ signal }) => api.map(id, others, signal),
    placeholderData: (old) => old,
  })
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />
  if (!data)
    return (
      <Notice title="Drawing the map">
        The first time it places every row beside its neighbours, which takes a while for large datasets. It is kept
        afterwards.
      </Notice>
    )
  if (data.rows.length === 0)
    return <Notice title="No points">{data.method || 'No row of this filter has a place on the map.'}</Notice>
  return <Scatter data={data} busy={isFetching} beside={beside} />
}

function Scatter({ data, busy, beside }: { data: MapPoints; busy: boolean; beside: boolean }) {
  const { filter, lasso: drawn } = usePlace()
  const canvas = useRef<HTMLCanvasElement>(null)
  const overlay = useRef<SVGPolylineElement>(null)
  const [by, setBy] = useState<By>('class')
  const [only, setOnly] = useState<string | null>(null)
  const [tool, setTool] = useState<'lasso' | 'move'>('lasso')
  const [tooMany, setTooMany] = useState<number[]>([]) // rows of a lasso that do not fit into the address
  const [hover, setHover] = useState<{ at: number; x: number; y: number } | null>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  const camera = useRef<Camera | null>(null)
  const path = useRef<[number, number][]>([])
  const drawing = useRef(false)
  const hand = useRef<{ x: number; y: number } | null>(null)

  const { top, named } = useMemo(() => {
    const counts = new Map<number, number>()
    for (const code of data.label) counts.set(code, (counts.get(code) ?? 0) + 1)
    const found = [...counts].filter(([code]) => code >= 0).sort((a, b) => b[1] - a[1])
    const worth = found.filter(([, n]) => n >= WORTH * found[0]![1])
    return { top: found.map(([code]) => code), named: worth.slice(0, NAMED).map(([code]) => code) }
  }, [data])

  const marked = useMemo(() => (drawn && filter.rows ? new Set(filter.rows) : null), [drawn, filter.rows])
  const { points, palette } = useMemo(() => {
    const colour = new Uint8Array(data.rows.length)
    const tone = new Map(top.slice(0, TONES.length).map((code, at) => [code, at]))
    const list = [...(by === 'class' ? [...TONES, GREY] : by === 'issue' ? [GREY, '#e8590c'] : RAMP), FAINT]
    for (let i = 0; i < colour.length; i++) {
      const code = data.label[i]!
      if (only !== null && String(code) !== only) colour[i] = 255
      else if (marked && !marked.has(data.rows[i]!)) colour[i] = list.length - 1
      else if (by === 'class') colour[i] = only !== null ? 0 : (tone.get(code) ?? TONES.length)
      else if (by === 'issue') colour[i] = data.issue[i] ? 1 : 0
      else colour[i] = Math.min(RAMP.length - 1, Math.floor((data.score[i] ?? 0) * RAMP.length))
    }
    return {
      points: { x: Float32Array.from(data.x), y: Float32Array.from(data.y), colour } satisfies Points,
      palette: Uint32Array.from(list, packed),
    }
  }, [data, by, only, top, marked])

  const names = useMemo(
    () =>
      by !== 'class'
        ? []
        : middles(data.label, points, named).map(({ code, at }) => ({
            text: labelText(data.labels[code] ?? null),
            at,
          })),
    [by, data, points, named],
  )

  const paint = () => {
    const element = canvas.current
    if (!element || !size.width) return
    camera.current ??= fit(points.x, points.y, size.width, size.height)
    const scale = window.devicePixelRatio || 1
    const width = Math.round(size.width * scale)
    const height = Math.round(size.height * scale)
    if (element.width !== width || element.height !== height) {
      element.width = width
      element.height = height
    }
    const context = element.getContext('2d')!
    const image = context.createImageData(width, height)
    const dot = points.x.length > 50_000 ? 2 : points.x.length > 8000 ? 3 : 5
    draw(
      new Uint32Array(image.data.buffer),
      width,
      height,
      points,
      { ...camera.current, scale: camera.current.scale * scale },
      palette,
      Math.round(dot * scale),
    )
    context.putImageData(image, 0, 0)
    write(context, names, points, camera.current, size, scale)
  }
  const painting = useRef(paint)
  painting.current = paint
  const frame = useRef(0)
  const soon = () => {
    cancelAnimationFrame(frame.current)
    frame.current = requestAnimationFrame(() => painting.current())
  }
  useEffect(() => {
    soon()
  }, [points, palette, names, size])
  useEffect(() => {
    camera.current = null
    soon()
  }, [data])

  useEffect(() => {
    const element = canvas.current!
    const observer = new ResizeObserver(() => {
      camera.current = null
      setSize({ width: element.clientWidth, height: element.clientHeight })
    })
    observer.observe(element)
    const onWheel = (event: WheelEvent) => {
      event.preventDefault()
      const now = camera.current
      if (!now) return
      const box = element.getBoundingClientRect()
      const factor = Math.exp(-event.deltaY / 400)
      const wx = (event.clientX - box.left - box.width / 2) / now.scale
      const wy = -(event.clientY - box.top - box.height / 2) / now.scale
      overlay.current?.setAttribute('points', '')
      camera.current = { x: now.x + wx * (1 - 1 / factor), y: now.y + wy * (1 - 1 / factor), scale: now.scale * factor }
      soon()
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => {
      observer.disconnect()
      element.removeEventListener('wheel', onWheel)
    }
  }, [])

  const at = (event: PointerEvent): [number, number] => {
    const box = canvas.current!.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }
  /** The frame stays where it was drawn until the map moves under it. */
  const show = () => overlay.current?.setAttribute('points', path.current.map((point) => point.join(',')).join(' '))
  const unframe = () => {
    path.current = []
    show()
  }
  const zoom = (factor: number) => {
    unframe()
    if (camera.current) camera.current = { ...camera.current, scale: camera.current.scale * factor }
    soon()
  }

  const take = (indices: number[]) => {
    const chosen = indices.map((index) => data.rows[index]!)
    setTooMany(chosen.length > LONGEST ? chosen : [])
    if (chosen.length > 0 && chosen.length <= LONGEST)
      go({ filter: { ...filter, rows: chosen }, lasso: true, row: null })
    else if (drawn) clear()
  }
  const clear = () => {
    const { rows: _, ...left } = filter
    go({ filter: left, lasso: false, row: null })
    unframe()
  }

  return (
    <div className="map">
      <div className="map-tools">
        <SegmentedControl
          size="xs"
          value={by}
          onChange={(value) => setBy(value as By)}
          data={[
            { value: 'class', label: 'Class' },
            { value: 'issue', label: 'Issue' },
            ...(data.score.length ? [{ value: 'score', label: 'Score' }] : []),
          ]}
          aria-label="Colour by"
        />
        <Select
          size="xs"
          placeholder="All classes"
          aria-label="Show one class only"
          clearable
          searchable
          limit={200}
          value={only}
          onChange={setOnly}
          data={top.map((code) => ({ value: String(code), label: labelText(data.labels[code] ?? null) }))}
          w={190}
        />
        <SegmentedControl
          size="xs"
          value={tool}
          onChange={(value) => setTool(value)}
          data={[
            { value: 'lasso', label: 'Lasso' },
            { value: 'move', label: 'Move' },
          ]}
          aria-label="What dragging does"
        />
        <Group gap={4}>
          <Button size="compact-sm" variant="default" onClick={() => zoom(1.4)} aria-label="Zoom in">
            +
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => zoom(1 / 1.4)} aria-label="Zoom out">
            −
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              unframe()
              camera.current = null
              soon()
            }}
          >
            Fit
          </Button>
        </Group>
        <Text size="sm" ml="auto" role="status">
          {marked
            ? `${rows(marked.size)} in the lasso`
            : `${count(data.rows.length)}${data.sampled ? ` of ${count(data.total)}` : ''} points${busy ? ' …' : ''}`}
        </Text>
        {marked && !beside && (
          <Button size="compact-sm" onClick={() => go({ tab: 'review', sort: null, row: null })}>
            Show these rows
          </Button>
        )}
        {marked && (
          <Button size="compact-sm" variant="subtle" onClick={clear}>
            Take the lasso off
          </Button>
        )}
        {tooMany.length > 0 && <TagLasso rows={tooMany} done={() => setTooMany([])} />}
      </div>
      {tooMany.length > 0 && (
        <Text size="sm" c="dimmed" mb={4}>
          {rows(tooMany.length)} in the lasso: more than {count(LONGEST)} do not fit into an address. Tag them, and
          filter by the tag.
        </Text>
      )}
      <div className="map-canvas" data-tool={tool}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Map of ${count(data.rows.length)} rows; the same rows are listed in Review`}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId)
            setHover(null)
            if (tool === 'move' || event.button === 1) {
              unframe()
              hand.current = { x: event.clientX, y: event.clientY }
            } else {
              drawing.current = true
              path.current = [at(event)]
              setTooMany([])
              show()
            }
          }}
          onPointerMove={(event) => {
            const now = camera.current
            if (!now) return
            if (hand.current) {
              camera.current = {
                ...now,
                x: now.x - (event.clientX - hand.current.x) / now.scale,
                y: now.y + (event.clientY - hand.current.y) / now.scale,
              }
              hand.current = { x: event.clientX, y: event.clientY }
              soon()
            } else if (drawing.current) {
              path.current.push(at(event))
              show()
            } else {
              const [x, y] = at(event)
              const found = nearest(points, now, size.width, size.height, x, y, 8)
              setHover((old) => (found < 0 ? null : old?.at === found ? old : { at: found, x, y }))
            }
          }}
          onPointerUp={(event) => {
            const now = camera.current
            if (hand.current) hand.current = null
            else if (now && drawing.current && path.current.length < 4) {
              path.current = []
              const found = nearest(points, now, size.width, size.height, ...at(event), 10)
              if (found >= 0) go({ tab: 'review', row: data.rows[found]! })
            } else if (now && drawing.current) take(inside(points, now, size.width, size.height, path.current))
            drawing.current = false
            show()
          }}
          onPointerLeave={() => setHover(null)}
        />
        <svg className="lasso" aria-hidden="true">
          <polyline ref={overlay} />
        </svg>
        {hover && (
          <Tip
            key={hover.at}
            row={data.rows[hover.at]!}
            label={data.label[hover.at]! < 0 ? null : (data.labels[data.label[hover.at]!] ?? null)}
            score={data.score[hover.at] ?? null}
            style={{
              left: Math.max(4, Math.min(hover.x + 14, size.width - 270)),
              top: Math.max(4, Math.min(hover.y + 14, size.height - 190)),
            }}
          />
        )}
      </div>
      <div className="legend">
        {by === 'class' &&
          only === null &&
          top.slice(0, TONES.length).map((code, i) => (
            <span key={code} title={labelPlain(data.labels[code] ?? null)}>
              <i style={{ background: TONES[i] }} />
              {labelText(data.labels[code] ?? null)}
            </span>
          ))}
        {by === 'class' && only === null && top.length > TONES.length && (
          <span>
            <i style={{ background: GREY }} />
            {top.length - TONES.length === 1
              ? labelText(data.labels[top[TONES.length]!] ?? null)
              : `${count(top.length - TONES.length)} other classes`}
          </span>
        )}
        {by === 'issue' && (
          <>
            <span>
              <i style={{ background: '#e8590c' }} />
              has an issue
            </span>
            <span>
              <i style={{ background: GREY }} />
              none
            </span>
          </>
        )}
        {by === 'score' &&
          RAMP.map((colour, i) => (
            <span key={colour}>
              <i style={{ background: colour }} />
              {(i / RAMP.length).toFixed(1)}–{((i + 1) / RAMP.length).toFixed(1)}
            </span>
          ))}
      </div>
      <Text size="xs" c="dimmed">
        {data.method}
      </Text>
    </div>
  )
}

/** What lies under the pointer: its picture, or its text or cells once they have come. */
function Tip({
  row,
  label,
  score,
  style,
}: {
  row: number
  label: Label | null
  score: number | null
  style: CSSProperties
}) {
  const { id, project } = useOpened()
  const image = project.modality === 'image'
  const [rested, setRested] = useState(false)
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(true), 120)
    return () => window.clearTimeout(timer)
  }, [])
  const { data } = useQuery({
    queryKey: ['tip', id, row],
    queryFn: ({ signal }) => api.view(id, { filter: { rows: [row] }, sort: null, offset: 0, limit: 1 }, signal),
    enabled: rested && !image,
    staleTime: 300_000,
  })
  const found = data?.rows[0]
  return (
    <div className="map-tip" style={style}>
      {image && (
        <span className="thumb">
          <Thumb src={api.thumb(id, row)} />
        </span>
      )}
      <span dir="auto">{labelText(label)}</span>
      {found && <p dir="auto">{found.text ?? cellsText(found)}</p>}
      {score !== null && <small>score {score.toFixed(2)}</small>}
    </div>
  )
}

/** Names of classes over their points, the most frequent first; one that would lie over another is left out. */
function write(
  context: CanvasRenderingContext2D,
  names: { text: string; at: number }[],
  points: Points,
  camera: Camera,
  size: { width: number; height: number },
  scale: number,
): void {
  const style = getComputedStyle(document.documentElement)
  context.save()
  context.scale(scale, scale)
  context.font = '600 12px system-ui, sans-serif'
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.lineWidth = 3
  context.lineJoin = 'round'
  context.strokeStyle = style.getPropertyValue('--panel').trim()
  context.fillStyle = style.getPropertyValue('--ink').trim()
  const taken: { left: number; right: number; y: number }[] = []
  for (const { text, at } of names) {
    const said = shortened(text, 36)
    const half = context.measureText(said).width / 2 + 3
    const y = size.height / 2 - (points.y[at]! - camera.y) * camera.scale
    const x = Math.max(half, Math.min(size.width - half, (points.x[at]! - camera.x) * camera.scale + size.width / 2))
    if (y < 8 || y > size.height - 8) continue
    if (taken.some((other) => Math.abs(other.y - y) < 16 && x - half < other.right && x + half > other.left)) continue
    taken.push({ left: x - half, right: x + half, y })
    context.strokeText(said, x, y)
    context.fillText(said, x, y)
  }
  context.restore()
}

function TagLasso({ rows: chosen, done }: { rows: number[]; done: () => void }) {
  const { actions } = useOpened()
  const tag = `map ${new Date().toISOString().slice(0, 16).replace('T', ' ')}`
  return (
    <Button
      size="compact-sm"
      variant="default"
      onClick={() =>
        void actions.decide({ action: 'tag', text: tag, target: { rows: chosen }, route: 'selection' }).then((made) => {
          if (made) {
            done()
            go({ tab: 'review', filter: { tag: [tag] }, sort: null, row: null })
          }
        })
      }
    >
      Tag and show them
    </Button>
  )
}
