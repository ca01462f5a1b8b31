/** A virtual grid of equal cells over any number of items: the effects around gridMath (scroll events, sizes, frames). */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react'
import { geometry, inSight, offsetAfter, place, reveal, type Geometry } from './gridMath'

export interface BigGrid extends Geometry {
  first: number
  end: number
  cellWidth: number
  /** physical top of item 0's line in the spacer, so that top = line * cellHeight + shift */
  shift: number
  perPage: number
  show: (index: number) => void
  /** the item under a point of the screen, as line and column (which may lie outside) */
  at: (x: number, y: number) => { line: number; column: number }
}

export function useBigGrid(
  scroller: RefObject<HTMLDivElement | null>,
  count: number,
  cellHeight: number,
  leastWidth: number,
  above = 0,
  overscan = 2,
): BigGrid {
  const [size, setSize] = useState({ width: 0, height: 0 })
  const [shown, setShown] = useState({ line: 0, offset: 0 })
  const held = useRef({ offset: 0, last: 0, idle: 0, top: 0 })
  const height = Math.max(1, size.height - above)
  const g = useMemo(
    () => geometry(count, size.width, height, cellHeight, leastWidth),
    [count, size.width, height, cellHeight, leastWidth],
  )

  useLayoutEffect(() => {
    const element = scroller.current!
    const measure = () =>
      setSize((old) =>
        old.width === element.clientWidth && old.height === element.clientHeight
          ? old
          : { width: element.clientWidth, height: element.clientHeight },
      )
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [scroller])

  const update = useCallback(() => {
    const now = held.current
    now.top = scroller.current!.scrollTop + now.offset
    const line = Math.max(0, Math.floor(now.top / cellHeight))
    const offset = now.offset
    setShown((old) => (old.line === line && old.offset === offset ? old : { line, offset }))
  }, [scroller, cellHeight])

  const moveTo = useCallback(
    (virtual: number) => {
      const next = place(virtual, height, g)
      held.current.offset = next.offset
      scroller.current!.scrollTop = next.scroll
      held.current.last = scroller.current!.scrollTop
      update()
    },
    [scroller, height, g, update],
  )

  useEffect(() => {
    const element = scroller.current!
    const now = held.current
    const onScroll = () => {
      const at = element.scrollTop
      if (at === now.last) return
      now.offset = offsetAfter(at, now.last, now.offset, height, g)
      now.last = at
      if (g.ratio < 1) {
        // when it rests, put the bar where the proportion says, so that neither end is ever out of reach
        window.clearTimeout(now.idle)
        now.idle = window.setTimeout(() => moveTo(element.scrollTop + now.offset), 250)
      }
      update()
    }
    element.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      element.removeEventListener('scroll', onScroll)
      window.clearTimeout(now.idle)
    }
  }, [scroller, height, g, moveTo, update])

  // Another number of columns or another cell size: keep the first line in sight where it is.
  const before = useRef(g)
  useLayoutEffect(() => {
    const old = before.current
    before.current = g
    if (old === g || size.height === 0) return
    if (old.columns !== g.columns && old.lines > 0) {
      const item = Math.round((held.current.top / Math.max(1, old.virtual)) * old.lines) * old.columns
      moveTo(Math.floor(item / g.columns) * cellHeight)
    } else {
      moveTo(Math.min(held.current.top, Math.max(0, g.virtual - height)))
    }
  }, [g, cellHeight, height, size.height, moveTo])

  const show = useCallback(
    (index: number) => {
      if (size.height === 0) return
      const to = reveal(index, scroller.current!.scrollTop + held.current.offset, height, cellHeight, g.columns)
      if (to !== null) moveTo(to)
    },
    [scroller, size.height, height, cellHeight, g.columns, moveTo],
  )

  const cellWidth = g.columns > 1 || leastWidth > 0 ? Math.floor(size.width / g.columns) : size.width
  const at = useCallback(
    (x: number, y: number) => {
      const box = scroller.current!.getBoundingClientRect()
      return {
        line: Math.floor((y - box.top - above + scroller.current!.scrollTop + held.current.offset) / cellHeight),
        column: Math.floor((x - box.left) / Math.max(1, cellWidth)),
      }
    },
    [scroller, above, cellHeight, cellWidth],
  )

  const [first, end] = inSight(shown.line, height, cellHeight, count, g.columns, overscan)
  const perPage = Math.max(1, Math.floor(height / cellHeight)) * g.columns
  return { ...g, first, end, cellWidth, shift: -shown.offset, perPage, show, at }
}
