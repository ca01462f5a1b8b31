/** ECharts in React: only the parts used are bundled; sizes itself; the page's own colours; text is drawn, never HTML. */
import { useComputedColorScheme } from '@mantine/core'
import { BarChart, HeatmapChart, LineChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from 'echarts/components'
import { init, use as register, type ECharts, type EChartsCoreOption } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useMemo, useRef } from 'react'

register([
  BarChart,
  HeatmapChart,
  LineChart,
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
])

export interface Colours {
  ink: string
  dim: string
  line: string
  panel: string
  bar: string
  bar2: string
  soft: string
}

export function useColours(): Colours {
  const scheme = useComputedColorScheme('light')
  return useMemo(() => {
    void scheme
    const style = getComputedStyle(document.documentElement)
    const get = (name: string) => style.getPropertyValue(name).trim()
    return {
      ink: get('--ink'),
      dim: get('--mantine-color-dimmed'),
      line: get('--line'),
      panel: get('--panel'),
      bar: get('--bar'),
      bar2: get('--bar-2'),
      soft: get('--soft'),
    }
  }, [scheme])
}

export function Chart({
  option,
  height,
  label,
  onClick,
}: {
  option: EChartsCoreOption
  height: number
  label: string
  onClick?: (event: { dataIndex: number; seriesIndex?: number; value: unknown }) => void
}) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<ECharts | null>(null)
  const click = useRef(onClick)
  click.current = onClick

  useEffect(() => {
    const made = init(place.current, undefined, { renderer: 'canvas' })
    chart.current = made
    made.on('click', (event) => click.current?.(event as { dataIndex: number; value: unknown }))
    const observer = new ResizeObserver(() => made.resize())
    observer.observe(place.current!)
    return () => {
      observer.disconnect()
      made.dispose()
      chart.current = null
    }
  }, [])

  useEffect(() => {
    chart.current?.setOption(
      { animation: false, textStyle: { fontFamily: 'system-ui, sans-serif' }, ...option },
      { notMerge: true },
    )
  }, [option])

  return <div ref={place} role="img" aria-label={label} style={{ height, cursor: onClick ? 'pointer' : undefined }} />
}

export const tooltip = (c: Colours) => ({
  renderMode: 'richText' as const, // names of classes are drawn as text, whatever is in them
  backgroundColor: c.panel,
  borderColor: c.line,
  textStyle: { color: c.ink, fontSize: 12 },
  confine: true,
})
