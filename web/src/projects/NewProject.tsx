/** A new project: data in (drop, choose, or a path), what was understood of it, then the run. */
import { Alert, Button, FileButton, Group, Loader, Progress, Stack, Text, TextInput } from '@mantine/core'
import { IconFileUpload, IconFolder } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState, type DragEvent } from 'react'
import { api } from '../api/client'
import { message } from '../shell/Notice'
import { go } from '../url/router'
import { count, megabytes } from '../words'
import { Columns, Modality, Reading } from './SourceFields'
import { upload } from './upload'
import { dropped, zip, type Named } from './zip'
import { Dialog } from '../shell/Dialog'

type Source = { path: string } | { upload: string }

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
        <Modality data={data} set={set} />
      </Group>
      <Columns data={data} options={options} set={set} />
      {guessed !== null && options.label === guessed && (
        <Alert
          p="xs"
          title={`Labels: the column “${guessed}”, by its name`}
          styles={{ root: { background: 'var(--accent-soft)' }, title: { color: 'var(--accent)' } }}
        >
          If something else is the label, choose it above.
        </Alert>
      )}
      <Reading data={data} options={options} set={set} error={error} busy={isFetching} />
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
