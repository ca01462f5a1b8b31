/** What the dataset says as a whole: the graph of related classes, then every finding with rows behind it and what to do. */
import { Button, Group, Skeleton, Text, Title } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { Finding, FindingAction, Label } from '../api/types'
import { RowCard } from '../row/RowCard'
import { useOpened } from '../shell/context'
import { Link } from '../shell/Link'
import { Failure, Notice } from '../shell/Notice'
import { Name } from '../shell/Name'
import { count, labelKey, labelText, percent, rows, withoutOptions } from '../words'
import { Misspelt, type Merge } from './Misspelt'
import { classesOf, KINDS, layout, RELATIONS, shareOf } from './graph'

const OF_CLASS = 3 // rows of each class
const CLASSES = 4 // shown of one finding
const AT_ONCE = 30 // findings

export default function FindingsPage() {
  const { id } = useOpened()
  const { data, error, refetch } = useQuery({ queryKey: ['findings', id], queryFn: () => api.findings(id) })
  const [chosen, setChosen] = useState<Label | undefined>()
  const [all, setAll] = useState(false)
  const list = useMemo(() => {
    const numbered = (data ?? []).map((finding, at) => ({ finding, number: at + 1 }))
    const rank = ({ finding }: { finding: Finding }) =>
      finding.check === 'relation_group' ? 0 : finding.check === 'relation' ? 1 : finding.action ? 2 : 3
    return numbered.sort((p, q) => rank(p) - rank(q))
  }, [data])
  const about = (finding: Finding) =>
    chosen === undefined || [...classesOf(finding), ...finding.subject].some((l) => labelKey(l) === labelKey(chosen))
  const shown = list.filter(({ finding }) => finding.check !== 'class_names' && about(finding))
  const misspelt = list.flatMap(({ finding }) =>
    finding.check === 'class_names' && about(finding) ? [finding.data as Merge] : [],
  )

  if (error && !data) return <Failure error={error} retry={() => void refetch()} />
  return (
    <main className="page">
      <div className="page-inner findings-page">
        {!data ? (
          <Skeleton h={300} />
        ) : data.length === 0 ? (
          <Notice title="No finding about the dataset as a whole">
            Nothing stood out among classes, splits, properties or columns. Single rows are on the page Review.
          </Notice>
        ) : (
          <>
            <Graph findings={data} chosen={chosen} choose={setChosen} />
            {chosen !== undefined && (
              <Group gap="sm">
                <Text size="sm">
                  {shown.length === 1 ? '1 finding' : `${count(shown.length)} findings`} about {labelText(chosen)}
                </Text>
                <Button size="compact-sm" variant="light" onClick={() => setChosen(undefined)}>
                  Show all
                </Button>
              </Group>
            )}
            {misspelt.length > 0 && (
              <section className="panel">
                <Misspelt list={misspelt} />
              </section>
            )}
            {shown.slice(0, all ? undefined : AT_ONCE).map(({ finding, number }) => (
              <One key={number} finding={finding} number={number} />
            ))}
            {!all && shown.length > AT_ONCE && (
              <Button variant="default" onClick={() => setAll(true)}>
                {count(shown.length - AT_ONCE)} more
              </Button>
            )}
          </>
        )}
      </div>
    </main>
  )
}

/** Related classes; a click on one shows what is found about it. */
function Graph({
  findings,
  chosen,
  choose,
}: {
  findings: Finding[]
  chosen: Label | undefined
  choose: (label: Label | undefined) => void
}) {
  const { ref, width } = useElementSize()
  const { boxes, height } = useMemo(() => layout(findings, Math.max(width, 240)), [findings, width])
  const none = !findings.some((finding) => RELATIONS.includes(finding.check) && finding.subject.length > 1)
  if (none) return null
  return (
    <section className="panel" aria-label="Related classes">
      <Title order={2} size="h5" mb="xs">
        Related classes
      </Title>
      <div ref={ref} className="class-graph" style={{ height }}>
        {boxes.map((box) => (
          <div
            key={labelKey(box.nodes[0]!.label)}
            className={`class-box${box.name ? ' group' : ''}`}
            role="group"
            aria-label={box.nodes.map(({ label }) => labelText(label)).join(', ')}
            style={{ left: box.x, top: box.y, width: box.width, height: box.height }}
          >
            {box.name && <span className="class-box-name">a group: {box.name}</span>}
            <svg width={box.width} height={box.height} aria-hidden>
              {box.edges.map((edge, at) => {
                const from = box.nodes.find(({ label }) => label === edge.a)!
                const to = box.nodes.find(({ label }) => label === edge.b)!
                return <line key={at} className={edge.type} x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
              })}
            </svg>
            {box.nodes.map(({ label, x, y }) => {
              const on = chosen !== undefined && labelKey(chosen) === labelKey(label)
              return (
                <button
                  key={labelKey(label)}
                  type="button"
                  className="class-node"
                  aria-pressed={on}
                  title={labelText(label)}
                  style={{ left: x, top: y }}
                  onClick={() => choose(on ? undefined : label)}
                >
                  <span>
                    <Name text={labelText(label)} />
                  </span>
                </button>
              )
            })}
          </div>
        ))}
      </div>
      <Text size="xs" c="dimmed" mt="xs">
        A thick line: {KINDS.same_thing}; broken: one {KINDS.is_a} the other; dotted: they {KINDS.has_a}; thin: they{' '}
        {KINDS.looks_alike}. A click on a class shows what was found about it.
      </Text>
    </section>
  )
}

const NAMED = 4 // classes that a heading names; the message has them all

function One({ finding, number }: { finding: Finding; number: number }) {
  const { id, project } = useOpened()
  const known = new Set(project.classes.map((entry) => labelKey(entry.value)))
  const classes = classesOf(finding).filter((label) => known.has(labelKey(label)))
  const relation = RELATIONS.includes(finding.check)
  const pair = finding.subject.length === 2 && classes.length === 2 ? classes : null
  return (
    <article className="panel" aria-label={`${finding.title}: ${finding.subject.map(labelText).join(', ')}`}>
      <Title order={2} size="h5">
        {finding.title}
        {finding.subject.length > 0 &&
          finding.subject.length <= NAMED &&
          `: ${finding.subject.map(labelText).join(', ')}`}
      </Title>
      <Text size="sm">{withoutOptions(finding.message)}</Text>
      <Text size="xs" c="dimmed">
        {finding.rows > 0 && `${rows(finding.rows)} behind it. `}
        {finding.strength !== null && finding.low !== null && finding.high !== null && (
          <>
            {shareOf(finding) && `${shareOf(finding)}: `}
            {percent(finding.strength, 1)}, 95% interval {percent(finding.low, 1)} to {percent(finding.high, 1)}.{' '}
          </>
        )}
        {pair && <Link to={{ project: id, tab: 'compare', pair: [pair[0]!, pair[1]!] }}>Compare the two</Link>}
      </Text>
      {finding.examples.length > 0 && <Examples finding={finding} />}
      {relation && (
        <div className="of-classes">
          {classes.slice(0, CLASSES).map((label) => (
            <OfClass key={labelKey(label)} label={label} />
          ))}
        </div>
      )}
      {finding.action && <Propose action={finding.action} number={number} />}
    </article>
  )
}

/** The rows behind it, the most telling first. */
function Examples({ finding }: { finding: Finding }) {
  const { id } = useOpened()
  const filter = { ids: finding.examples.map(String) }
  const { data } = useQuery({
    queryKey: live(id, 'finding', filter),
    queryFn: ({ signal }) => api.view(id, { filter, sort: null, offset: 0, limit: filter.ids.length }, signal),
  })
  const place = new Map(filter.ids.map((name, at) => [name, at]))
  const list = [...(data?.rows ?? [])].sort((p, q) => (place.get(p.id) ?? 0) - (place.get(q.id) ?? 0))
  return (
    <div className="row-cards" aria-label="Rows behind it" role="group">
      {list.map((row) => (
        <RowCard key={row.row} row={row} />
      ))}
    </div>
  )
}

function OfClass({ label }: { label: Label }) {
  const { id } = useOpened()
  const { data } = useQuery({
    queryKey: live(id, 'examples', label, OF_CLASS),
    queryFn: ({ signal }) => api.examples(id, label, OF_CLASS, signal),
  })
  return (
    <section aria-label={`Rows of ${labelText(label)}`}>
      <Text size="sm" fw={600} truncate title={labelText(label)}>
        {labelText(label)}
      </Text>
      <div className="row-cards">
        {(data?.rows ?? []).map((row) => (
          <RowCard key={row.row} row={row} />
        ))}
      </div>
    </section>
  )
}

const LOGGED = ['merge', 'take_specific', 'move_suggested', 'split'] // what one label a row can hold

/** What it proposes, and what it offers beside that; each shows first what would change. */
function Propose({ action, number }: { action: FindingAction; number: number }) {
  const { actions, exportWith } = useOpened()
  const offers = [action, ...(action.else ? [action.else] : [])].map((offer, at) => ({ offer, instead: at === 1 }))
  return (
    <Group gap="xs" mt="sm">
      {offers.map(({ offer, instead }) =>
        LOGGED.includes(offer.kind) ? (
          <Button
            key={offer.title}
            size="compact-md"
            variant={instead ? 'default' : 'light'}
            onClick={() =>
              actions.propose(
                { action: 'label', target: { rows: [] }, route: 'class', finding: { number, instead } },
                `${offer.title}?`,
              )
            }
          >
            {offer.title}
          </Button>
        ) : (
          <Button
            key={offer.title}
            size="compact-md"
            variant={instead ? 'default' : 'light'}
            onClick={() => exportWith({ two: true })}
          >
            {offer.title} …
          </Button>
        ),
      )}
    </Group>
  )
}
