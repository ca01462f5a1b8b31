/** The open row beside the grid: what it is, why it was flagged, what it is like, and the decision. */
import {
  ActionIcon,
  Badge,
  Button,
  Combobox,
  Group,
  Kbd,
  Skeleton,
  Switch,
  Textarea,
  Tooltip,
  useCombobox,
} from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconChevronLeft, IconChevronRight, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import {
  Fragment,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type ReactNode,
  type Ref,
  type RefObject,
} from 'react'
import { api } from '../api/client'
import { client, live } from '../api/queries'
import type { ActionName, Detail, Label, Row } from '../api/types'
import { peopleOf, useOpened } from '../shell/context'
import { Failure } from '../shell/Notice'
import { go } from '../url/router'
import {
  actionWord,
  count,
  labelKey,
  labelPlain,
  labelText,
  keepWord,
  REVIEW_TAG,
  stateText,
  sure,
  when,
} from '../words'
import { ClassPicker } from '../row/ClassPicker'
import { EvidenceCard, Legend } from './Evidence'
import { found, Marked } from '../row/Marked'
import { complete, mentionAt, namesFor } from './mentions'
import { Picture } from './Picture'
import { RowCard } from '../row/RowCard'
import { TagPicker } from '../row/TagPicker'
import { leaveField } from '../shell/focus'

/** What is known of the open row, so that keys can act on it. */
export interface Candidates {
  row: Row
  ranked: Label[]
  offer: ReturnType<typeof proposed>
}

type Act = (action: ActionName, more?: { label?: Label; text?: string }) => Promise<void>

interface Props {
  row: number
  position: number | null
  total: number
  candidates: RefObject<Candidates | null>
  handle: Ref<{ newClass: () => void; note: () => void }>
  act: Act
  advance: boolean
  setAdvance: (on: boolean) => void
  step: (by: number) => void
  close: () => void
}

export const detailQuery = (id: string, row: number) => ({
  queryKey: live(id, 'row', row),
  queryFn: ({ signal }: { signal: AbortSignal }) => api.row(id, row, signal),
})

export function Resolver(props: Props) {
  const { id, project } = useOpened()
  const { data, error, refetch } = useQuery(detailQuery(id, props.row))
  const [width, setWidth] = useLocalStorage({
    key: 'assay-resolver-width',
    defaultValue: Math.round(Math.max(440, Math.min(0.33 * window.innerWidth, 640))),
    getInitialValueInEffect: false,
  })
  const search = useRef<HTMLInputElement>(null)
  const note = useRef<HTMLTextAreaElement>(null)
  const body = useRef<HTMLDivElement>(null)
  const ranked = useMemo(
    () =>
      data
        ? rank(
            data,
            project.classes.map((entry) => entry.value),
          )
        : [],
    [data, project.classes],
  )

  props.candidates.current = data ? { row: data.row, ranked, offer: proposed(data) } : null
  useEffect(
    () => () => {
      props.candidates.current = null
    },
    [props.candidates],
  )
  useImperativeHandle(
    props.handle,
    () => ({ newClass: () => search.current?.focus(), note: () => note.current?.focus() }),
    [],
  )
  useEffect(() => {
    body.current?.scrollTo({ top: 0 })
  }, [props.row])

  return (
    <aside className="resolver" style={{ width }} aria-label="The open row">
      <Handle width={width} setWidth={setWidth} />
      <div className="resolver-head">
        <div className="resolver-name">
          <h2 className="mono" title={data?.row.id}>
            {data?.row.id ?? ' '}
          </h2>
          <span title={data ? stateText(data.row) : undefined}>
            {props.position === null ? 'Not in this filter' : `${count(props.position + 1)} of ${count(props.total)}`}
            {data && stateText(data.row)
              ? ` · ${stateText(data.row)}${data.row.person ? ` by ${data.row.person}` : ''}`
              : ''}
          </span>
        </div>
        <Tooltip label="Go on to the next row after a decision">
          <div>
            <Switch
              size="xs"
              label="Auto-advance"
              checked={props.advance}
              onChange={(event) => props.setAdvance(event.currentTarget.checked)}
            />
          </div>
        </Tooltip>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Previous row"
          onClick={() => props.step(-1)}
          disabled={props.position !== null && props.position <= 0}
        >
          <IconChevronLeft size={18} />
        </ActionIcon>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Next row"
          onClick={() => props.step(1)}
          disabled={props.position !== null && props.position >= props.total - 1}
        >
          <IconChevronRight size={18} />
        </ActionIcon>
        <ActionIcon variant="subtle" color="gray" aria-label="Close the row (Esc)" onClick={props.close}>
          <IconX size={18} />
        </ActionIcon>
      </div>
      <div className="resolver-body" ref={body} tabIndex={-1}>
        {error && !data ? (
          <Failure error={error} retry={() => void refetch()} />
        ) : (
          <>
            <Content id={id} row={props.row} detail={data} />
            <Decide detail={data} act={props.act} />
            {data && <Why detail={data} />}
            <Classes key={`classes ${props.row}`} detail={data} ranked={ranked} act={props.act} input={search} />
            {data ? (
              <Rest key={`rest ${data.row.row}`} detail={data} act={props.act} note={note} />
            ) : (
              <Section title="Why it was flagged">
                <Skeleton h={70} />
              </Section>
            )}
          </>
        )}
      </div>
    </aside>
  )
}

/** Classes for the keys 1 to 9: by probability without the given and the suggested one (Q and W), then the most frequent others. */
export function rank(detail: Detail, classes: Label[]): Label[] {
  const taken = new Set([labelKey(detail.row.given), labelKey(detail.row.suggested)])
  const out: Label[] = []
  for (const label of [...detail.probabilities.map((entry) => entry.label), ...(classes.length <= 40 ? classes : [])]) {
    if (taken.has(labelKey(label))) continue
    taken.add(labelKey(label))
    out.push(label)
  }
  return out.slice(0, 9)
}

function Handle({ width, setWidth }: { width: number; setWidth: (width: number) => void }) {
  const start = useRef<{ x: number; width: number } | null>(null)
  const clamp = (value: number) => Math.max(340, Math.min(value, window.innerWidth - 420))
  return (
    // a splitter is a separator that can be moved: the rule knows only the one that cannot
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      className="handle"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the open row"
      aria-valuenow={width}
      aria-valuemin={340}
      aria-valuemax={1400}
      tabIndex={0} // eslint-disable-line jsx-a11y/no-noninteractive-tabindex
      onPointerDown={(event) => {
        start.current = { x: event.clientX, width }
        event.currentTarget.setPointerCapture(event.pointerId)
      }}
      onPointerMove={(event) => start.current && setWidth(clamp(start.current.width + start.current.x - event.clientX))}
      onPointerUp={() => {
        start.current = null
      }}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
        event.preventDefault()
        event.stopPropagation()
        setWidth(clamp(width + (event.key === 'ArrowLeft' ? 24 : -24)))
      }}
    />
  )
}

function Section({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <section className="part">
      <div className="part-head">
        <h3>{title}</h3>
        {action}
      </div>
      {children}
    </section>
  )
}

function Content({ id, row, detail }: { id: string; row: number; detail: Detail | undefined }) {
  const { project } = useOpened()
  const more =
    detail && detail.cells.length > 0 ? (
      <details className="more">
        <summary>{detail.cells.length} more columns</summary>
        <Cells cells={detail.cells} />
      </details>
    ) : null
  if (project.modality === 'image') {
    return (
      <>
        {detail?.row.checks.includes('not_analyzed') ? (
          <div className="picture">
            <span className="no-thumb">
              {detail.row.reason ?? 'This picture could not be read, so no check has looked at it.'}
            </span>
          </div>
        ) : (
          <Picture
            key={row}
            src={api.image(id, row)}
            thumb={api.thumb(id, row)}
            alt={detail ? `Row ${detail.row.id}` : 'Loading'}
          />
        )}
        {more}
      </>
    )
  }
  if (!detail) return <Skeleton h={140} m="md" w="auto" />
  if (project.modality === 'text') {
    return (
      <>
        <div className="full-text" tabIndex={0} role="region" aria-label="The whole text">
          {detail.full_text ? (
            <Marked
              text={detail.full_text}
              marks={[
                ...found(detail.row.marked),
                ...detail.telling.map(({ word, side }) => ({ text: word, tone: side })),
              ]}
            />
          ) : (
            <i>(empty text)</i>
          )}
        </div>
        <TellingWords detail={detail} />
        {more}
      </>
    )
  }
  const telling = detail.cells.filter((cell) => cell.telling).map((cell) => cell.column)
  return (
    <>
      <Cells cells={detail.cells} />
      {telling.length > 0 && (
        <p className="mark-note">
          <b>{telling.join(', ')}</b>: rare among rows labelled {labelText(detail.row.given)}, common among{' '}
          <mark className="suggested">{labelText(detail.row.suggested)}</mark>.
        </p>
      )}
    </>
  )
}

/** What the colours in the text mean: words that occur clearly more often in one of the two classes than in the other. */
function TellingWords({ detail }: { detail: Detail }) {
  const sides = (['given', 'suggested'] as const).filter((side) => detail.telling.some((word) => word.side === side))
  if (!sides.length) return null
  return (
    <p className="mark-note">
      Words that occur clearly more often in{' '}
      {sides.map((side, at) => (
        <Fragment key={side}>
          {at > 0 && ' or in '}
          <mark className={side}>{labelText(detail.row[side])}</mark> ({side})
        </Fragment>
      ))}
      .
    </p>
  )
}

const TELLS = 'Rare in the given class, common in the suggested one'

/** Why a cell is marked; undefined = it is not. */
function cellNote(cell: Detail['cells'][number]): string | undefined {
  return [cell.telling && TELLS, cell.odd && 'Unusual in this column'].filter(Boolean).join('. ') || undefined
}

function Cells({ cells }: { cells: Detail['cells'] }) {
  return (
    <dl className="cells" tabIndex={0}>
      {cells.map((cell) => (
        <div key={cell.column} className={cell.telling ? 'telling' : cell.odd ? 'odd' : ''} title={cellNote(cell)}>
          <dt>{cell.column}</dt>
          <dd className={cell.text ? '' : 'blank'}>
            {cell.text || 'blank'}
            {cell.telling && <span className="hidden">, {TELLS.toLowerCase()}</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** What accepting (W) means for a row: its suggestion, or what its copies say; null where there is nothing to accept. */
export function proposed(detail: Detail): { action: ActionName; label?: Label; says: string; why: string } | null {
  const { row, correct_label: right, keep } = detail
  if (row.suggested !== null) return { action: 'auto-fix', says: labelText(row.suggested), why: '' }
  if (row.checks.includes('outlier')) return { action: 'auto-fix', says: 'leave out', why: 'an outlier' }
  if (row.checks.includes('not_analyzed')) return { action: 'exclude', says: 'leave out', why: 'it could not be read' }
  if (keep === null || row.excluded) return null
  if (right !== null && labelKey(row.final) !== labelKey(right)) {
    return { action: 'label', label: right, says: labelText(right), why: 'as its copies' }
  }
  const stays = detail.duplicates.find((other) => other.row === keep)
  const torn = right === null && row.checks.includes('duplicate_label_conflict')
  return stays && !stays.excluded && !torn ? { action: 'exclude', says: 'leave out', why: `copy of ${stays.id}` } : null
}

function Decide({ detail, act }: { detail: Detail | undefined; act: Act }) {
  const row = detail?.row
  const offer = detail ? proposed(detail) : null
  const needs = row?.tags.includes(REVIEW_TAG)
  return (
    <div className="decide">
      <div className="decide-labels">
        <div>
          <span>Given</span>
          <b className={row?.given === null ? 'none' : ''} title={row ? labelPlain(row.given) : undefined}>
            {row ? labelText(row.given) : ' '}
          </b>
        </div>
        <div>
          <span>
            Suggested
            {row?.suggested_confidence != null
              ? `, ${sure(row.suggested_confidence)} sure`
              : offer?.why
                ? `: ${offer.why}`
                : ''}
          </span>
          <b className={row?.suggested != null ? 'suggestion' : 'none'} title={offer?.says}>
            {row ? (offer?.says ?? 'nothing to change') : ' '}
          </b>
        </div>
        {row && row.corrected !== null && (
          <div>
            <span>Now</span>
            <b className="good" title={labelPlain(row.corrected)}>
              {labelText(row.corrected)}
            </b>
          </div>
        )}
      </div>
      <div className="decide-buttons">
        <Button
          size="xs"
          variant={offer ? 'filled' : 'default'}
          disabled={!row || !offer}
          onClick={() => void act('auto-fix')}
          rightSection={<Kbd size="xs">W</Kbd>}
        >
          Accept
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={!row}
          onClick={() => void act('keep')}
          rightSection={<Kbd size="xs">Q</Kbd>}
        >
          Keep
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={!row}
          onClick={() => void act('exclude')}
          rightSection={<Kbd size="xs">E</Kbd>}
        >
          Leave out
        </Button>
        <Button
          size="xs"
          variant={needs ? 'light' : 'default'}
          disabled={!row}
          onClick={() => void act(needs ? 'untag' : 'tag', { text: REVIEW_TAG })}
          rightSection={<Kbd size="xs">N</Kbd>}
        >
          Review
        </Button>
        {row && row.action !== '' && (
          <Button size="xs" variant="subtle" onClick={() => void act('clear')}>
            Clear
          </Button>
        )}
      </div>
    </div>
  )
}

function Classes({
  detail,
  ranked,
  act,
  input,
}: {
  detail: Detail | undefined
  ranked: Label[]
  act: Act
  input: RefObject<HTMLInputElement | null>
}) {
  const { project } = useOpened()
  const [searching, setSearching] = useState(false)
  const [all, setAll] = useState(false)
  if (project.classes.length === 0 && detail && detail.probabilities.length === 0 && project.task === 'unlabeled')
    return null
  const chance = new Map(detail?.probabilities.map((entry) => [labelKey(entry.label), entry.p]))
  const keys = new Map<string, string>()
  ranked.forEach((label, at) => keys.set(labelKey(label), String(at + 1)))
  if (detail?.row.suggested != null) keys.set(labelKey(detail.row.suggested), 'W')
  if (detail?.row.given != null) keys.set(labelKey(detail.row.given), 'Q')
  const shown: Label[] = [...(detail?.probabilities.map((entry) => entry.label) ?? [])]
  for (const label of ranked) if (!shown.some((other) => labelKey(other) === labelKey(label))) shown.push(label)
  const now = detail ? labelKey(detail.row.corrected ?? detail.row.given) : null
  // Classes that the model all but rules out are folded away, except those that the row has or is to get.
  const matters = new Set([now, labelKey(detail?.row.given ?? null), labelKey(detail?.row.suggested ?? null)])
  const listed = shown.slice(0, 11)
  const likely = all
    ? listed
    : listed.filter((label, at) => at < 3 || matters.has(labelKey(label)) || (chance.get(labelKey(label)) ?? 0) >= 0.01)
  const decide = (label: Label) =>
    detail && labelKey(label) === labelKey(detail.row.given) ? act('keep') : act('label', { label })
  return (
    <Section title="Classes by probability">
      <ol className="classes">
        {likely.map((label) => {
          const p = chance.get(labelKey(label))
          const key = keys.get(labelKey(label))
          return (
            <li key={labelKey(label)}>
              <button type="button" onClick={() => void decide(label)} className={labelKey(label) === now ? 'now' : ''}>
                <span className="class-bar" style={{ width: `${100 * (p ?? 0)}%` }} />
                {key ? <Kbd size="xs">{key}</Kbd> : <span className="no-key" />}
                <span className="class-name" dir="auto" title={labelPlain(label)}>
                  {labelText(label)}
                </span>
                <span className="class-p">{p === undefined ? '' : sure(p)}</span>
              </button>
            </li>
          )
        })}
        {!detail &&
          [0, 1, 2, 3, 4].map((i) => (
            <li key={i}>
              <Skeleton h={28} />
            </li>
          ))}
      </ol>
      {listed.length > likely.length && (
        <Button size="compact-xs" variant="subtle" mt={4} onClick={() => setAll(true)}>
          {listed.length - likely.length} less likely
        </Button>
      )}
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions -- Escape bubbles up from the field inside */}
      <div
        onFocus={() => setSearching(true)}
        onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setSearching(false)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            event.stopPropagation()
            leaveField()
          }
        }}
        className={searching ? 'picker' : 'picker closed'}
      >
        <ClassPicker
          input={input}
          label="Another class, or a new one (L)"
          pick={(label) => {
            leaveField()
            void decide(label)
          }}
        />
      </div>
    </Section>
  )
}

function Why({ detail }: { detail: Detail }) {
  const { row } = detail
  return (
    <Section
      title={
        detail.evidence.some((item) => item.check !== 'well_labeled') ? 'Why it was flagged' : 'Nothing was flagged'
      }
    >
      {detail.evidence.length > 0 ? (
        <ul className="evidences">
          {detail.evidence.map((item, at) => (
            <EvidenceCard key={at} item={item} />
          ))}
        </ul>
      ) : (
        <p className="quiet">{row.reason ?? 'No check found anything wrong with this row.'}</p>
      )}
      <Legend />
    </Section>
  )
}

function Rest({ detail, act, note }: { detail: Detail; act: Act; note: RefObject<HTMLTextAreaElement | null> }) {
  const { project } = useOpened()
  const { row } = detail
  return (
    <>
      {detail.duplicates.length > 0 && (
        <Section
          title={`Duplicates (${count(detail.n_duplicates)})`}
          action={
            row.cluster !== null && (
              <Button
                size="compact-xs"
                variant="subtle"
                onClick={() => go({ filter: { cluster: [row.cluster!] }, sort: null, look: 'sets' })}
              >
                Show the group
              </Button>
            )
          }
        >
          <div className="cards large">
            {[{ ...row, kind: null, is_wrong: false }, ...detail.duplicates.slice(0, 11)].map((other) => {
              const mine = other.row === row.row
              // which label is the right one is known only where the set says so: until then none is painted wrong
              const right = detail.correct_label
              const wrong = right !== null && labelKey(other.final) !== labelKey(right)
              const says = [
                mine ? 'this row' : other.kind?.replaceAll('_', ' '),
                wrong && !other.excluded ? 'its label is the wrong one' : '',
                !mine && right === null && labelKey(other.final) !== labelKey(row.final) ? 'another label' : '',
                other.row === detail.keep ? `would stay: ${keepWord(detail.keep_why, project.modality)}` : '',
                other.split && other.split !== row.split ? `in ${other.split}` : '',
              ]
              return (
                <RowCard
                  key={other.row}
                  row={other}
                  current={mine}
                  tone={right === null ? undefined : wrong ? 'bad' : 'good'}
                  note={says.filter(Boolean).join(', ') || undefined}
                />
              )
            })}
          </div>
          {detail.correct_label !== null && (
            <p className="quiet">The whole group should be “{labelText(detail.correct_label)}”.</p>
          )}
        </Section>
      )}
      {detail.neighbors.length > 0 && (
        <Section
          title="Nearest rows"
          action={
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => go({ filter: { similar: { row: row.row } }, sort: null })}
            >
              Show more like it
            </Button>
          }
        >
          <div className="cards">
            {detail.neighbors.slice(0, 8).map(({ row: other }) => (
              <RowCard
                key={other.row}
                row={other}
                tone={row.suggested !== null && labelKey(other.final) === labelKey(row.suggested) ? 'good' : undefined}
              />
            ))}
          </div>
        </Section>
      )}
      {row.given !== null && (
        <Examples label={row.given} skip={row.row} title={`Typical “${labelText(row.given)}” (given)`} />
      )}
      {row.suggested !== null && labelKey(row.suggested) !== labelKey(row.given) && (
        <Examples label={row.suggested} skip={row.row} title={`Typical “${labelText(row.suggested)}” (suggested)`} />
      )}
      <Section title="Tags and note">
        <Group gap={6} mb={6}>
          {row.tags.map((tag) => (
            <Badge
              key={tag}
              variant="default"
              tt="none"
              rightSection={
                <button
                  type="button"
                  className="bare"
                  aria-label={`Take off the tag ${tag}`}
                  onClick={() => void act('untag', { text: tag })}
                >
                  <IconX size={11} />
                </button>
              }
            >
              {tag}
            </Badge>
          ))}
        </Group>
        <TagPicker pick={(tag) => void act('tag', { text: tag })} />
        <Note key={row.note} start={row.note} save={(text) => void act('note', { text })} input={note} />
      </Section>
      <Section title="History">
        {detail.history.length === 0 ? (
          <p className="quiet">Nobody has decided anything here yet.</p>
        ) : (
          <ol className="past">
            {detail.history.map((entry) => (
              <li key={entry.number} className={entry.undone ? 'undone' : ''}>
                <span>
                  {actionWord(entry.action)}
                  {entry.label !== null && entry.action !== 'keep' ? ` as ${labelText(entry.label)}` : ''}
                  {entry.text ? ` “${entry.text}”` : ''}
                  {entry.undone ? ' (undone)' : ''}
                </span>
                <span>
                  {entry.person}, <time dateTime={entry.at}>{when(entry.at)}</time>
                </span>
              </li>
            ))}
          </ol>
        )}
      </Section>
    </>
  )
}

/** A note; after an @ the names of those who work on the project are offered. */
function Note({
  start,
  save,
  input,
}: {
  start: string
  save: (text: string) => void
  input: RefObject<HTMLTextAreaElement | null>
}) {
  const { project, person } = useOpened()
  const [text, setText] = useState(start)
  const [caret, setCaret] = useState<number | null>(null)
  const typed = caret === null ? null : mentionAt(text, caret)
  const names = typed ? namesFor(typed.typed, peopleOf(project, person)) : []
  const box = useCombobox({ opened: names.length > 0 })
  const { selectFirstOption } = box
  useEffect(() => {
    if (names.length) selectFirstOption()
  }, [names.length, typed?.typed, selectFirstOption])
  const keep = () => {
    setCaret(null)
    if (text !== start) save(text.trim())
  }
  const pick = (name: string) => {
    const done = complete(text, caret ?? text.length, name)
    setText(done.text)
    setCaret(null)
    window.setTimeout(() => input.current?.setSelectionRange(done.caret, done.caret), 0)
  }
  return (
    <Combobox store={box} onOptionSubmit={pick} position="top-start">
      <Combobox.Target>
        <Textarea
          ref={input}
          mt={8}
          size="xs"
          autosize
          minRows={2}
          maxRows={8}
          maxLength={10_000}
          label="Note"
          description="Saved when you leave the field, or with Ctrl Enter; @ names somebody"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setCaret(event.currentTarget.selectionStart)
          }}
          onBlur={keep}
          onKeyDown={(event) => {
            if (event.key === 'Escape' && names.length) setCaret(null)
            else if ((event.key === 'Enter' && (event.ctrlKey || event.metaKey)) || event.key === 'Escape') leaveField()
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown hidden={!names.length}>
        <Combobox.Options aria-label="People">
          {names.map((name) => (
            <Combobox.Option key={name} value={name}>
              {name}
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}

const EXAMPLES = 6 // typical rows of a class that are shown

function Examples({ label, skip, title }: { label: Label; skip: number; title: string }) {
  const { id } = useOpened()
  const place = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState(false)
  useEffect(() => {
    const watcher = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && setSeen(true))
    watcher.observe(place.current!)
    return () => watcher.disconnect()
  }, [])
  const { data } = useQuery({
    queryKey: ['examples', id, label],
    queryFn: ({ signal }) => api.examples(id, label, EXAMPLES + 1, signal),
    staleTime: 300_000,
    enabled: seen, // a row that is decided at a glance asks for nothing below the fold
  })
  const shown = data?.rows.filter((row) => row.row !== skip).slice(0, EXAMPLES)
  return (
    <div ref={place}>
      {shown?.length !== 0 && (
        <Section title={title}>
          <div className="cards">
            {shown ? shown.map((row: Row) => <RowCard key={row.row} row={row} />) : <Skeleton h={96} />}
          </div>
        </Section>
      )}
    </div>
  )
}

/** Load the next row's details while the person looks at this one. */
export function prefetch(id: string, row: number): void {
  void client.prefetchQuery({ ...detailQuery(id, row), staleTime: 30_000 })
}
