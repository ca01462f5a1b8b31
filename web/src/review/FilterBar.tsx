/** The filter as chips, each removable, and a menu that adds another. */
import {
  ActionIcon,
  Button,
  Combobox,
  FileInput,
  Group,
  MultiSelect,
  NumberInput,
  Popover,
  SegmentedControl,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
  Tooltip,
  useCombobox,
} from '@mantine/core'
import { IconBulb, IconFilter, IconSearch, IconX } from '@tabler/icons-react'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import { api } from '../api/client'
import { useFacets } from '../api/queries'
import type { ColumnInfo, Condition, Facets, Filter } from '../api/types'
import { useOpened } from '../shell/context'
import { go, usePlace } from '../url/router'
import { actionWord, count, labelFromKey, labelKey, labelText } from '../words'
import { message } from '../shell/Notice'
import { SavedViews } from './SavedViews'
import { chips, FIELDS, LIKE_PICTURE, LIKE_TEXT, type Field } from './filterWords'

const apply = (filter: Filter) => go({ filter, row: null })

export function FilterBar() {
  const { project } = useOpened()
  const { filter, lasso } = usePlace()
  const titles = useMemo(
    () => ({
      checks: Object.fromEntries(project.checks.map((check) => [check.name, check.title])),
      columns: Object.fromEntries(project.columns.map((column) => [column.name, column])),
    }),
    [project],
  )
  const list = chips(filter, titles, lasso)
  return (
    <div className="filter-bar" role="group" aria-label="Filter">
      <Search key={JSON.stringify([filter.where?.find((c) => c.contains), filter.contains, filter.similar?.text])} />
      <AddFilter />
      <SavedViews />
      {list.map((chip) => (
        <span key={chip.key} className="chip">
          {chip.text}
          <button type="button" aria-label={`Remove the filter ${chip.text}`} onClick={() => apply(chip.without)}>
            <IconX size={16} />
          </button>
        </span>
      ))}
      {list.length > 1 && (
        <Button size="compact-xs" variant="subtle" onClick={() => apply({})}>
          Clear all
        </Button>
      )}
    </div>
  )
}

/** The box everybody looks for: a row id, words, a meaning where an encoder knows one, a picture pasted or dropped. */
function Search() {
  const { id, project, actions } = useOpened()
  const { filter } = usePlace()
  const anywhere = project.modality === 'table' // its words may stand in any column
  const column = searchColumn(project.columns, project.modality, project.roles)
  const now = anywhere ? undefined : filter.where?.find((c) => c.contains && c.column === column)
  const [text, setText] = useState(now?.contains ?? filter.contains ?? filter.similar?.text ?? '')
  const knows = !project.cannot?.like
  const words = (value: string) => {
    if (anywhere) {
      const { contains: _, ...left } = filter
      return apply(value ? { ...left, contains: value } : left)
    }
    const others = filter.where?.filter((c) => c !== now) ?? []
    const where = value && column ? [...others, { column, contains: value }] : others
    const { where: _, similar, ...left } = filter
    const kept = similar?.text == null ? { ...left, ...(similar ? { similar } : {}) } : left
    apply(where.length ? { ...kept, where } : kept)
  }
  /** What is a row id opens that row; everything else is words. */
  const submit = async (value: string) => {
    if (!value) return words('')
    const ids = project.columns.find((one) => one.ours && one.column === 'row_id')?.name
    const found = !ids
      ? undefined
      : await api
          .view(id, { filter: { where: [{ column: ids, contains: value }] }, sort: null, offset: 0, limit: 50 })
          .then((page) => page.rows.find((row) => row.id === value))
          .catch(() => undefined)
    if (found) go({ row: found.row })
    else words(value)
  }
  const meaning = (value: string) => {
    const { where: _, ...left } = filter
    const others = filter.where?.filter((c) => c !== now) ?? []
    go({
      filter: { ...left, ...(others.length ? { where: others } : {}), similar: { text: value } },
      sort: null,
      row: null,
    })
  }
  const picture = (files: FileList | undefined): boolean => {
    const file = [...(files ?? [])].find((one) => one.type.startsWith('image/'))
    if (!file || project.modality !== 'image' || !knows) return false
    void api.picture(id, file).then(
      ({ key }) => go({ filter: { ...filter, similar: { picture: key } }, sort: null, row: null }),
      (error: unknown) => actions.say(message(error)),
    )
    return true
  }
  if (!column) return null
  const hint =
    project.modality === 'text'
      ? 'Words, or a row id'
      : anywhere
        ? 'Words in any column, or a row id'
        : project.modality === 'image' && knows
          ? 'Row id, or paste a picture'
          : 'Find in row ids'
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        void submit(text.trim())
      }}
      onPaste={(event) => picture(event.clipboardData.files) && event.preventDefault()}
      onDragOver={(event) => event.dataTransfer.types.includes('Files') && event.preventDefault()}
      onDrop={(event) => picture(event.dataTransfer.files) && event.preventDefault()}
    >
      <TextInput
        size="xs"
        w={anywhere ? 236 : 210}
        aria-label={
          anywhere ? 'Find rows by words in any column, or by id' : `Find rows whose ${column} contains, or by id`
        }
        placeholder={hint}
        leftSection={<IconSearch size={14} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        rightSectionWidth={text && project.modality === 'text' && knows ? 54 : undefined}
        rightSection={
          text ? (
            <Group gap={2} wrap="nowrap">
              {project.modality === 'text' && knows && (
                <Tooltip label="By meaning: the rows nearest to this text first">
                  <ActionIcon
                    size="sm"
                    variant={filter.similar?.text === text ? 'filled' : 'subtle'}
                    aria-label="Search by meaning"
                    onClick={() => meaning(text.trim())}
                  >
                    <IconBulb size={14} />
                  </ActionIcon>
                </Tooltip>
              )}
              <ActionIcon
                size="sm"
                variant="subtle"
                color="gray"
                aria-label="Clear the search"
                onClick={() => {
                  setText('')
                  words('')
                }}
              >
                <IconX size={13} />
              </ActionIcon>
            </Group>
          ) : null
        }
      />
    </form>
  )
}

function searchColumn(columns: ColumnInfo[], modality: string, roles: Record<string, unknown>): string | null {
  const names = new Set(columns.map((column) => column.name))
  if (modality === 'text') {
    if (typeof roles.text === 'string' && names.has(roles.text)) return roles.text
    const text = columns.find((column) => column.kind === 'text' && !column.ours)
    if (text) return text.name
  }
  return names.has('row_id') ? 'row_id' : (columns.find((column) => column.kind === 'id')?.name ?? null)
}

function AddFilter() {
  const { id, project } = useOpened()
  const { filter } = usePlace()
  const [open, setOpen] = useState(false)
  const [field, setField] = useState<Field | null>(null)
  const facets = useFacets(id, filter, open)
  useEffect(() => {
    if (!open) setField(null)
  }, [open])
  const close = (next?: Filter) => {
    setOpen(false)
    if (next) apply(next)
  }
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" shadow="md" trapFocus withinPortal width={340}>
      <Popover.Target>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconFilter size={14} />}
          onClick={() => setOpen(!open)}
          aria-haspopup="dialog"
        >
          Add filter
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Add a filter">
        {field ? (
          <Editor field={field} filter={filter} facets={facets.data} done={close} back={() => setField(null)} />
        ) : (
          <Choose
            columns={project.columns}
            splits={project.splits}
            modality={project.modality}
            cannot={project.cannot?.like}
            pick={setField}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

function Choose({
  columns,
  splits,
  modality,
  cannot,
  pick,
}: {
  columns: ColumnInfo[]
  splits: string[]
  modality: string
  /** why no text or picture of one's own can be compared with the rows */
  cannot: string | undefined
  pick: (field: Field) => void
}) {
  const [search, setSearch] = useState('')
  const box = useCombobox({ opened: true })
  const all: { group: string; field: Field; hint: string; off?: boolean }[] = [
    ...FIELDS.filter((field) => !('key' in field && field.key === 'split' && splits.length === 0)).map((field) => ({
      group: 'About the row',
      field,
      hint: '',
    })),
    ...(modality === 'text' ? [LIKE_TEXT] : modality === 'image' ? [LIKE_PICTURE] : []).map((field) => ({
      group: 'About the row',
      field,
      hint: cannot ? `Not here: ${cannot}` : '',
      off: Boolean(cannot),
    })),
    ...columns
      .filter((c) => !c.ours)
      .map((column) => ({
        group: 'Your columns',
        field: { kind: 'column' as const, column, title: column.title || column.name },
        hint: column.kind,
      })),
    ...columns
      .filter((c) => c.ours && c.kind !== 'flag' && c.kind !== 'label')
      .map((column) => ({
        group: 'Our columns',
        field: { kind: 'column' as const, column, title: column.title || column.name },
        hint: column.meaning,
      })),
  ]
  const needle = search.toLowerCase()
  const { selectFirstOption } = box
  useEffect(() => {
    selectFirstOption()
  }, [search, selectFirstOption])
  const shown = all.filter(({ field }) => field.title.toLowerCase().includes(needle)).slice(0, 150)
  const groups = [...new Set(shown.map((entry) => entry.group))]
  return (
    <Combobox
      store={box}
      onOptionSubmit={(value) => {
        const entry = all[Number(value)]
        if (entry) pick(entry.field)
      }}
    >
      <Combobox.EventsTarget>
        <TextInput
          size="xs"
          placeholder="Which column?"
          aria-label="Which column to filter by"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          data-autofocus
        />
      </Combobox.EventsTarget>
      <Combobox.Options mt="xs" mah={340} style={{ overflowY: 'auto' }} tabIndex={0} aria-label="Columns">
        {groups.map((group) => (
          <Combobox.Group key={group} label={group}>
            {shown
              .filter((entry) => entry.group === group)
              .map((entry) => (
                <Combobox.Option key={all.indexOf(entry)} value={String(all.indexOf(entry))} disabled={entry.off}>
                  <Text size="sm">{entry.field.title}</Text>
                  {entry.hint && (
                    <Text size="xs" c="dimmed" lineClamp={entry.off ? 4 : 1} title={entry.hint}>
                      {entry.hint}
                    </Text>
                  )}
                </Combobox.Option>
              ))}
          </Combobox.Group>
        ))}
        {shown.length === 0 && <Combobox.Empty>No column of that name</Combobox.Empty>}
      </Combobox.Options>
    </Combobox>
  )
}

interface EditorProps {
  field: Field
  filter: Filter
  facets: Facets | undefined
  done: (next?: Filter) => void
  back: () => void
}

function Editor({ field, filter, facets, done, back }: EditorProps) {
  const { project } = useOpened()
  const put = (key: keyof Filter, values: unknown) => {
    const { [key]: _, ...left } = filter
    done(Array.isArray(values) && values.length === 0 ? left : { ...left, [key]: values })
  }
  const where = (condition: Condition) => done({ ...filter, where: [...(filter.where ?? []), condition] })

  switch (field.kind) {
    case 'labels': {
      const counts = new Map(
        (field.key === 'given' ? facets?.given : field.key === 'suggested' ? facets?.suggested : undefined)?.map(
          ([value, n]) => [labelKey(value), n],
        ),
      )
      const keys = [...new Set([...counts.keys(), ...project.classes.map((c) => labelKey(c.value)), labelKey(null)])]
      return (
        <Many
          back={back}
          title={field.title}
          start={(filter[field.key] ?? []).map(labelKey)}
          options={keys.map((key) => ({ value: key, label: labelText(labelFromKey(key)), n: counts.get(key) }))}
          done={(keys_) => put(field.key, keys_.map(labelFromKey))}
        />
      )
    }
    case 'words': {
      const found = facets?.[field.key] ?? {}
      const list = Array.isArray(found) ? found : Object.entries(found)
      const known =
        field.key === 'tag'
          ? project.tags
          : field.key === 'by'
            ? project.people
            : field.key === 'split'
              ? project.splits
              : ['', 'keep', 'label', 'auto-fix', 'exclude', 'unresolved']
      const counts = new Map(list)
      const words = [...new Set([...list.map(([word]) => word), ...known])].filter(
        (word): word is string => word !== null,
      )
      const say = (word: string) => (field.key !== 'action' ? word : word === '' ? 'None yet' : actionWord(word))
      return (
        <Many
          back={back}
          title={field.title}
          start={((filter[field.key] ?? []) as string[]).map((w) => `=${w}`)}
          options={words.map((word) => ({ value: `=${word}`, label: say(word), n: counts.get(word) }))}
          done={(values) =>
            put(
              field.key,
              values.map((v) => v.slice(1)),
            )
          }
        />
      )
    }
    case 'checks':
      return (
        <Many
          back={back}
          title={field.title}
          start={filter[field.key] ?? []}
          options={project.checks
            .filter((c) => c.status === 'ran' && c.flag)
            .map((c) => ({ value: c.name, label: c.title, n: facets?.checks[c.name] }))}
          done={(names) => put(field.key, names)}
        />
      )
    case 'note':
      return <NoteEditor back={back} done={(note) => done({ ...filter, note })} />
    case 'untagged':
      return (
        <Frame title={field.title} back={back} submit={() => done({ ...filter, untagged: true })}>
          <Text size="sm">Rows that carry no tag at all.</Text>
        </Frame>
      )
    case 'likeText':
      return <LikeText back={back} done={(text) => done({ ...filter, similar: { text } })} />
    case 'likePicture':
      return <LikePicture back={back} done={(picture) => done({ ...filter, similar: { picture } })} />
    case 'ids':
      return <Ids back={back} start={(filter.ids ?? []).map(String)} done={(ids) => put('ids', ids)} />
    case 'column':
      return <ColumnEditor column={field.column} back={back} done={where} />
  }
}

function Frame({
  title,
  back,
  submit,
  children,
}: {
  title: string
  back: () => void
  submit: () => void
  children: ReactNode
}) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Stack gap="sm">
        <Text fw={600} size="sm">
          {title}
        </Text>
        {children}
        <Group justify="space-between">
          <Button size="compact-sm" variant="subtle" onClick={back}>
            Back
          </Button>
          <Button size="compact-sm" type="submit">
            Show these
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface Option {
  value: string
  label: string
  n?: number
}

/** What was typed means: the option of that name, else the first that holds it; null where there is none. */
function meant(options: Option[], text: string): Option | null {
  const needle = text.trim().toLowerCase()
  const fits = (option: Option) => option.label.toLowerCase()
  return options.find((o) => fits(o) === needle) ?? options.find((o) => fits(o).includes(needle)) ?? null
}

/** Values to choose from; what was typed and not chosen is chosen by Enter. */
function useValues(options: Option[], start: string[]) {
  const [values, setValues] = useState(start)
  const [search, setSearch] = useState('')
  const [error, setError] = useState('')
  const [opened, setOpened] = useState(false)
  /** What was typed becomes a value, or an error that says what was not found. */
  const settled = (): string[] | null => {
    if (!search.trim()) return error ? null : values
    const found = meant(options, search)
    if (!found) setError(`Nothing is called “${search.trim()}”`)
    else if (!values.includes(found.value)) setValues([...values, found.value])
    return found ? [...new Set([...values, found.value])] : null
  }
  const take = (done: (values: string[]) => void) => {
    const now = settled()
    if (now) done(now)
  }
  const props = {
    data: options.map(({ value, label }) => ({ value, label })),
    value: values,
    onChange: (chosen: string[]) => {
      setValues(chosen)
      setError('')
    },
    // one Enter takes the value and closes the list, the next shows the rows
    onOptionSubmit: () => setOpened(false),
    dropdownOpened: opened,
    onDropdownOpen: () => setOpened(true),
    onDropdownClose: () => setOpened(false),
    searchable: true,
    searchValue: search,
    onSearchChange: (text: string) => {
      setSearch(text)
      if (text) setError('')
    },
    onBlur: () => void settled(), // the field forgets its text when it is left
    error,
    limit: 100,
    hidePickedOptions: true,
    selectFirstOptionOnChange: true,
    comboboxProps: { withinPortal: false, position: 'right-start' as const },
    nothingFoundMessage: 'Nothing of that name',
    maxDropdownHeight: 220,
  }
  return { values, take, props }
}

function Many({
  title,
  options,
  start,
  done,
  back,
}: {
  title: string
  options: Option[]
  start: string[]
  done: (values: string[]) => void
  back: () => void
}) {
  const { values, take, props } = useValues(options, start)
  const numbers = new Map(options.map((option) => [option.value, option.n]))
  return (
    <Frame title={title} back={back} submit={() => take(done)}>
      <MultiSelect
        {...props}
        autoFocus
        aria-label={title}
        placeholder={values.length ? '' : 'Choose one or more'}
        renderOption={({ option }) => (
          <Group justify="space-between" wrap="nowrap" w="100%" gap="xs">
            <span>{option.label}</span>
            {numbers.get(option.value) !== undefined && (
              <Text size="xs" c="dimmed">
                {count(numbers.get(option.value)!)}
              </Text>
            )}
          </Group>
        )}
      />
    </Frame>
  )
}

function NoteEditor({ done, back }: { done: (note: boolean | string) => void; back: () => void }) {
  const [text, setText] = useState('')
  return (
    <Frame title="Note" back={back} submit={() => done(text.trim() || true)}>
      <TextInput
        autoFocus
        label="Contains"
        description="Empty: any row with a note"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </Frame>
  )
}

function LikeText({ done, back }: { done: (text: string) => void; back: () => void }) {
  const [text, setText] = useState('')
  return (
    <Frame title="Like a text of your own" back={back} submit={() => text.trim() && done(text.trim())}>
      <Textarea
        autoFocus
        autosize
        minRows={3}
        maxRows={8}
        label="Text"
        description="The rows nearest in meaning come first"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </Frame>
  )
}

function LikePicture({ done, back }: { done: (key: string) => void; back: () => void }) {
  const { id } = useOpened()
  const [file, setFile] = useState<File | null>(null)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const submit = async () => {
    if (!file) return
    setBusy(true)
    setError('')
    try {
      done((await api.picture(id, file)).key)
    } catch (problem) {
      setError(message(problem))
      setBusy(false)
    }
  }
  return (
    <Frame title="Like a picture of your own" back={back} submit={() => void submit()}>
      <FileInput
        label="Picture"
        description="The rows that look most like it come first"
        placeholder="Choose a file"
        accept="image/*"
        value={file}
        onChange={setFile}
        error={error}
        disabled={busy}
      />
    </Frame>
  )
}

function Ids({ start, done, back }: { start: string[]; done: (ids: string[]) => void; back: () => void }) {
  const [ids, setIds] = useState(start)
  return (
    <Frame title="Row ids" back={back} submit={() => done(ids)}>
      <TagsInput
        autoFocus
        label="Ids"
        description="One or many; paste a list separated by commas or lines"
        value={ids}
        onChange={setIds}
        splitChars={[',', '\n', '\t']}
        acceptValueOnBlur
      />
    </Frame>
  )
}

function ColumnEditor({
  column,
  done,
  back,
}: {
  column: ColumnInfo
  done: (condition: Condition) => void
  back: () => void
}) {
  const [way, setWay] = useState<string>(
    column.kind === 'category' || column.kind === 'label' || column.kind === 'flag'
      ? 'in'
      : column.kind === 'text' || column.kind === 'id'
        ? 'contains'
        : 'range',
  )
  const [min, setMin] = useState<string | number>('')
  const [max, setMax] = useState<string | number>('')
  const [text, setText] = useState('')
  const options =
    column.kind === 'flag'
      ? [
          { value: 'true', label: 'Yes' },
          { value: 'false', label: 'No' },
        ]
      : column.levels.map((level) => ({ value: String(level), label: String(level) }))
  const { take, props: choose } = useValues(options, [])
  const name = column.name
  const date = column.kind === 'date'
  const ways = [
    ...(column.kind === 'number' || column.kind === 'score' || date ? [{ value: 'range', label: 'Between' }] : []),
    ...(column.levels.length || column.kind === 'flag' ? [{ value: 'in', label: 'One of' }] : []),
    ...(column.kind === 'text' || column.kind === 'category' || column.kind === 'id'
      ? [{ value: 'contains', label: 'Contains' }]
      : []),
    { value: 'blank', label: 'Blank' },
    { value: 'filled', label: 'Not blank' },
  ]
  const submit = () => {
    if (way === 'blank' || way === 'filled') return done({ column: name, blank: way === 'blank' })
    if (way === 'contains') return text ? done({ column: name, contains: text }) : back()
    if (way === 'in') {
      return take((values) =>
        values.length
          ? done({
              column: name,
              in:
                column.kind === 'flag'
                  ? values.map((v) => v === 'true')
                  : column.levels.filter((level) => values.includes(String(level))),
            })
          : back(),
      )
    }
    const range: { column: string; min?: number | string; max?: number | string } = { column: name }
    if (min !== '') range.min = date ? String(min) : Number(min)
    if (max !== '') range.max = date ? String(max) : Number(max)
    return min === '' && max === '' ? back() : done(range)
  }
  const placeholder = (bound: number | string | null) =>
    bound === null ? '' : typeof bound === 'number' ? String(Number(bound.toPrecision(4))) : String(bound)
  return (
    <Frame title={column.title || name} back={back} submit={submit}>
      {column.meaning && (
        <Text size="xs" c="dimmed">
          {column.meaning}
          {column.direction ? ` (${column.direction})` : ''}
        </Text>
      )}
      <SegmentedControl size="xs" data={ways} value={way} onChange={setWay} aria-label="How to compare" />
      {way === 'range' &&
        (date ? (
          <Group grow>
            <TextInput type="date" label="From" value={min} onChange={(e) => setMin(e.currentTarget.value)} />
            <TextInput type="date" label="To" value={max} onChange={(e) => setMax(e.currentTarget.value)} />
          </Group>
        ) : (
          <Group grow>
            <NumberInput
              label="At least"
              value={min}
              onChange={setMin}
              placeholder={placeholder(column.low)}
              step={column.kind === 'score' ? 0.05 : 1}
              autoFocus
            />
            <NumberInput
              label="At most"
              value={max}
              onChange={setMax}
              placeholder={placeholder(column.high)}
              step={column.kind === 'score' ? 0.05 : 1}
            />
          </Group>
        ))}
      {way === 'contains' && (
        <TextInput
          label="Contains"
          description="Upper and lower case alike"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          autoFocus
        />
      )}
      {way === 'in' && <MultiSelect {...choose} label="Values" autoFocus />}
    </Frame>
  )
}
