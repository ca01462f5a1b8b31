/** The main page: rail, filter, grid, and the open row beside it. Holds the cursor and the selection; everything else is in the address. */
import {
  ActionIcon,
  Button,
  Center,
  Group,
  Loader,
  Menu,
  NumberInput,
  SegmentedControl,
  Slider,
  Tooltip,
} from '@mantine/core'
import { useLocalStorage, useMediaQuery } from '@mantine/hooks'
import {
  IconArrowsSort,
  IconCheck,
  IconColumns3,
  IconListSearch,
  IconPhoto,
  IconSortAscending,
  IconSortDescending,
  IconSquareCheck,
  IconWand,
} from '@tabler/icons-react'
import { lazy, Suspense, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { api } from '../api/client'
import { dependsOnDecisions } from '../api/queries'
import type { Ask, ActionName, Label, Modality, Sort, Target } from '../api/types'
import { prefetch, Resolver, type Candidates } from '../resolver/Resolver'
import { useOpened } from '../shell/context'
import { Dialog } from '../shell/Dialog'
import { mayAct } from '../shell/keyboard'
import { Failure, Notice } from '../shell/Notice'
import { LOOKS } from '../url/address'
import { go, usePlace } from '../url/router'
import { REVIEW_TAG, rows as rowsText, verb } from '../words'
import { BulkBar } from './BulkBar'
import { FilterBar } from './FilterBar'
import { Grid, type GridHandle } from './Grid'
import { command } from './keys'
import { Rail, rest } from './Rail'
import { listed, NONE, size, toggle, type Ranges } from './selection'
import { Sets } from './Sets'
import { sortedBy, sortKeys } from '../api/sort'
import { TopK } from './TopK'
import { rowAt, useRows } from './useRows'

const MapOfFilter = lazy(() => import('../map/MapOfFilter').then((page) => ({ default: page.MapOfFilter })))

const OWN_ARROWS = '.grid, [role="slider"], [role="separator"], [role="radio"], [role="menuitem"], input'

export function Review() {
  const { id, project, actions, number } = useOpened()
  const place = usePlace()
  const { filter, sort } = place
  const viewKey = JSON.stringify([filter, sort])
  const [sight, setSight] = useState<[number, number]>([0, 60])
  const [cursor, setCursor] = useState(0)
  const [selection, setSelection] = useState<Ranges>(NONE)
  const [thumb, setThumb] = useLocalStorage({ key: 'assay-thumb', defaultValue: 140, getInitialValueInEffect: false })
  const [advance, setAdvance] = useLocalStorage({
    key: 'assay-advance',
    defaultValue: true,
    getInitialValueInEffect: false,
  })
  const [topK, setTopK] = useState(false)
  // no room for the rail beside the rows: it comes when asked for, and goes with the first choice
  const phone = useMediaQuery('(max-width: 640px)', false, { getInitialValueInEffect: false })
  const [checks, setChecks] = useState(false)
  const grid = useRef<GridHandle>(null)
  const candidates = useRef<Candidates | null>(null)
  const resolver = useRef<{ newClass: () => void; note: () => void }>(null)
  const data = useRows(id, filter, sort, sight[0], sight[1])
  const total = data.total ?? 0
  if (Number.isFinite(data.number)) number.current = Math.max(number.current, data.number)

  // Another view begins at its top, with nothing selected.
  const [shownKey, setShownKey] = useState(viewKey)
  if (shownKey !== viewKey) {
    setShownKey(viewKey)
    setSelection(NONE)
    setCursor(0)
    setSight([0, 60])
    setChecks(false)
  }

  // The address names the open row; where it stands is asked whenever it is not under the cursor: at first, and after
  // decisions (own or others') that moved rows of this view.
  const asked = useRef('')
  const moving = useRef(false)
  const [outside, setOutside] = useState(false)
  const here = data.get(cursor)?.row === place.row
  useEffect(() => {
    if (here) setOutside(false)
    if (here || moving.current || place.row === null || data.total === null) return
    const known = data.find(place.row)
    if (known !== undefined) {
      setOutside(known < 0)
      if (known >= 0) {
        setCursor(known)
        grid.current?.show(known)
      }
      return
    }
    const question = `${viewKey}#${place.row}#${data.number}#${data.total}`
    if (asked.current === question) return
    asked.current = question
    void api.positions(id, { filter, sort, rows: [place.row] }).then(
      ({ positions }) => {
        if (asked.current !== question || moving.current) return
        const at = positions[0] ?? -1
        setOutside(at < 0)
        if (at < 0) return
        setCursor(at)
        grid.current?.show(at)
      },
      () => undefined,
    )
  }, [here, place.row, data, viewKey, id, filter, sort, cursor])

  const openAt = useCallback(
    async (index: number) => {
      if (index < 0 || index >= total) return
      setCursor(index)
      grid.current?.show(index)
      let row = data.get(index)
      if (!row) {
        moving.current = true
        row = await rowAt(id, filter, sort, index).catch(() => undefined)
        moving.current = false
      }
      if (row) go({ row: row.row }, { replace: true })
    },
    [data, id, filter, sort, total],
  )

  const onCursor = useCallback(
    (index: number, how: 'key' | 'click') => {
      setCursor(index)
      if (how === 'click') {
        setSelection(NONE)
        void openAt(index)
      } else if (place.row !== null) void openAt(index)
    },
    [openAt, place.row],
  )

  const target = useCallback(
    (ranges: Ranges): Target => {
      if (size(ranges) === total) return { filter, sort, top: null, ranges: null }
      const places = listed(ranges, 2000)
      const known = places?.map((index) => data.get(index)?.row)
      if (known?.every((row) => row !== undefined)) return { rows: known }
      return { filter, sort, top: null, ranges: ranges.map(([start, end]) => [start, end]) }
    },
    [data, filter, sort, total],
  )

  // While one row is looked at, the next one is fetched.
  const following = place.row === null ? undefined : data.get(cursor + 1)?.row
  useEffect(() => {
    if (following === undefined) return
    const timer = window.setTimeout(() => {
      prefetch(id, following)
      if (project.modality === 'image') new Image().src = api.image(id, following)
    }, 200)
    return () => window.clearTimeout(timer)
  }, [following, id, project.modality])

  // Positions mean something else once rows have come or gone.
  useEffect(() => setSelection(NONE), [data.total])

  const n = size(selection)

  /** A action by key or button: on the selection where there is one, else on the open row (or the row under the cursor). */
  const act = useCallback(
    async (action: ActionName, more: { label?: Label; text?: string } = {}) => {
      if (n > 0) {
        const ask: Ask = { action, ...more, target: target(selection), route: n === total ? 'bulk' : 'selection' }
        actions.propose(ask, `${verb(action, more.label, more.text)} ${rowsText(n)}?`, () => setSelection(NONE))
        return
      }
      // The open row, even before its details have come; with none open, the row under the cursor while the grid has the focus.
      const under = data.get(cursor)
      const shown =
        candidates.current?.row.row === place.row
          ? candidates.current?.row
          : under?.row === place.row
            ? under
            : undefined
      const row = place.row !== null ? shown : document.activeElement?.classList.contains('grid') ? under : undefined
      if (!row) return
      const stays = action === 'tag' || action === 'untag' || action === 'note'
      // by hand, on one row that is looked at: the suggestion as it stands, sure or not
      const known = candidates.current?.row.row === row.row ? candidates.current : null
      let ask: Pick<Ask, 'action' | 'label' | 'text' | 'policy' | 'removals'> = { action, ...more }
      if (action === 'auto-fix') {
        if (known && !known.offer)
          return actions.say('There is nothing to accept here: keep it (Q), leave it out (E) or label it.')
        ask =
          known?.offer?.action === 'auto-fix' || !known?.offer
            ? { action, policy: 'reference', removals: true }
            : { action: known.offer.action, label: known.offer.label }
      }
      // rows that the decision may take out of the view, or move in it, come with its answer
      const brought = dependsOnDecisions(filter, sort) && data.asked.limit <= MOST_SHOWN ? data.asked : undefined
      const doing = actions.decide({
        ...ask,
        target: { rows: [row.row] },
        route: 'row',
        shown: brought,
        counted: rest(filter),
      })
      if (!stays && advance && place.row !== null) void openAt(outside ? cursor : cursor + 1)
      await doing
    },
    [n, target, selection, total, actions, data, cursor, advance, place.row, openAt, outside, filter, sort],
  )

  // Before anything else can happen: a quick key must find the row that is on screen, not the one before it.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!mayAct(event)) return
      const target = event.target instanceof HTMLElement ? event.target : null
      // With a row open, left and right go on from wherever the focus is, except where they mean something of their own.
      if (
        place.row !== null &&
        (event.key === 'ArrowRight' || event.key === 'ArrowLeft') &&
        !target?.closest(OWN_ARROWS)
      ) {
        event.preventDefault()
        void openAt(cursor + (event.key === 'ArrowRight' ? 1 : -1))
        return
      }
      const order = command(event)
      if (!order) return
      if (/^(BUTTON|A|SUMMARY)$/.test(target?.tagName ?? '') && (event.key === ' ' || event.key === 'Enter')) return
      switch (order.do) {
        case 'auto-fix':
        case 'keep':
        case 'exclude':
        case 'unresolved':
          void act(order.do)
          break
        case 'review':
          void act('tag', { text: REVIEW_TAG })
          break
        case 'label': {
          const label = candidates.current?.ranked[order.rank - 1]
          if (label === undefined) return
          void act('label', { label })
          break
        }
        case 'newClass':
          if (place.row === null) return
          resolver.current?.newClass()
          break
        case 'note':
          if (place.row === null) return
          resolver.current?.note()
          break
        case 'all':
          setSelection(total ? [[0, total]] : NONE)
          break
        case 'tick':
          setSelection(toggle(selection, cursor))
          break
        case 'open':
          void openAt(cursor)
          break
        case 'next':
          if (place.row === null) onCursor(Math.min(cursor + 1, total - 1), 'key')
          else void openAt(cursor + 1)
          break
        case 'previous':
          if (place.row === null) onCursor(Math.max(cursor - 1, 0), 'key')
          else void openAt(cursor - 1)
          break
        case 'close':
          if (n) setSelection(NONE)
          else if (place.row !== null) {
            go({ row: null }, { replace: true })
            grid.current?.focus()
          } else return
          break
        default:
          return // undo, redo and help belong to the shell
      }
      event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [act, cursor, n, onCursor, openAt, place.row, selection, total])

  const onSight = useCallback(
    (first: number, end: number) => setSight((old) => (old[0] === first && old[1] === end ? old : [first, end])),
    [],
  )
  const titles = useMemo(
    () => Object.fromEntries(project.columns.map((column) => [column.name, column.title])),
    [project.columns],
  )
  const offered = useMemo(
    () =>
      project.columns
        // the label, text, id and split of a row stand in places of their own
        .filter((column) => !column.ours && column.kind !== 'id')
        .filter((column) => !['label', 'text', 'id', 'split'].some((role) => project.roles[role] === column.name))
        .map((column) => column.name),
    [project],
  )
  const [hidden, setHidden] = useLocalStorage<string[]>({
    key: `assay-hidden-${id}`,
    defaultValue: [],
    getInitialValueInEffect: false,
  })
  const table = project.modality === 'table' || place.look === 'table'
  const columns = useMemo(
    () => offered.filter((name) => !hidden.includes(name)).slice(0, MOST_COLUMNS),
    [offered, hidden],
  )

  return (
    <main className={`review${place.row !== null ? ' with-resolver' : ''}`}>
      {!phone && <Rail />}
      {phone && checks && (
        <Dialog title="What was found" onClose={() => setChecks(false)} fullScreen>
          <Rail then={() => setChecks(false)} />
        </Dialog>
      )}
      <section className={`middle${place.look === 'map' ? ' with-map' : ''}`} aria-label="Rows">
        <FilterBar />
        <div className="tools">
          <span className="total" role="status">
            {data.total === null ? ' ' : rowsText(total)}
          </span>
          {phone && (
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconListSearch size={14} />}
              onClick={() => setChecks(true)}
            >
              Checks
            </Button>
          )}
          <Jump
            total={total}
            to={(index) => {
              onCursor(index, 'key')
              grid.current?.show(index)
              grid.current?.focus()
            }}
          />
          <Tooltip label={filter.resolved === false ? 'Show decided rows too' : 'Show only rows without a decision'}>
            <Button
              size="compact-sm"
              variant={filter.resolved === false ? 'filled' : 'default'}
              aria-pressed={filter.resolved === false}
              onClick={() => {
                const { resolved: _, ...others } = filter
                go({ filter: filter.resolved === false ? others : { ...others, resolved: false }, row: null })
              }}
            >
              Not decided
            </Button>
          </Tooltip>
          <LookMenu />
          <SortMenu sort={sort} />
          {project.modality === 'image' && !table && (
            <Group gap={6} wrap="nowrap" className="size-slider">
              <IconPhoto size={14} aria-hidden="true" />
              <Slider
                w={64}
                size="sm"
                min={72}
                max={320}
                step={4}
                value={thumb}
                onChange={setThumb}
                label={null}
                thumbLabel="Size of the pictures"
              />
            </Group>
          )}
          {table && offered.length > 0 && <ColumnMenu offered={offered} hidden={hidden} setHidden={setHidden} />}
          <Tooltip label={place.pick ? 'A click opens a row' : 'A click ticks a row'}>
            <ActionIcon
              variant={place.pick ? 'filled' : 'default'}
              size="md"
              aria-pressed={place.pick}
              aria-label="Tick rows by a click"
              onClick={() => go({ pick: !place.pick }, { replace: true })}
            >
              <IconSquareCheck size={16} />
            </ActionIcon>
          </Tooltip>
          <Button
            size="compact-sm"
            variant="light"
            leftSection={<IconWand size={14} />}
            onClick={() => setTopK(true)}
            disabled={!total}
          >
            Clean top …
          </Button>
        </div>
        {place.look === 'map' && (
          <section className="map-beside" aria-label="Map of these rows">
            <Suspense
              fallback={
                <Center h="100%">
                  <Loader aria-label="Loading the map" />
                </Center>
              }
            >
              <MapOfFilter beside />
            </Suspense>
          </section>
        )}
        <div className="grid-place">
          {data.error ? (
            <Failure error={data.error} retry={data.retry}>
              <Button onClick={() => go({ filter: {}, sort: null })}>Clear the filter</Button>
            </Failure>
          ) : data.total === 0 ? (
            <Empty />
          ) : place.look === 'sets' ? (
            <Sets filter={filter} />
          ) : (
            <Grid
              key={viewKey}
              id={id}
              modality={project.modality as Modality}
              table={table}
              dense={place.look === 'dense'}
              sort={sort}
              count={total}
              thumb={thumb}
              columns={columns}
              titles={titles}
              get={data.get}
              cursor={cursor}
              open={place.row}
              selection={selection}
              pick={place.pick}
              onSight={onSight}
              onCursor={onCursor}
              onSelect={setSelection}
              handle={grid}
            />
          )}
          {n > 0 && (
            <BulkBar
              n={n}
              total={total}
              act={act}
              clear={() => setSelection(NONE)}
              all={() => setSelection([[0, total]])}
            />
          )}
        </div>
      </section>
      {place.row !== null && (
        <Resolver
          row={place.row}
          position={outside ? null : cursor}
          total={total}
          candidates={candidates}
          handle={resolver}
          act={act}
          advance={advance}
          setAdvance={setAdvance}
          step={(by) => void openAt(cursor + by)}
          close={() => {
            go({ row: null }, { replace: true })
            grid.current?.focus()
          }}
        />
      )}
      {topK && <TopK total={total} close={() => setTopK(false)} />}
    </main>
  )
}

/** Checks whose rows belong together in sets. */
const OF_SETS = new Set(['near_duplicate', 'exact_duplicate', 'duplicate_label_conflict', 'cross_split_duplicate'])

function LookMenu() {
  const { project } = useOpened()
  const { filter, look } = usePlace()
  const sets = project.checks.some((check) => OF_SETS.has(check.name) && check.count)
  const asSets = sets && (look === 'sets' || filter.cluster || filter.any?.some((name) => OF_SETS.has(name)))
  const own = project.modality === 'image' ? 'Grid' : project.modality === 'text' ? 'Texts' : 'Table'
  const data = [
    { value: '', label: own },
    ...(project.modality === 'table' ? [] : [{ value: 'table', label: 'Table' }]),
    ...(project.modality === 'text' ? [{ value: 'dense', label: 'Compact' }] : []),
    ...(asSets ? [{ value: 'sets', label: 'Sets' }] : []),
    { value: 'map', label: 'Map' },
  ]
  return (
    <SegmentedControl
      size="xs"
      aria-label="How the rows are laid out"
      value={data.some((entry) => entry.value === look) ? look! : ''}
      onChange={(value) => go({ look: LOOKS.find((name) => name === value) ?? null, row: null }, { replace: true })}
      data={data}
    />
  )
}

/** The n-th row of a long list. */
function Jump({ total, to }: { total: number; to: (index: number) => void }) {
  const [value, setValue] = useState<number | string>('')
  if (total < 200) return null
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (Number(value) >= 1) to(Math.min(total, Number(value)) - 1)
      }}
    >
      <NumberInput
        size="xs"
        w={82}
        hideControls
        aria-label="Jump to a place in the list"
        placeholder="Jump to"
        min={1}
        max={total}
        allowDecimal={false}
        thousandSeparator=","
        value={value}
        onChange={setValue}
      />
    </form>
  )
}

function Empty() {
  const { filter } = usePlace()
  const undecided = filter.resolved === false
  return (
    <Notice
      title={undecided ? 'All decided' : 'No row fits this filter'}
      action={
        <Button variant="default" onClick={() => go({ filter: {}, sort: null })}>
          Show all rows
        </Button>
      }
    >
      {undecided
        ? 'Every row of this filter has a decision. Export takes them along; History shows who decided what.'
        : 'Take one of the chips above away to widen it. The rail on the left counts what each check found within the rest of the filter.'}
    </Notice>
  )
}

function SortMenu({ sort }: { sort: Sort | null }) {
  const { project } = useOpened()
  const natural = usePlace().filter.similar ? 'Most alike first' : 'Worst first'
  const scores = project.columns.filter((column) => column.ours && column.kind === 'score')
  const numbers = project.columns.filter(
    (column) => !column.ours && (column.kind === 'number' || column.kind === 'date' || column.kind === 'category'),
  )
  const title = (by: string) => FIXED[by] ?? project.columns.find((column) => column.name === by)?.title ?? by
  const [further, setFurther] = useState(false)
  const pick = (by: string, descending: boolean) => {
    setFurther(false)
    go({ sort: further ? sortedBy(sort, by, true, descending) : { by, descending } })
  }
  return (
    <Group gap={2} wrap="nowrap">
      <Menu position="bottom-start" onClose={() => setFurther(false)}>
        <Menu.Target>
          <Button size="compact-sm" variant="default" maw={260} leftSection={<IconArrowsSort size={14} />}>
            {sort
              ? sortKeys(sort)
                  .map((key) => title(key.by))
                  .join(', then ')
              : natural}
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
          {further ? (
            <Menu.Label>Where these tie, by …</Menu.Label>
          ) : (
            <>
              {sort && (
                <Menu.Item closeMenuOnClick={false} onClick={() => setFurther(true)}>
                  Then by …
                </Menu.Item>
              )}
              <Menu.Item onClick={() => go({ sort: null })}>{natural}</Menu.Item>
            </>
          )}
          {Object.keys(FIXED).map((by) => (
            <Menu.Item key={by} onClick={() => pick(by, by === 'decided')}>
              {FIXED[by]}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Label>Scores</Menu.Label>
          {scores.map((column) => (
            <Menu.Item key={column.name} onClick={() => pick(column.name, true)}>
              {column.title || column.name}
            </Menu.Item>
          ))}
          {numbers.length > 0 && (
            <>
              <Menu.Divider />
              <Menu.Label>Your columns</Menu.Label>
            </>
          )}
          {numbers.map((column) => (
            <Menu.Item key={column.name} onClick={() => pick(column.name, false)}>
              {column.title || column.name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {sort && (
        <ActionIcon
          variant="default"
          size={26}
          aria-label={
            sort.descending ? 'Highest first; change to lowest first' : 'Lowest first; change to highest first'
          }
          onClick={() => go({ sort: sortedBy(sort, sort.by, true) })}
        >
          {sort.descending ? <IconSortDescending size={14} /> : <IconSortAscending size={14} />}
        </ActionIcon>
      )}
    </Group>
  )
}

/** Which of the table's columns the grid shows; rows carry at most 40. */
function ColumnMenu({
  offered,
  hidden,
  setHidden,
}: {
  offered: string[]
  hidden: string[]
  setHidden: (names: string[]) => void
}) {
  return (
    <Menu position="bottom-end" closeOnItemClick={false}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconColumns3 size={14} />}>
          Columns
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        <Menu.Item onClick={() => setHidden([])}>Show all</Menu.Item>
        <Menu.Divider />
        {offered.map((name) => {
          const on = !hidden.includes(name)
          return (
            <Menu.Item
              key={name}
              role="menuitemcheckbox"
              aria-checked={on}
              leftSection={on ? <IconCheck size={14} /> : <span className="no-check" />}
              onClick={() => setHidden(on ? [...hidden, name] : hidden.filter((other) => other !== name))}
            >
              {name}
            </Menu.Item>
          )
        })}
      </Menu.Dropdown>
    </Menu>
  )
}

const MOST_COLUMNS = 40
const MOST_SHOWN = 500 // rows that come with the answer to a decision

const FIXED: Record<string, string> = { order: 'Your order', cluster: 'Duplicate groups', decided: 'Latest decisions' }
