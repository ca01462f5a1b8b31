/** The picture, large: wheel or buttons zoom, drag moves, double click fits. */
import { ActionIcon, Tooltip } from '@mantine/core'
import { IconArrowsMaximize, IconMaximize, IconZoomIn, IconZoomOut } from '@tabler/icons-react'
import { useEffect, useRef, useState, type PointerEvent } from 'react'

const FIT = { scale: 1, x: 0, y: 0 }

export function Picture({ src, thumb, alt }: { src: string; thumb: string; alt: string }) {
  const frame = useRef<HTMLDivElement>(null)
  const [view, setView] = useState(FIT)
  const [state, setState] = useState<'wait' | 'ok' | 'bad'>('wait')
  const drag = useRef<{ x: number; y: number } | null>(null)

  const zoom = (factor: number, x = 0, y = 0) =>
    setView((old) => {
      const scale = Math.max(1, Math.min(16, old.scale * factor))
      const by = scale / old.scale
      return scale === 1 ? FIT : { scale, x: x - (x - old.x) * by, y: y - (y - old.y) * by }
    })

  useEffect(() => {
    const element = frame.current!
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && Math.abs(event.deltaY) < Math.abs(event.deltaX)) return
      event.preventDefault()
      const box = element.getBoundingClientRect()
      zoom(
        event.deltaY < 0 ? 1.25 : 0.8,
        event.clientX - box.left - box.width / 2,
        event.clientY - box.top - box.height / 2,
      )
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [])

  const move = (event: PointerEvent) => {
    if (!drag.current) return
    const { x, y } = drag.current
    drag.current = { x: event.clientX, y: event.clientY }
    setView((old) => (old.scale === 1 ? old : { ...old, x: old.x + event.clientX - x, y: old.y + event.clientY - y }))
  }

  return (
    <div
      ref={frame}
      className={`picture${view.scale > 1 ? ' zoomed' : ''}`}
      onPointerDown={(event) => {
        if ((event.target as HTMLElement).closest('button')) return
        drag.current = { x: event.clientX, y: event.clientY }
        event.currentTarget.setPointerCapture(event.pointerId)
      }}
      onPointerMove={move}
      onPointerUp={() => {
        drag.current = null
      }}
      onDoubleClick={() => setView((old) => (old.scale > 1 ? FIT : { scale: 3, x: 0, y: 0 }))}
    >
      {state !== 'bad' ? (
        <>
          {state === 'wait' && <img src={thumb} alt="" className="below" draggable={false} />}
          <img
            src={src}
            alt={alt}
            draggable={false}
            decoding="async"
            className={state}
            style={{
              transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
              imageRendering: view.scale > 3 ? 'pixelated' : 'auto',
            }}
            onLoad={() => setState('ok')}
            onError={() => setState('bad')}
          />
        </>
      ) : (
        <span className="no-thumb">The picture cannot be shown: the file may have moved, or is not readable.</span>
      )}
      <div className="picture-tools">
        {document.fullscreenEnabled && (
          <Tooltip label="Full screen">
            <ActionIcon
              variant="default"
              size="sm"
              aria-label="Full screen"
              onClick={() =>
                void (document.fullscreenElement ? document.exitFullscreen() : frame.current?.requestFullscreen())
              }
            >
              <IconArrowsMaximize size={14} />
            </ActionIcon>
          </Tooltip>
        )}
        <Tooltip label="Larger">
          <ActionIcon variant="default" size="sm" aria-label="Zoom in" onClick={() => zoom(1.6)}>
            <IconZoomIn size={14} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Smaller">
          <ActionIcon
            variant="default"
            size="sm"
            aria-label="Zoom out"
            onClick={() => zoom(1 / 1.6)}
            disabled={view.scale === 1}
          >
            <IconZoomOut size={14} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Whole picture">
          <ActionIcon
            variant="default"
            size="sm"
            aria-label="Fit the picture"
            onClick={() => setView(FIT)}
            disabled={view.scale === 1}
          >
            <IconMaximize size={14} />
          </ActionIcon>
        </Tooltip>
      </div>
    </div>
  )
}
