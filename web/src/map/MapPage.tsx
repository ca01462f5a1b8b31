/** Every row as a point, alike rows near each other; a lasso filters. */
import { Button, Group, SegmentedControl, Select, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState, type PointerEvent } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { MapPoints } from '../api/types'
import { FilterBar } from '../review/FilterBar'
import { Thumb } from '../row/cells'
import { useOpened } from '../shell/context'
import { Failure, Notice } from '../shell/Notice'
import { go, usePlace } from '../url/router'
import { count, labelText, rows } from '../words'
import { draw, fit, inside, nearest, packed, type Camera, type Points } from './scatter'

// Ten tones that differ in light and in hue, on white and on near-black; then grey for all other classes.
const TONES = [
  '#3b6fd4',
  '#e8590c',
  '#2b8a3e',
  '#c2255c',
  '#7048e8',
  '#0c8599',
  '#b08900',
  '#a0522d',
  '#d6449c',
  '#5c940d',
]
const GREY = '#8a919a'
const RAMP = ['#8a919a', '#b3924f', '#d98a2b', '#e8590c', '#d9264a']
const LONGEST = 3000 // rows that go into an address; a longer list would not survive being sent

type By = 'class' | 'issue' | 'score'

export default function MapPage() {
  const { id } = useOpened()
  const { filter } = usePlace()
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: live(id, 'map', filter),
    queryFn: ({ signal }) => api.map(id, filter, signal),
    staleTime: Infinity,
    placeholderData: (old) => old,
  })
  return (
    <main className="page map-page">
      <div className="page-filter">
        <FilterBar />
      </div>
      {error && !data ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : !data ? (
        <Notice title="Drawing the map">
          The first time it places every row beside its neighbours, which takes a while for large datasets. It is kept
          afterwards.
        </Notice>
      ) : data.rows.length === 0 ? (
        <Notice title="No points">{data.method || 'No row of this filter has a place on the map.'}</Notice>
      ) : (
        <Scatter data={data} busy={isFetching} />
      )}
    </main>
  )
}

function Scatter({ data, busy }: { data: MapPoints; busy: boolean }) {
  const { id, project } = useOpened()
  const { filter } = usePlace()
  const canvas = useRef<HTMLCanvasElement>(null)
  const overlay = useRef<SVGPolylineElement>(null)
  const [by, setBy] = useState<By>('class')
  const [only, setOnly] = useState<string | null>(null)
  const [tool, setTool] = useState<'lasso' | 'move'>('lasso')
  const [lasso, setLasso] = useState<number[]>([])
  const [hover, setHover] = useState<{ at: number; x: number; y: number } | null>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  const camera = useRef<Camera | null>(null)
  const path = useRef<[number, number][]>([])
  const drawing = useRef(false)
  const hand = useRef<{ x: number; y: number } | null>(null)

  const top = useMemo(() => {
    const counts = new Map<number, number>()
    for (const code of data.label) counts.set(code, (counts.get(code) ?? 0) + 1)
    return [...counts]
      .filter(([code]) => code >= 0)
      .sort((a, b) => b[1] - a[1])
      .map(([code]) => code)
  }, [data])

  const { points, palette } = useMemo(() => {
    const colour = new Uint8Array(data.rows.length)
    const tone = new Map(top.slice(0, TONES.length).map((code, at) => [code, at]))
    for (let i = 0; i < colour.length; i++) {
      const code = data.label[i]!
      if (only !== null && String(code) !== only) colour[i] = 255
      else if (by === 'class') colour[i] = only !== null ? 0 : (tone.get(code) ?? TONES.length)
      else if (by === 'issue') colour[i] = data.issue[i] ? 1 : 0
      else colour[i] = Math.min(RAMP.length - 1, Math.floor((data.score[i] ?? 0) * RAMP.length))
    }
    const list = by === 'class' ? [...TONES, GREY] : by === 'issue' ? [GREY, '#e8590c'] : RAMP
    return {
      points: { x: Float32Array.from(data.x), y: Float32Array.from(data.y), colour } satisfies Points,
      palette: Uint32Array.from(list, packed),
    }
  }, [data, by, only, top])

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
  }, [points, palette, size])
  useEffect(() => {
    camera.current = null
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

  const chosen = lasso.map((index) => data.rows[index]!)
  const tooMany = chosen.length > LONGEST
  const open = () => go({ tab: 'review', filter: { ...filter, rows: chosen }, sort: null, row: null })

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
          {lasso.length
            ? `${rows(lasso.length)} in the lasso`
            : `${count(data.rows.length)}${data.sampled ? ` of ${count(data.total)}` : ''} points${busy ? ' …' : ''}`}
        </Text>
        {lasso.length > 0 && (
          <Button size="compact-sm" onClick={open} disabled={tooMany}>
            Show these rows
          </Button>
        )}
        {lasso.length > 0 && <TagLasso rows={chosen} done={() => setLasso([])} />}
      </div>
      {tooMany && (
        <Text size="sm" c="dimmed" mb={4}>
          More than {count(LONGEST)} rows do not fit into an address: tag them, and filter by the tag.
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
              setLasso([])
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
            } else if (now && drawing.current) setLasso(inside(points, now, size.width, size.height, path.current))
            drawing.current = false
            show()
          }}
          onPointerLeave={() => setHover(null)}
        />
        <svg className="lasso" aria-hidden="true">
          <polyline ref={overlay} />
        </svg>
        {hover && (
          <div
            className="map-tip"
            style={{ left: Math.min(hover.x + 14, size.width - 180), top: Math.min(hover.y + 14, size.height - 150) }}
          >
            {project.modality === 'image' && (
              <span className="thumb">
                <Thumb src={api.thumb(id, data.rows[hover.at]!)} />
              </span>
            )}
            <span>{labelText(data.label[hover.at]! < 0 ? null : (data.labels[data.label[hover.at]!] ?? null))}</span>
            {data.score.length > 0 && data.score[hover.at] != null && (
              <small>score {data.score[hover.at]!.toFixed(2)}</small>
            )}
          </div>
        )}
      </div>
      <div className="legend">
        {by === 'class' &&
          only === null &&
          top.slice(0, TONES.length).map((code, i) => (
            <span key={code}>
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
