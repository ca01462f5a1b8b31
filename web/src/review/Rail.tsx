/** The preset rail: what the checks found, counted live inside the rest of the filter; one click shows it. */
import { ScrollArea, Tooltip } from '@mantine/core'
import { useMemo, useState, type ReactElement, type ReactNode } from 'react'
import { api } from '../api/client'
import { useFacets } from '../api/queries'
import type { CheckInfo, ColumnInfo, Filter, Sort } from '../api/types'
import { peopleOf, useOpened } from '../shell/context'
import { go, usePlace } from '../url/router'
import { Narrow } from './Narrow'
import { Tour } from './Tour'
import { count, counted, REVIEW_TAG, TAKEN } from '../words'

interface Preset {
  key: string
  title: string
  filter: Filter
  sort: Sort | null
  n: number | undefined
  /** of these: without a decision */
  open?: number
  hint: string
  /** its rows belong together in sets of copies */
  sets?: boolean
  off?: string
}
interface Group {
  title: string
  presets: Preset[]
}

const GROUPS: [string, string[]][] = [
  [
    'Issues',
    [
      'label',
      'outlier',
      'near_duplicate',
      'exact_duplicate',
      'duplicate_label_conflict',
      'cross_split_duplicate',
      'ambiguous',
      'unlabeled',
      'rare_class',
    ],
  ],
  ['Pictures', ['dark', 'light', 'blurry', 'low_information', 'odd_size', 'odd_aspect_ratio', 'grayscale']],
  ['Texts', ['empty_text', 'too_short', 'too_long', 'wrong_language', 'non_language', 'pii']],
  ['Table', ['identical_row']],
]

/** The keys of a filter that a preset sets; the rest (class, split, search, "not decided" ...) stays when another is clicked. */
const PRESET_KEYS = ['any', 'all', 'none', 'resolved', 'tag', 'odd_cells'] as const

export function rest(filter: Filter): Filter {
  const left = { ...filter }
  for (const key of PRESET_KEYS) delete left[key]
  return left
}

/** `then` is called once something is chosen. */
export function Rail({ then }: { then?: () => void }) {
  const { id, project } = useOpened()
  const { filter, look } = usePlace()
  const others = useMemo(() => rest(filter), [filter])
  const facets = useFacets(id, others)
  const groups = useMemo(
    () => presets(project.checks, project.columns, facets.data),
    [project.checks, project.columns, facets.data],
  )
  // "Not decided" goes along with whatever is clicked next.
  const kept: Filter = filter.resolved === false ? { resolved: false } : {}
  const now = JSON.stringify(picked(filter))
  const folded = groups.flatMap((group) => group.presets).filter((preset) => foundNothing(preset, project.checks, now))
  const unmade = folded.filter((preset) => preset.off)
  const silent = folded.filter((preset) => !preset.off)
  const show = (preset: Preset) => {
    go({
      filter: { ...others, ...kept, ...preset.filter },
      sort: preset.sort,
      row: null,
      look: preset.sets ? 'sets' : look === 'sets' ? null : look,
    })
    then?.()
  }
  const button = (preset: Preset) => (
    <li key={preset.key}>
      <Hint text={preset.off ?? preset.hint}>
        <button
          type="button"
          className={`preset${now === JSON.stringify(preset.filter) ? ' on' : ''}`}
          aria-pressed={now === JSON.stringify(preset.filter)}
          aria-disabled={preset.off ? true : undefined}
          onClick={() => !preset.off && show(preset)}
        >
          <span>{preset.title}</span>
          <Numbers preset={preset} />
        </button>
      </Hint>
    </li>
  )

  return (
    <nav className="rail" aria-label="What was found">
      <ScrollArea h="100%" type="hover" scrollbarSize={6} viewportProps={{ tabIndex: -1 }}>
        {groups.map((group) => {
          const shown = group.presets.filter((preset) => !folded.includes(preset))
          return shown.length === 0 ? null : (
            <section key={group.title}>
              <h2>{group.title}</h2>
              <ul>{shown.map(button)}</ul>
            </section>
          )
        })}
        {[
          { list: silent, what: 'found nothing' },
          { list: unmade, what: 'without a result' },
        ].map(
          ({ list, what }) =>
            list.length > 0 && (
              <section key={what}>
                <details className="silent">
                  <summary>
                    {counted(list.length, 'check', 'checks')} {what}
                  </summary>
                  <ul>{list.map(button)}</ul>
                </details>
              </section>
            ),
        )}
        <Queue />
        <Narrow />
        {!then && <Tour />}
      </ScrollArea>
    </nav>
  )
}

const QUEUE = 50 // rows that somebody takes at once

/**
 * For several people: the next open rows of this filter that nobody has taken yet are tagged as one's own, so that no two look at
 * the same; and the rows whose note mentions one by "@name".
 */
function Queue() {
  const { id, project, actions, person } = useOpened()
  const { filter, sort } = usePlace()
  const [busy, setBusy] = useState(false)
  if (!person) return null
  const mine = `${TAKEN}${person}`
  const take = async () => {
    setBusy(true)
    try {
      const { tag: _, ...others } = filter
      const open = await api.view(id, { filter: { ...others, resolved: false }, sort, offset: 0, limit: 500 })
      const free = open.rows.filter((row) => !row.tags.some((tag) => tag.startsWith(TAKEN))).slice(0, QUEUE)
      const rows = free.map((row) => row.row)
      if (!rows.length) return actions.say('Nothing open is left that nobody has taken.')
      await actions.decide({ action: 'tag', text: mine, target: { rows }, route: 'selection' })
      go({ filter: { ...others, tag: [mine], resolved: false }, row: null })
    } finally {
      setBusy(false)
    }
  }
  return (
    <section className="queue">
      <Hint text={`Takes ${QUEUE} open rows of this filter that nobody else has taken, by the tag “${mine}”`}>
        <button type="button" className="preset" disabled={busy} onClick={() => void take()}>
          <span>My next {QUEUE}</span>
        </button>
      </Hint>
      {peopleOf(project, person).length > 1 && (
        <Hint text={`Rows whose note says @${person}`}>
          <button type="button" className="preset" onClick={() => go({ filter: { note: `@${person}` }, row: null })}>
            <span>Mentions of me</span>
          </button>
        </Hint>
      )}
    </section>
  )
}

/** Of a check: open of all, as long as the two differ. */
function Numbers({ preset: { n, open, off } }: { preset: Preset }) {
  if (off) return <span className="n">–</span>
  if (n === undefined) return <span className="n" />
  if (open === undefined || open === n) return <span className={`n${n === 0 ? ' zero' : ''}`}>{count(n)}</span>
  return (
    <span className="n" title={`${count(open)} not decided, of ${count(n)}`}>
      {count(open)}
      <span className="of"> of {count(n)}</span>
    </span>
  )
}

/** A check that ran over the whole dataset and flagged no row, or could not run; never the one that is looked at. */
function foundNothing(preset: Preset, checks: CheckInfo[], now: string): boolean {
  const check = checks.find((one) => one.name === preset.key)
  return check !== undefined && !check.count && now !== JSON.stringify(preset.filter)
}

function Hint({ text, children }: { text: string; children: ReactNode }) {
  if (!text) return <>{children}</>
  return (
    <Tooltip label={text} position="right" multiline maw={280} openDelay={500}>
      {children as ReactElement}
    </Tooltip>
  )
}

const picked = (filter: Filter): Filter =>
  Object.fromEntries(
    PRESET_KEYS.filter((key) => filter[key] !== undefined && !(key === 'resolved' && !filter.resolved)).map((key) => [
      key,
      filter[key],
    ]),
  )

/** Each check in its own order: the worst by its score first, copies beside each other. */
function orderOf(check: CheckInfo, columns: ColumnInfo[]): Sort | null {
  if (check.name.includes('duplicate')) return { by: 'cluster', descending: false }
  const score = columns.find((column) => column.ours && column.column === check.score)
  return check.name === 'label' || !score ? null : { by: score.name, descending: true }
}

function presets(checks: CheckInfo[], columns: ColumnInfo[], facets: ReturnType<typeof useFacets>['data']): Group[] {
  const ofRows = checks.filter((check) => check.flag) // the others are about classes or columns: Charts tells them
  const byName = new Map(ofRows.map((check) => [check.name, check]))
  const one = (check: CheckInfo): Preset => ({
    key: check.name,
    title: check.title,
    filter: { any: [check.name] },
    sort: orderOf(check, columns),
    n: facets?.checks[check.name],
    open: check.harmless ? undefined : facets?.open[check.name],
    sets: check.name.includes('duplicate'),
    hint: columns.find((column) => column.ours && column.column === check.flag)?.meaning ?? '',
    off:
      check.status === 'ran'
        ? undefined
        : `${check.status === 'failed' ? 'This check failed' : 'Not checked'}: ${check.why}`,
  })
  const simple = (name: string, title: string, filter: Filter, n: number | undefined, hint = ''): Preset => ({
    key: name,
    title,
    filter,
    sort: null,
    n,
    hint,
  })
  const well = byName.get('well_labeled')
  const needsReview = facets ? (facets.tag[REVIEW_TAG] ?? 0) : undefined
  const groups: Group[] = [
    {
      title: 'All',
      presets: [
        simple('all', 'All rows', {}, facets?.total),
        ...(well ? [one(well)] : []),
        simple('resolved', 'Decided', { resolved: true }, facets?.resolved, 'Rows that somebody has decided'),
        simple('review', 'Needs review', { tag: [REVIEW_TAG] }, needsReview, 'Rows tagged with N for a second look'),
      ],
    },
  ]
  const known = new Set(['well_labeled', 'not_analyzed'])
  for (const [title, names] of GROUPS) {
    const here = names.flatMap((name) => byName.get(name) ?? [])
    names.forEach((name) => known.add(name))
    if (here.length) groups.push({ title, presets: here.map(one) })
  }
  if (facets?.presets.odd_cells) {
    const odd = simple(
      'odd_cells',
      'Odd cells',
      { odd_cells: true },
      facets.presets.odd_cells,
      'A number outside the middle 99% of its column, or a value that fewer than one row in 200 shares; marked in the row',
    )
    const table = groups.find((group) => group.title === 'Table')
    if (table) table.presets.push(odd)
    else groups.push({ title: 'Table', presets: [odd] })
  }
  const more = ofRows.filter((check) => !known.has(check.name))
  const unread = byName.get('not_analyzed')
  if (unread) more.push(unread)
  if (more.length) groups.push({ title: 'Other', presets: more.map(one) })
  return groups
}
