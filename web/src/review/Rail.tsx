/** The preset rail: what the checks found, counted live inside the rest of the filter; one click shows it. */
import { ScrollArea, Tooltip } from '@mantine/core'
import { useMemo, type ReactElement, type ReactNode } from 'react'
import { useFacets } from '../api/queries'
import type { CheckInfo, ColumnInfo, Filter, Sort } from '../api/types'
import { useOpened } from '../shell/context'
import { go, usePlace } from '../url/router'
import { count, REVIEW_TAG } from '../words'

interface Preset {
  key: string
  title: string
  filter: Filter
  sort: Sort | null
  n: number | undefined
  hint: string
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

/** The keys of a filter that a preset sets; the rest (class, split, search ...) stays when another preset is clicked. */
const PRESET_KEYS = ['any', 'all', 'none', 'resolved', 'tag'] as const

export function rest(filter: Filter): Filter {
  const left = { ...filter }
  for (const key of PRESET_KEYS) delete left[key]
  return left
}

export function Rail() {
  const { id, project } = useOpened()
  const { filter } = usePlace()
  const others = useMemo(() => rest(filter), [filter])
  const facets = useFacets(id, others)
  const groups = useMemo(
    () => presets(project.checks, project.columns, facets.data),
    [project.checks, project.columns, facets.data],
  )
  const now = JSON.stringify(picked(filter))

  return (
    <nav className="rail" aria-label="What was found">
      <ScrollArea h="100%" type="hover" scrollbarSize={6} viewportProps={{ tabIndex: -1 }}>
        {groups.map((group) => (
          <section key={group.title}>
            <h2>{group.title}</h2>
            <ul>
              {group.presets.map((preset) => {
                const on = now === JSON.stringify(preset.filter)
                return (
                  <li key={preset.key}>
                    <Hint text={preset.off ?? preset.hint}>
                      <button
                        type="button"
                        className={`preset${on ? ' on' : ''}`}
                        aria-pressed={on}
                        aria-disabled={preset.off ? true : undefined}
                        onClick={() =>
                          !preset.off && go({ filter: { ...others, ...preset.filter }, sort: preset.sort, row: null })
                        }
                      >
                        <span>{preset.title}</span>
                        <span className={`n${preset.n === 0 ? ' zero' : ''}`}>
                          {preset.off ? '–' : preset.n === undefined ? '' : count(preset.n)}
                        </span>
                      </button>
                    </Hint>
                  </li>
                )
              })}
            </ul>
          </section>
        ))}
      </ScrollArea>
    </nav>
  )
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
  Object.fromEntries(PRESET_KEYS.filter((key) => filter[key] !== undefined).map((key) => [key, filter[key]]))

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
  const more = ofRows.filter((check) => !known.has(check.name))
  const unread = byName.get('not_analyzed')
  if (unread) more.push(unread)
  if (more.length) groups.push({ title: 'Other', presets: more.map(one) })
  return groups
}
