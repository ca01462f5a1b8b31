/** A new project: data in (drop, choose, or a path), what was understood of it, then the run. */
import {
  Alert,
  Button,
  FileButton,
  Group,
  Loader,
  MultiSelect,
  NativeSelect,
  Progress,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core'
import { IconFileUpload, IconFolder } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState, type DragEvent } from 'react'
import { api } from '../api/client'
import { message } from '../shell/Notice'
import { Scroll } from '../shell/Scroll'
import { go } from '../url/router'
import { count, counted, labelText, megabytes, shortened, withoutOptions } from '../words'
import { upload } from './upload'
import { dropped, zip, type Named } from './zip'
import { Dialog } from '../shell/Dialog'

type Source = { path: string } | { upload: string }
const ROLES = [
  ['label', 'Label'],
  ['text', 'Text'],
  ['image', 'Picture'],
  ['id', 'Row id'],
  ['split', 'Split'],
] as const
const BY_MODALITY: Record<string, string[]> = {
  image: ['label', 'image', 'id', 'split'],
  text: ['label', 'text', 'id', 'split'],
  table: ['label', 'id', 'split'],
}

export function NewProject({ drop, close }: { drop: DataTransfer | null; close: () => void }) {
  const [source, setSource] = useState<Source | null>(null)
  return (
    <Dialog onClose={close} title="New project" size="xl" centered closeOnClickOutside={false}>
      {source ? (
        <Confirm source={source} back={() => setSource(null)} close={close} />
      ) : (
        <Choose drop={drop} chosen={setSource} />
      )}
    </Dialog>
  )
}

function Choose({ drop, chosen }: { drop: DataTransfer | null; chosen: (source: Source) => void }) {
  const [path, setPath] = useState('')
  const [over, setOver] = useState(false)
  const [sending, setSending] = useState<{ name: string; share: number; what: string } | null>(null)
  const [error, setError] = useState('')
  const stop = useRef<AbortController | null>(null)
  const folder = useRef<HTMLInputElement>(null)
  const begun = useRef(false)

  const send = async (files: Named[]) => {
    const signal = (stop.current = new AbortController()).signal
    setError('')
    try {
      if (!files.length) throw new Error('There is no file in there.')
      let [file, name] = [files[0]!.file, files[0]!.path]
      if (files.length > 1 || name.includes('/')) {
        name = `${files[0]!.path.split('/')[0]!}.zip`
        setSending({ name, share: 0, what: `Packing ${count(files.length)} files` })
        file = await zip(
          files,
          (done) =>
            done % 50 === 0 &&
            setSending({ name, share: done / files.length, what: `Packing ${count(files.length)} files` }),
          signal,
        )
      }
      const id = await upload(
        file,
        name,
        (sent) =>
          setSending({
            name,
            share: sent / Math.max(1, file.size),
            what: `${megabytes(sent)} of ${megabytes(file.size)}`,
          }),
        signal,
      )
      chosen({ upload: id })
    } catch (problem) {
      setSending(null)
      if (!signal.aborted) setError(`${message(problem)} Choose the same file again to go on where it stopped.`)
    }
  }
  useEffect(() => () => stop.current?.abort(), [])
  useEffect(() => {
    if (!drop || begun.current) return
    begun.current = true
    void dropped(drop.items).then((files) =>
      send(files.length ? files : [...drop.files].map((file) => ({ path: file.name, file }))),
    )
  })
  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    void dropped(event.dataTransfer.items).then(send)
  }

  if (sending) {
    return (
      <Stack role="status" mih={240} justify="center">
        <Text fw={600}>{sending.name}</Text>
        <Progress value={100 * sending.share} size="lg" aria-label="Upload" />
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {sending.what}
          </Text>
          <Button
            variant="default"
            onClick={() => {
              stop.current?.abort()
              setSending(null)
            }}
          >
            Stop
          </Button>
        </Group>
      </Stack>
    )
  }
  return (
    <Stack gap="lg">
      <div
        className={`drop${over ? ' over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={onDrop}
      >
        <Text fw={600}>Drop a folder, a ZIP or a table here</Text>
        <Text size="sm" c="dimmed">
          Folders of pictures by class, or CSV, TSV, JSON, JSON lines, Parquet, Arrow, Excel. Large files may stop and
          go on.
        </Text>
        <Group mt="xs" justify="center">
          <FileButton onChange={(file) => file && void send([{ path: file.name, file }])}>
            {(props) => (
              <Button {...props} variant="default" leftSection={<IconFileUpload size={16} />}>
                Choose a file
              </Button>
            )}
          </FileButton>
          <Button variant="default" leftSection={<IconFolder size={16} />} onClick={() => folder.current?.click()}>
            Choose a folder
          </Button>
          <input
            ref={folder}
            type="file"
            hidden
            multiple
            aria-label="Choose a folder"
            {...{ webkitdirectory: '' }}
            onChange={(event) =>
              void send(
                [...(event.currentTarget.files ?? [])]
                  .map((file) => ({ path: file.webkitRelativePath || file.name, file }))
                  .filter(({ path: p }) => !p.split('/').some((part) => part.startsWith('.'))),
              )
            }
          />
        </Group>
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (path.trim()) chosen({ path: path.trim() })
        }}
      >
        <Group align="end">
          <TextInput
            label="Or a path on the server"
            description="Read where it lies; nothing is copied. The server must have been started with --allow for its folder."
            placeholder="/data/photos"
            value={path}
            onChange={(event) => setPath(event.currentTarget.value)}
            style={{ flex: 1 }}
            data-autofocus
          />
          <Button type="submit" disabled={!path.trim()}>
            Look at it
          </Button>
        </Group>
      </form>
      {error && (
        <Alert color="red" role="alert" title="Not uploaded">
          {error}
        </Alert>
      )}
    </Stack>
  )
}

function Confirm({ source, back, close }: { source: Source; back: () => void; close: () => void }) {
  const [options, setOptions] = useState<Record<string, string>>({})
  const [name, setName] = useState('')
  const [state, setState] = useState<{ busy: boolean; error: string }>({ busy: false, error: '' })
  const { data, error, isFetching } = useQuery({
    queryKey: ['source', source, options],
    queryFn: ({ signal }) => api.preview({ ...source, options }, signal),
    placeholderData: (old) => old,
    staleTime: 60_000,
    retry: false,
  })
  // A column whose name says that it holds the labels is taken, and said so; the others are offered.
  const guess = data?.guesses[0]
  const [guessed, setGuessed] = useState<string | null>(null)
  useEffect(() => {
    if (guessed !== null || !guess?.named || options.label) return
    setGuessed(guess.column)
    setOptions((old) => ({ ...old, label: guess.column }))
  }, [guess, guessed, options.label])
  const start = async () => {
    setState({ busy: true, error: '' })
    try {
      const made = await api.create({ ...source, ...(name.trim() ? { name: name.trim() } : {}), options })
      close()
      go({ project: made.id, tab: 'review', filter: {}, sort: null, row: null })
    } catch (problem) {
      setState({ busy: false, error: message(problem) })
    }
  }
  if (!data) {
    return error ? (
      <Stack mih={240} justify="center">
        <Alert color="red" role="alert" title="This cannot be read">
          {message(error)}
        </Alert>
        <Button variant="default" onClick={back}>
          Choose something else
        </Button>
      </Stack>
    ) : (
      <Group mih={240} justify="center">
        <Loader aria-label="Looking at the data" />
        <Text c="dimmed">Looking at the data …</Text>
      </Group>
    )
  }
  const set = (key: string, value: string) =>
    setOptions((old) => {
      const { [key]: _, ...left } = old
      return value ? { ...left, [key]: value } : left
    })
  const columns = data.columns.map((column) => column.name!)
  const shown = Object.keys(data.rows[0] ?? {}).slice(0, 12)
  return (
    <Stack gap="sm">
      <Group grow align="start">
        <TextInput
          label="Name"
          placeholder={data.name}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={100}
          data-autofocus
        />
        <NativeSelect
          label="What the rows are"
          value={data.modality}
          onChange={(event) => set('modality', event.currentTarget.value)}
          data={[
            { value: 'image', label: 'Pictures' },
            { value: 'text', label: 'Texts' },
            { value: 'table', label: 'Table rows' },
          ]}
        />
      </Group>
      {columns.length > 0 && (
        <Group grow align="start">
          {ROLES.filter(([role]) => BY_MODALITY[data.modality]?.includes(role)).map(([role, title]) => (
            <Select
              key={role}
              label={title}
              placeholder="none"
              clearable={role !== 'image' && role !== 'text'}
              searchable
              limit={200}
              value={
                typeof data.roles[role] === 'string' && columns.includes(data.roles[role]) ? data.roles[role] : null
              }
              data={columns}
              onChange={(value) => set(role, value ?? (role === 'split' || role === 'label' ? 'none' : ''))}
            />
          ))}
        </Group>
      )}
      <Group grow align="start">
        <NativeSelect
          label="Effort"
          description="More finds more and takes longer"
          value={options.effort ?? 'regular'}
          onChange={(event) => set('effort', event.currentTarget.value === 'regular' ? '' : event.currentTarget.value)}
          data={[
            { value: 'fast', label: 'Fast' },
            { value: 'regular', label: 'Regular' },
            { value: 'best', label: 'Best' },
          ]}
        />
        {data.modality === 'table' && columns.length > 2 && (
          <MultiSelect
            label="Columns to judge by"
            description="None chosen: all but label, id and split"
            data={columns.filter((column) => column !== data.roles.label && !column.includes(','))}
            value={(options.features ?? '').split(',').filter(Boolean)}
            onChange={(values) => set('features', values.join(','))}
            searchable
            clearable
            limit={100}
          />
        )}
      </Group>
      {guessed !== null && options.label === guessed && (
        <Alert
          p="xs"
          title={`Labels: the column “${guessed}”, by its name`}
          styles={{ root: { background: 'var(--accent-soft)' }, title: { color: 'var(--accent)' } }}
        >
          If something else is the label, choose it above.
        </Alert>
      )}
      {data.n_classes === 0 && !error && (!options.label || options.label === 'none') && (
        <Alert
          p="xs"
          role="status"
          title="No labels"
          styles={{ root: { background: 'var(--warn-soft)' }, title: { color: 'var(--warn)' } }}
        >
          {data.guesses.length > 0
            ? 'Wrong labels are not looked for unless you say which column holds them:'
            : columns.length > 0
              ? 'No column looks like labels, so wrong labels will not be looked for.'
              : 'Without class folders wrong labels will not be looked for.'}
          {data.guesses.length > 0 && (
            <Group gap={6} mt={6}>
              {data.guesses.map((one) => (
                <Button
                  key={one.column}
                  size="compact-sm"
                  variant="default"
                  maw="100%"
                  title={one.classes.map(labelText).join(', ')}
                  onClick={() => set('label', one.column)}
                >
                  {one.column} ({counted(one.n_classes, 'class', 'classes')}:{' '}
                  {one.classes
                    .slice(0, 3)
                    .map((label) => shortened(labelText(label), 20))
                    .join(', ')}
                  {one.n_classes > 3 ? ' …' : ''})
                </Button>
              ))}
            </Group>
          )}
        </Alert>
      )}
      {error && (
        <Alert color="red" role="alert" title="This choice cannot be read">
          {message(error)}
        </Alert>
      )}
      <Text size="sm" lineClamp={2}>
        <b>{count(data.n_rows)} rows</b>
        {data.n_classes > 0 ? (
          <>
            , {counted(data.n_classes, 'class', 'classes')}: {data.classes.slice(0, 12).map(labelText).join(', ')}
            {data.n_classes > 12 ? ' …' : ''}
          </>
        ) : (
          ', no labels: outliers, duplicates and broken rows will be found'
        )}
      </Text>
      {data.notes.length > 0 && (
        <ul className="findings">
          {data.notes.map((note) => (
            <li key={note}>{withoutOptions(note)}</li>
          ))}
        </ul>
      )}
      {shown.length > 0 && (
        <div className="source-rows" data-busy={isFetching || undefined}>
          <Scroll height={170} label="The first rows">
            <Table stickyHeader verticalSpacing={3} fz="xs">
              <Table.Thead>
                <Table.Tr>
                  {shown.map((column) => (
                    <Table.Th key={column}>{column}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.rows.map((row, at) => (
                  <Table.Tr key={at}>
                    {shown.map((column) => (
                      <Table.Td key={column} className="source-cell">
                        {row[column] === null || row[column] === undefined ? (
                          <i className="blank">blank</i>
                        ) : (
                          String(row[column] as string | number)
                        )}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        </div>
      )}
      {state.error && (
        <Alert color="red" role="alert" title="Not started">
          {state.error}
        </Alert>
      )}
      <Group justify="space-between" className="stays-in-sight">
        <Button variant="subtle" onClick={back}>
          Back
        </Button>
        <Button onClick={() => void start()} loading={state.busy} disabled={Boolean(error)}>
          Find what is wrong
        </Button>
      </Group>
    </Stack>
  )
}
