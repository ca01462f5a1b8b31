/** The dataset to train on, as a file: every format of the terminal's `assay export`. */
import { Alert, Button, Checkbox, Group, NativeSelect, Radio, Select, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { ExportAccount, ExportBody } from '../api/types'
import { useOpened } from '../shell/context'
import { message } from '../shell/Notice'
import { usePlace } from '../url/router'
import { count, rows, told, when } from '../words'
import { Dialog } from '../shell/Dialog'

const FORMATS: { value: NonNullable<ExportBody['format']>; label: string }[] = [
  { value: 'csv', label: 'CSV' },
  { value: 'tsv', label: 'TSV' },
  { value: 'parquet', label: 'Parquet' },
  { value: 'jsonl', label: 'JSON lines' },
  { value: 'json', label: 'JSON' },
  { value: 'arrow', label: 'Arrow' },
  { value: 'folder', label: 'Folder of pictures by class (ZIP)' },
  { value: 'hf', label: 'Hugging Face dataset (ZIP)' },
]

/** `two`: begins with both labels for rows that hold two. */
export function ExportDialog({ two = false, close }: { two?: boolean; close: () => void }) {
  const { id, project } = useOpened()
  const { filter } = usePlace()
  const filtered = Object.keys(filter).length > 0
  const [format, setFormat] = useState<NonNullable<ExportBody['format']>>(
    project.modality === 'table' ? 'csv' : 'parquet',
  )
  const [what, setWhat] = useState<'all' | 'filter' | 'corrections'>('all')
  const [fix, setFix] = useState<NonNullable<ExportBody['fix']>>('none')
  const [columns, setColumns] = useState<NonNullable<ExportBody['columns']>>('none')
  const [copies, setCopies] = useState<'none' | 'exact' | 'near'>('none')
  const [many, setMany] = useState(false)
  const [keep, setKeep] = useState(false)
  const [guard, setGuard] = useState(false)
  const [both, setBoth] = useState(two)
  const [at, setAt] = useState<string | null>(null)
  const [state, setState] = useState<{ busy: boolean; error: string; bytes: number; total: number }>({
    busy: false,
    error: '',
    bytes: 0,
    total: 0,
  })
  const stop = useRef<AbortController | null>(null)
  const log = useQuery({ queryKey: live(id, 'log-short'), queryFn: () => api.log(id, undefined, 100) })

  const noBoth =
    project.cannot?.both ||
    (format === 'folder' ? 'a picture lies in one folder' : what === 'corrections' ? 'a correction is one label' : '')

  /** What changes, whatever the format. */
  const chosen: ExportBody = {
    fix,
    ...(copies === 'none' ? {} : { drop_duplicates: copies, ...(many ? { drop_share: 1 } : {}) }),
    ...(what === 'filter' ? { filter } : {}),
    ...(both && !noBoth ? { both_labels: true } : {}),
    ...(at === null ? {} : { at: Number(at) }),
  }
  const account = useQuery({
    queryKey: live(id, 'export-preview', chosen),
    queryFn: ({ signal }) => api.exportPreview(id, chosen, signal),
    placeholderData: (old) => old,
  })

  const run = async () => {
    stop.current = new AbortController()
    setState({ busy: true, error: '', bytes: 0, total: 0 })
    try {
      const answer = await api.export(
        id,
        {
          ...chosen,
          format,
          columns,
          keep_excluded: keep,
          csv_guard: guard,
          only_corrections: what === 'corrections',
        },
        stop.current.signal,
      )
      const total = Number(answer.headers.get('Content-Length') ?? 0)
      const parts: BlobPart[] = []
      let bytes = 0
      const reader = answer.body!.getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        parts.push(value)
        bytes += value.length
        setState({ busy: true, error: '', bytes, total })
      }
      save(
        new Blob(parts),
        /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? `${project.name}.${format}`,
      )
      close()
    } catch (error) {
      setState({ busy: false, error: stop.current.signal.aborted ? '' : message(error), bytes: 0, total: 0 })
    }
  }

  return (
    <Dialog
      onClose={() => {
        stop.current?.abort()
        close()
      }}
      title="Export the dataset"
      size="lg"
      centered
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          Your columns with the final labels; rows left out are gone. Nothing is written into your data.
        </Text>
        <Radio.Group label="Which rows" value={what} onChange={(value) => setWhat(value)}>
          <Group mt={6}>
            <Radio value="all" label="All" />
            <Radio value="filter" label="The current filter" disabled={!filtered} />
            <Radio value="corrections" label="Only corrections" />
          </Group>
        </Radio.Group>
        <Group grow align="start">
          <Select
            label="Format"
            value={format}
            onChange={(value) => value && setFormat(value)}
            data={FORMATS.filter((entry) => entry.value !== 'folder' || project.modality === 'image').map((entry) =>
              entry.value === 'hf' && project.cannot?.hf
                ? { ...entry, label: `Hugging Face dataset: ${project.cannot.hf}`, disabled: true }
                : entry,
            )}
            allowDeselect={false}
            data-autofocus
          />
          <NativeSelect
            label="Rows nobody decided"
            value={fix}
            onChange={(event) => setFix(event.currentTarget.value as typeof fix)}
            data={[
              { value: 'none', label: 'As given' },
              { value: 'auto', label: 'Accept the safe suggestions' },
              { value: 'reference', label: 'Accept every suggestion' },
            ]}
          />
        </Group>
        <Group grow align="start">
          <NativeSelect
            label="Our columns"
            value={columns}
            onChange={(event) => setColumns(event.currentTarget.value as typeof columns)}
            data={[
              { value: 'none', label: 'None' },
              { value: 'actions', label: 'What was decided' },
              { value: 'all', label: 'All scores and flags' },
            ]}
            disabled={what === 'corrections'}
          />
          <Select
            label="As of"
            placeholder="Now"
            clearable
            searchable
            value={at}
            onChange={setAt}
            data={(log.data?.entries ?? []).map((entry) => ({
              value: String(entry.number),
              label: `${entry.number}: ${told(entry)}, ${when(entry.at)}`,
            }))}
            nothingFoundMessage="No decisions yet"
          />
        </Group>
        <NativeSelect
          label="Copies nobody decided"
          value={copies}
          onChange={(event) => {
            setCopies(event.currentTarget.value as typeof copies)
            setMany(false)
          }}
          data={[
            { value: 'none', label: 'Keep all' },
            { value: 'exact', label: 'Leave out exact copies, one of each set stays' },
            { value: 'near', label: 'Leave out near copies too, one of each set stays' },
          ]}
        />
        <Stack gap={8}>
          <Checkbox
            label="Keep rows that were left out, with the column action"
            checked={keep}
            onChange={(event) => setKeep(event.currentTarget.checked)}
          />
          <Checkbox
            label="Rows that hold two labels carry both, unless somebody decided"
            description={
              noBoth
                ? `Not here: ${noBoth}`
                : format === 'csv' || format === 'tsv'
                  ? 'As text with “|” between them'
                  : 'As a list of labels in every row'
            }
            checked={both && !noBoth}
            disabled={Boolean(noBoth)}
            onChange={(event) => setBoth(event.currentTarget.checked)}
          />
          {(format === 'csv' || format === 'tsv') && (
            <Checkbox
              label="Make cells harmless that a spreadsheet would run as formulas"
              checked={guard}
              onChange={(event) => setGuard(event.currentTarget.checked)}
            />
          )}
        </Stack>
        <Account account={account.data} error={account.error} two={both && !noBoth} many={many} setMany={setMany} />
        {state.error && (
          <Alert color="red" role="alert" title="Not exported">
            {state.error}
          </Alert>
        )}
        <Group justify="space-between">
          <Text size="sm" c="dimmed" role="status">
            {state.busy
              ? state.bytes
                ? `${(state.bytes / 1e6).toFixed(1)} MB${state.total ? ` of ${(state.total / 1e6).toFixed(1)}` : ''}`
                : 'Writing …'
              : ''}
          </Text>
          <Group gap="xs">
            <Button
              variant="default"
              onClick={() => {
                stop.current?.abort()
                close()
              }}
            >
              Cancel
            </Button>
            <Button onClick={() => void run()} loading={state.busy} disabled={Boolean(account.data?.refused)}>
              Export
            </Button>
          </Group>
        </Group>
      </Stack>
    </Dialog>
  )
}

/** What the export would do, as the terminal says it: rows relabelled and left out, and each copy with the one that stays. */
function Account({
  account,
  error,
  two,
  many,
  setMany,
}: {
  account: ExportAccount | undefined
  error: unknown
  two: boolean
  many: boolean
  setMany: (on: boolean) => void
}) {
  if (error)
    return (
      <Alert color="red" role="alert" title="This cannot be exported">
        {message(error)}
      </Alert>
    )
  if (!account) return <Skeleton h={90} />
  const list = (parts: Record<string, number>) =>
    Object.entries(parts).map(([what, n]) => (
      <li key={what}>
        {what}: {count(n)}
      </li>
    ))
  return (
    <section className="export-account" aria-label="What the export does">
      <Text size="sm" fw={600}>
        {rows(account.rows)}: {count(account.relabeled)} relabelled, {count(account.left_out)} left out
        {two && `, ${count(account.both)} with both labels`}
      </Text>
      <ul>
        {list(account.done)}
        {list(account.left).length > 0 && <li className="quiet">Left for a person:</li>}
        {list(account.left)}
      </ul>
      {account.n_copies > 0 && (
        <details>
          <summary>{rows(account.n_copies)} left out as copies, and which stays</summary>
          <ul className="scroll">
            {account.copies.map((copy) => (
              <li key={copy.row}>
                <span className="mono">{copy.id}</span>: {copy.kind === 'exact' ? 'exact' : 'near'} copy of{' '}
                <span className="mono">{copy.stays_id}</span>, which stays: {copy.why}
              </li>
            ))}
            {account.n_copies > account.copies.length && (
              <li>and {count(account.n_copies - account.copies.length)} more</li>
            )}
          </ul>
        </details>
      )}
      {(account.refused || many) && (
        <Alert color="orange" role="alert" title="Many rows would be left out as copies">
          <Text size="sm">{account.refused.replace(/; look at them.*$/, '.') || 'All of them are left out.'}</Text>
          <Checkbox
            mt={6}
            label="They are surplus: leave them all out"
            checked={many}
            onChange={(event) => setMany(event.currentTarget.checked)}
          />
        </Alert>
      )}
    </section>
  )
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
