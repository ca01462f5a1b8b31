/** What the checks found, drawn; every bar and cell is a way into the rows behind it. */
import { Button, Group, NumberInput, SegmentedControl, Select, Skeleton, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState, type ReactNode } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { ChartName, Charts, Filter, Label } from '../api/types'
import { Misspelt, type Merge } from '../findings/Misspelt'
import { FilterBar } from '../review/FilterBar'
import { useOpened } from '../shell/context'
import { Link } from '../shell/Link'
import { Failure, Notice } from '../shell/Notice'
import { go, usePlace } from '../url/router'
import { count, labelKey, labelText, percent, rows, shortened, unjudged, when, withoutOptions } from '../words'
import { Bars } from './Bars'
import { Chart, tooltip, useColours } from './Chart'

const WIDE = 24 // classes from which on the matrix takes the whole width
const NAMES: ChartName[] = ['corrections', 'matrix', 'classes', 'histograms', 'balance', 'splits', 'timeline']

export default function ChartsPage() {
  const { id } = useOpened()
  const { filter } = usePlace()
  const { data, error, refetch } = useQuery({
    queryKey: live(id, 'charts', filter),
    queryFn: ({ signal }) => api.charts(id, filter, NAMES, signal),
    placeholderData: (old) => old,
  })
  const show = (more: Filter) => go({ tab: 'review', filter: { ...filter, ...more }, sort: null, row: null })

  return (
    <main className="page charts-page">
      <div className="page-inner">
        <div className="page-filter">
          <FilterBar />
        </div>
        {error && !data ? (
          <Failure error={error} retry={() => void refetch()} />
        ) : (
          <div className="charts">
            <Findings />
            <Panel
              title="Most suggested corrections"
              about="Given label, then the label we suggest; orange: not decided yet. A click shows these rows."
            >
              {data ? <Corrections data={data} show={show} /> : <Wait />}
            </Panel>
            <Panel
              wide={(data?.matrix?.labels.length ?? 0) > WIDE}
              title="Correction matrix"
              about="Each square counts the rows with the given label on the left for which the label below is suggested."
            >
              {data ? <Matrix data={data} show={show} /> : <Wait />}
            </Panel>
            <Panel title="Label issues by class" about="Which classes are the most error-prone.">
              {data ? <Classes data={data} show={show} /> : <Wait />}
            </Panel>
            <Panel
              title="Scores"
              about="How many rows have which score; the line is the lowest score that was flagged."
            >
              {data ? <Histograms data={data} show={show} /> : <Wait />}
            </Panel>
            <Panel title="Class balance" about="Rows of each class: as given, and after the decisions so far.">
              {data ? <Balance data={data} show={show} /> : <Wait />}
            </Panel>
            <Panel title="Decisions over time" about="Rows that have a decision.">
              {data ? <Timeline data={data} /> : <Wait />}
            </Panel>
            {data?.splits && data.splits.length > 0 && (
              <Panel title="Splits" about="Rows with an issue, of all rows of the split.">
                <Bars
                  partName="issues"
                  bars={data.splits.map((split) => ({
                    key: split.split ?? '',
                    name: split.split ?? 'none',
                    spoken: split.split ?? 'none',
                    value: split.rows,
                    part: split.issues,
                    note: percent(split.issues / Math.max(1, split.rows), 1),
                    onClick: () => show({ split: [split.split] }),
                  }))}
                />
              </Panel>
            )}
          </div>
        )}
      </div>
    </main>
  )
}

function Panel({
  title,
  about,
  wide,
  children,
}: {
  title: string
  about?: string
  wide?: boolean
  children: ReactNode
}) {
  return (
    <section className={`panel chart${wide ? ' wide' : ''}`} aria-label={title}>
      <Title order={2} size="h5">
        {title}
      </Title>
      {about && (
        <Text size="sm" c="dimmed" mb="sm">
          {about}
        </Text>
      )}
      {children}
    </section>
  )
}

const Wait = () => <Skeleton h={300} />
const Nothing = ({ children }: { children: ReactNode }) => (
  <div className="chart-empty">
    <Notice title="Nothing to draw">{children}</Notice>
  </div>
)

/** Where no label issue is to be drawn: because there is none, or because labels were not judged. */
function NoIssues({ children }: { children: ReactNode }) {
  const { project } = useOpened()
  const why = unjudged(project.checks)
  return <Nothing>{why ? `Labels were not judged: ${why}.` : children}</Nothing>
}

const OF_A_KIND = 3 // findings of one kind that are told here; the page Findings has all

/** What the analysis says about classes and columns, in its own words. */
function Findings() {
  const { id, project } = useOpened()
  const found = project.findings as {
    title?: string
    message?: string
    check?: string
    subject?: Label[]
    data?: Merge
  }[]
  if (!found.length && !project.notes.length) return null
  const known = new Set(project.classes.map((entry) => labelKey(entry.value)))
  const misspelt = found.flatMap((finding) => (finding.check === 'class_names' && finding.data ? [finding.data] : []))
  // what the charts below, or the table of names, say already is not said again
  const others = found.filter((finding) => finding.check !== 'class_names' && finding.check !== 'corrections')
  const notes = [...new Set(project.notes.map(withoutOptions))].filter(
    (note) => !others.some((finding) => withoutOptions(finding.message ?? '') === note),
  )
  const reading = new Set(project.reading?.map(withoutOptions))
  const read = notes.filter((note) => reading.has(note))
  const seen = new Map<string, number>()
  const shown = others.filter((finding) => {
    const kind = finding.title ?? ''
    seen.set(kind, (seen.get(kind) ?? 0) + 1)
    return seen.get(kind)! <= OF_A_KIND
  })
  const more = others.length - shown.length
  return (
    <section className="panel chart wide" aria-label="Findings">
      <Title order={2} size="h5" mb="xs">
        What stands out
      </Title>
      {misspelt.length > 0 && <Misspelt list={misspelt} />}
      {misspelt.length + others.length + notes.length === read.length && (
        <Text size="sm">Nothing about classes, splits, properties or columns.</Text>
      )}
      <ul className="findings">
        {shown.map((finding, at) => {
          const pair =
            finding.subject?.length === 2 && finding.subject.every((label) => known.has(labelKey(label)))
              ? finding.subject
              : null
          return (
            <li key={at}>
              <b>{finding.title}</b> {withoutOptions(finding.message ?? '')}{' '}
              {pair && <Link to={{ project: id, tab: 'compare', pair: [pair[0]!, pair[1]!] }}>Compare the two</Link>}
            </li>
          )
        })}
        {notes
          .filter((note) => !read.includes(note))
          .map((note) => (
            <li key={note}>{note}</li>
          ))}
        {more > 0 && (
          <li>
            {count(more)} more of these kinds: <Link to={{ project: id, tab: 'findings' }}>see all findings</Link>
          </li>
        )}
      </ul>
      {read.length > 0 && (
        <details className="more how-read">
          <summary>How the data was read</summary>
          <ul className="findings">
            {read.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}

interface Props {
  data: Charts
  show: (filter: Filter) => void
}

function Corrections({ data, show }: Props) {
  const list = data.corrections ?? []
  if (!list.length) return <NoIssues>No row of this filter has a label issue with a suggestion.</NoIssues>
  return (
    <Bars
      partName="open"
      bars={list.map((entry) => ({
        key: labelKey(entry.given) + labelKey(entry.suggested),
        name: (
          <>
            {labelText(entry.given)}{' '}
            <span className="arrow" aria-hidden="true">
              →
            </span>{' '}
            <b>{labelText(entry.suggested)}</b>
          </>
        ),
        spoken: `${labelText(entry.given)} to ${labelText(entry.suggested)}`,
        value: entry.count,
        part: entry.open,
        onClick: () => show({ any: ['label'], given: [entry.given], suggested: [entry.suggested] }),
      }))}
    />
  )
}

function Matrix({ data, show }: Props) {
  const c = useColours()
  const matrix = data.matrix
  const option = useMemo(() => {
    if (!matrix?.labels.length) return null
    const names = matrix.labels.map(labelText)
    const cells = matrix.counts.flatMap((line, i) => line.flatMap((n, j) => (n ? [[j, names.length - 1 - i, n]] : [])))
    const most = Math.max(1, ...cells.map((cell) => cell[2]!))
    const axis = {
      type: 'category',
      axisTick: { show: false },
      axisLine: { lineStyle: { color: c.line } },
      splitLine: { show: true, lineStyle: { color: c.soft } },
    }
    const longest = names.length > WIDE ? 30 : 18
    const cut = (name: string) => shortened(name, longest)
    return {
      tooltip: {
        ...tooltip(c),
        formatter: ({ value }: { value: number[] }) =>
          `given ${names[names.length - 1 - value[1]!]}\nsuggested ${names[value[0]!]}\n${count(value[2]!)} rows`,
      },
      grid: { left: 8, right: 12, top: 8, bottom: 8, containLabel: true },
      xAxis: {
        ...axis,
        data: names,
        axisLabel: { color: c.dim, rotate: 50, formatter: cut, fontSize: names.length > WIDE ? 10 : 11, interval: 0 },
      },
      yAxis: {
        ...axis,
        data: [...names].reverse(),
        axisLabel: { color: c.dim, formatter: cut, fontSize: names.length > WIDE ? 10 : 11, interval: 0 },
      },
      visualMap: { show: false, min: 0, max: most, inRange: { color: [c.soft, c.bar] }, dimension: 2 },
      series: [
        {
          type: 'heatmap',
          data: cells,
          label: { show: names.length <= 16, color: c.ink, fontSize: 11 },
          itemStyle: { borderColor: c.panel, borderWidth: 1 },
          emphasis: { itemStyle: { borderColor: c.ink } },
        },
      ],
    }
  }, [matrix, c])
  if (!option || !matrix) return <NoIssues>No class is taken for another here.</NoIssues>
  return (
    <>
      <Chart
        option={option}
        height={matrix.labels.length > WIDE ? 150 + 13 * matrix.labels.length : 190 + 18 * matrix.labels.length}
        label={`Correction matrix of ${matrix.labels.length} classes; the list of corrections says the same`}
        onClick={({ value }) => {
          const [x, y] = value as [number, number]
          show({
            any: ['label'],
            given: [matrix.labels[matrix.labels.length - 1 - y]!],
            suggested: [matrix.labels[x]!],
          })
        }}
      />
      {matrix.classes > matrix.labels.length && (
        <Text size="xs" c="dimmed">
          The {matrix.labels.length} classes with the most issues, of {count(matrix.classes)} that have any.
        </Text>
      )}
    </>
  )
}

function Classes({ data, show }: Props) {
  const [by, setBy] = useState('issues')
  const list = useMemo(() => {
    const all = [...(data.classes ?? [])].filter((entry) => entry.issues > 0)
    return by === 'rate' ? all.sort((a, b) => b.rate - a.rate) : all
  }, [data.classes, by])
  if (!list.length) return <NoIssues>No class has a label issue within this filter.</NoIssues>
  return (
    <>
      <SegmentedControl
        size="xs"
        mb="xs"
        value={by}
        onChange={setBy}
        data={[
          { value: 'issues', label: 'By count' },
          { value: 'rate', label: 'By share' },
        ]}
        aria-label="Order of the classes"
      />
      <Bars
        bars={list.map((entry) => ({
          key: labelKey(entry.label),
          name: labelText(entry.label),
          spoken: labelText(entry.label),
          value: by === 'rate' ? Number((100 * entry.rate).toFixed(1)) : entry.issues,
          note: by === 'rate' ? `% (${count(entry.issues)})` : percent(entry.rate, 1),
          onClick: () => show({ any: ['label'], given: [entry.label] }),
        }))}
      />
    </>
  )
}

function Histograms({ data, show }: Props) {
  const c = useColours()
  const { filter } = usePlace()
  const { project } = useOpened()
  const list = data.histograms ?? []
  const [picked, setPicked] = useState<string | null>(null)
  const [min, setMin] = useState<number | string>('')
  const [max, setMax] = useState<number | string>('')
  const histogram =
    list.find((entry) => entry.score === picked) ?? list.find((entry) => entry.score === 'label_issue_score') ?? list[0]
  const option = useMemo(() => {
    if (!histogram) return null
    const { edges, counts, flagged, threshold } = histogram
    const middle = edges.slice(0, -1).map((edge, i) => (edge + edges[i + 1]!) / 2)
    const bars = (values: number[]) => values.map((n, i) => [middle[i], n])
    return {
      tooltip: {
        ...tooltip(c),
        trigger: 'axis',
        axisPointer: { type: 'shadow' },
        formatter: (parts: { dataIndex: number }[]) => {
          const i = parts[0]!.dataIndex
          return `${edges[i]!.toFixed(3)} to ${edges[i + 1]!.toFixed(3)}\n${count(counts[i]!)} rows\n${count(flagged[i]!)} flagged`
        },
      },
      grid: { left: 8, right: 14, top: 18, bottom: 6, containLabel: true },
      xAxis: {
        type: 'value',
        min: 0,
        max: 1,
        axisLabel: { color: c.dim },
        axisLine: { lineStyle: { color: c.line } },
        splitLine: { show: false },
      },
      yAxis: {
        type: 'log',
        min: 0.8,
        logBase: 10,
        axisLabel: { color: c.dim, formatter: (n: number) => (n < 1 ? '' : count(n)) },
        splitLine: { lineStyle: { color: c.line } },
      },
      series: [
        {
          type: 'bar',
          name: 'rows',
          data: bars(counts.map((n) => n || NaN)),
          barWidth: '92%',
          itemStyle: { color: c.bar },
          barGap: '-100%',
          markLine:
            threshold === null
              ? undefined
              : {
                  silent: true,
                  symbol: 'none',
                  lineStyle: { color: c.ink, type: 'dashed' },
                  label: { color: c.ink, formatter: threshold.toFixed(3) },
                  data: [{ xAxis: threshold }],
                },
        },
        {
          type: 'bar',
          name: 'flagged',
          data: bars(flagged.map((n) => n || NaN)),
          barWidth: '92%',
          itemStyle: { color: c.bar2 },
        },
      ],
    }
  }, [histogram, c])
  if (!histogram || !option) return <Nothing>This run computed no scores.</Nothing>
  const column =
    project.columns.find((entry) => entry.ours && entry.column === histogram.score)?.name ?? histogram.score
  const between = (low: number | null, high: number | null) =>
    show({
      where: [
        ...(filter.where ?? []).filter((w) => w.column !== column),
        { column, ...(low === null ? {} : { min: low }), ...(high === null ? {} : { max: high }) },
      ],
    })
  return (
    <>
      <Select
        size="xs"
        mb={4}
        w={280}
        aria-label="Which score"
        allowDeselect={false}
        searchable
        value={histogram.score}
        onChange={setPicked}
        data={list.map((entry) => ({ value: entry.score, label: entry.title }))}
      />
      <Text size="xs" c="dimmed">
        {histogram.direction || ' '}; orange: flagged. The scale is logarithmic.
      </Text>
      <Chart
        option={option}
        height={250}
        label={`Histogram of ${histogram.title}`}
        onClick={({ dataIndex }) => between(histogram.edges[dataIndex]!, histogram.edges[dataIndex + 1]!)}
      />
      <form
        onSubmit={(event) => {
          event.preventDefault()
          between(min === '' ? null : Number(min), max === '' ? null : Number(max))
        }}
      >
        <Group gap="xs" mt="xs">
          <NumberInput
            size="xs"
            w={100}
            aria-label="Lowest score"
            placeholder="from"
            min={0}
            max={1}
            step={0.05}
            value={min}
            onChange={setMin}
          />
          <NumberInput
            size="xs"
            w={100}
            aria-label="Highest score"
            placeholder="to"
            min={0}
            max={1}
            step={0.05}
            value={max}
            onChange={setMax}
          />
          <Button size="xs" variant="default" type="submit" disabled={min === '' && max === ''}>
            Show these rows
          </Button>
        </Group>
      </form>
    </>
  )
}

function Balance({ data, show }: Props) {
  const list = data.balance ?? []
  if (!list.length) return <Nothing>No labels here.</Nothing>
  return (
    <Bars
      bars={list.map((entry) => ({
        key: labelKey(entry.label ?? null),
        name: labelText(entry.label ?? null),
        spoken: labelText(entry.label ?? null),
        value: entry.given,
        note: entry.final === entry.given ? '' : `now ${count(entry.final)}`,
        onClick: () => show({ given: [entry.label ?? null] }),
      }))}
    />
  )
}

function Timeline({ data }: { data: Charts }) {
  const c = useColours()
  const points = useMemo(() => data.timeline ?? [], [data.timeline])
  const option = useMemo(
    () => ({
      tooltip: {
        ...tooltip(c),
        trigger: 'axis',
        formatter: (parts: { dataIndex: number }[]) => {
          const point = points[parts[0]!.dataIndex]!
          return `${when(point.at)}\n${rows(point.total)} decided`
        },
      },
      grid: { left: 8, right: 18, top: 14, bottom: 6, containLabel: true },
      xAxis: {
        type: 'time',
        axisLabel: { color: c.dim, hideOverlap: true },
        axisLine: { lineStyle: { color: c.line } },
      },
      yAxis: {
        type: 'value',
        minInterval: 1,
        axisLabel: { color: c.dim, formatter: count },
        splitLine: { lineStyle: { color: c.line } },
      },
      series: [
        {
          type: 'line',
          step: 'end',
          data: points.map((point) => [point.at, point.total]),
          lineStyle: { color: c.bar, width: 2 },
          itemStyle: { color: c.bar },
          symbolSize: 5,
          areaStyle: { color: c.bar, opacity: 0.15 },
        },
      ],
    }),
    [points, c],
  )
  if (!points.length)
    return <Nothing>Nobody has decided anything yet. Open a row in Review and press W, Q or E.</Nothing>
  return (
    <Chart
      option={option}
      height={280}
      label={`Rows decided over time: ${count(points[points.length - 1]!.total)} by now`}
    />
  )
}
