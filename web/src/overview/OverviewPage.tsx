/** A project at a glance: how wrong it is, what was found, what to do next, how much is left. */
import { Button, Group, Progress, Skeleton, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api } from '../api/client'
import { live, useFacets } from '../api/queries'
import type { CheckInfo, Facets, Filter, Row } from '../api/types'
import { RowCard } from '../row/RowCard'
import { useOpened } from '../shell/context'
import { Name } from '../shell/Name'
import type { Look } from '../url/address'
import { go } from '../url/router'
import { count, labelKey, labelText, percent, rows as rowsText, unjudged, withoutOptions } from '../words'

const SHOWN = 3 // examples of a check
const show = (filter: Filter, look: Look | null = null) => go({ tab: 'review', filter, sort: null, row: null, look })

export default function OverviewPage() {
  const { id, project } = useOpened()
  const facets = useFacets(id, {})
  const examples = useQuery({ queryKey: live(id, 'found'), queryFn: () => api.found(id, SHOWN), staleTime: 60_000 })
  const found = project.checks
    .filter((check) => check.flag && !check.harmless && (check.count ?? 0) > 0)
    .sort((a, b) => Number(b.name === 'label') - Number(a.name === 'label'))
  const rate = project.findings.find(
    (finding) => finding.check === 'label_error_rate' || finding.check === 'error_rate',
  )
  return (
    <main className="page">
      <div className="page-inner overview">
        {facets.data ? (
          <Work
            facets={facets.data}
            rate={typeof rate?.message === 'string' ? rate.message : null}
            bound={(rate?.data as { at_most?: boolean } | undefined)?.at_most === true}
          />
        ) : (
          <Skeleton h={120} />
        )}
        {facets.data && <Next facets={facets.data} checks={found} />}
        <Worst />
        {found.map((check) => (
          <Found
            key={check.name}
            check={check}
            open={facets.data?.open[check.name]}
            rows={examples.data && (examples.data.find((one) => one.check === check.name)?.rows ?? [])}
          />
        ))}
        {found.length === 0 && (
          <section className="panel">
            <Title order={2} size="h5">
              Nothing was found
            </Title>
            <Text size="sm">No check flagged any row of this dataset.</Text>
          </section>
        )}
      </div>
    </main>
  )
}

/** `bound`: no more is known of how many labels are wrong than how many at most. */
function Work({ facets, rate, bound }: { facets: Facets; rate: string | null; bound: boolean }) {
  const { id, project } = useOpened()
  const left = useQuery({ queryKey: live(id, 'left'), queryFn: () => api.left(id) })
  const why = project.classes.length > 0 ? unjudged(project.checks) : ''
  const issues = facets.presets.issues ?? 0
  const flagged = project.checks.find((check) => check.name === 'label')?.count ?? null
  const open = facets.presets.open ?? 0
  const share = issues ? (issues - open) / issues : 1
  return (
    <section className="panel wide" aria-label="How far it is">
      <Title order={2} size="h4">
        {issues === 0
          ? 'No row has an issue'
          : `${rowsText(issues)} of ${count(project.rows)} ${issues === 1 ? 'has' : 'have'} an issue of some kind (${percent(issues / Math.max(1, project.rows), 1)})`}
      </Title>
      {flagged !== null && issues > 0 && (
        <Text size="sm">
          {count(flagged)} of them {flagged === 1 ? 'carries' : 'carry'} a label that {bound ? 'may be' : 'is likely'}{' '}
          wrong ({percent(flagged / Math.max(1, project.rows), 1)} of all rows).
        </Text>
      )}
      {rate && <Text size="sm">{withoutOptions(rate)}</Text>}
      {why && <Text size="sm">Whether labels are right was not judged: {why}.</Text>}
      {left.data?.known && <Text size="sm">{left.data.message}</Text>}
      <Group mt="sm" gap="sm" wrap="nowrap">
        <Progress value={100 * share} size="lg" style={{ flex: 1 }} aria-label={`${percent(share)} of them decided`} />
        <Text size="sm">
          {count(issues - open)} decided, {count(open)} left
        </Text>
      </Group>
    </section>
  )
}

/** The most useful things to do now, each one click away. */
function Next({ facets, checks }: { facets: Facets; checks: CheckInfo[] }) {
  const { actions, project } = useOpened()
  const misspelt = project.findings.filter((finding) => finding.check === 'class_names').length
  const n = (name: string) => (checks.some((check) => check.name === name) ? (facets.open[name] ?? 0) : 0)
  const label: Filter = { any: ['label'], resolved: false }
  const steps: [string, string, () => void][] = []
  if (n('label')) {
    const safe = facets.presets.safe ?? 0
    const accept: (typeof steps)[0] = [
      safe === 1 ? 'Accept the safe suggestion' : `Accept the ${count(safe)} safe suggestions`,
      `of ${rowsText(n('label'))} with a label issue; you see what changes first`,
      () =>
        actions.propose(
          {
            action: 'auto-fix',
            policy: 'auto',
            target: { filter: label, sort: null, top: null, ranges: null },
            route: 'bulk',
          },
          'Accept the safe suggestions?',
        ),
    ]
    if (safe > 0) steps.push(accept)
    steps.push([`Look at ${rowsText(n('label'))} with a label issue`, 'the worst first', () => show(label)])
  }
  const conflict = n('duplicate_label_conflict')
  if (conflict) {
    steps.push([
      'Settle copies under different labels',
      rowsText(conflict),
      () => show({ any: ['duplicate_label_conflict'] }, 'sets'),
    ])
  } else if (n('near_duplicate')) {
    steps.push([
      'Look at the sets of copies',
      rowsText(n('near_duplicate')),
      () => show({ any: ['near_duplicate'] }, 'sets'),
    ])
  }
  if (misspelt)
    steps.push([
      misspelt === 1 ? 'Merge a misspelt class' : 'Merge misspelt classes',
      misspelt === 1 ? '1 name that looks like another one' : `${count(misspelt)} names that look like others`,
      () => go({ tab: 'findings' }),
    ])
  if (n('outlier'))
    steps.push(['Look at the outliers', rowsText(n('outlier')), () => show({ any: ['outlier'], resolved: false })])
  if (!steps.length) return null
  return (
    <section className="panel" aria-label="What to do next">
      <Title order={2} size="h5" mb="xs">
        What to do next
      </Title>
      <ol className="next-steps">
        {steps.slice(0, 3).map(([title, about, run]) => (
          <li key={title}>
            <Button variant="light" fullWidth justify="flex-start" h="auto" py={8} onClick={run}>
              <span className="next-step">
                <b>{title}</b>
                <span>{about}</span>
              </span>
            </Button>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** The classes with the largest share of label issues. */
function Worst() {
  const { id } = useOpened()
  const { data } = useQuery({
    queryKey: live(id, 'charts', {}, 'classes'),
    queryFn: ({ signal }) => api.charts(id, {}, ['classes'], signal),
  })
  const list = (data?.classes ?? []).filter((entry) => entry.issues > 0).sort((a, b) => b.rate - a.rate)
  if (!list.length) return null
  return (
    <section className="panel" aria-label="Worst classes">
      <Title order={2} size="h5" mb="xs">
        Worst classes
      </Title>
      <ul className="worst-classes">
        {list.slice(0, 6).map((entry) => (
          <li key={labelKey(entry.label)}>
            <button type="button" className="preset" onClick={() => show({ any: ['label'], given: [entry.label] })}>
              <span className="wrap">
                <Name text={labelText(entry.label)} />
              </span>
              <span className="n">
                {percent(entry.rate, 1)} ({count(entry.issues)})
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Found({
  check,
  open,
  rows,
}: {
  check: CheckInfo
  open: number | undefined
  /** the worst of them, once they have come */
  rows: Row[] | undefined
}) {
  const { project } = useOpened()
  const filter: Filter = { any: [check.name] }
  const score = project.columns.find((column) => column.ours && column.column === check.score)
  const sort = score && check.name !== 'label' ? { by: score.name, descending: true } : null
  const sets = check.name.includes('duplicate')
  return (
    <section className="panel" aria-label={check.title}>
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Title order={2} size="h5">
          {check.title}: {count(check.count ?? 0)}
          {open !== undefined && open !== check.count && <small className="quiet"> ({count(open)} not decided)</small>}
        </Title>
        <Button
          size="compact-sm"
          variant="subtle"
          className="no-shrink"
          onClick={() => go({ tab: 'review', filter, sort, row: null, look: sets ? 'sets' : null })}
        >
          Show all
        </Button>
      </Group>
      <div className="cards">
        {rows ? rows.map((row) => <RowCard key={row.row} row={row} />) : <Skeleton h={110} />}
      </div>
    </section>
  )
}
