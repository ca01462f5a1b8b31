/** The dataset to train on, as a file: every format of the terminal's `assay export`. */
import { Alert, Button, Checkbox, Group, NativeSelect, Radio, Select, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { ExportBody } from '../api/types'
import { useOpened } from '../shell/context'
import { message } from '../shell/Notice'
import { usePlace } from '../url/router'
import { told, when } from '../words'
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

export function ExportDialog({ close }: { close: () => void }) {
  const { id, project } = useOpened()
  const { filter } = usePlace()
  const filtered = Object.keys(filter).length > 0
  const [format, setFormat] = useState<NonNullable<ExportBody['format']>>(
    project.modality === 'table' ? 'csv' : 'parquet',
  )
  const [what, setWhat] = useState<'all' | 'filter' | 'corrections'>('all')
  const [fix, setFix] = useState<NonNullable<ExportBody['fix']>>('none')
  const [columns, setColumns] = useState<NonNullable<ExportBody['columns']>>('none')
  const [keep, setKeep] = useState(false)
  const [guard, setGuard] = useState(false)
  const [at, setAt] = useState<string | null>(null)
  const [state, setState] = useState<{ busy: boolean; error: string; bytes: number; total: number }>({
    busy: false,
    error: '',
    bytes: 0,
    total: 0,
  })
  const stop = useRef<AbortController | null>(null)
  const log = useQuery({ queryKey: live(id, 'log-short'), queryFn: () => api.log(id, undefined, 100) })

  const run = async () => {
    stop.current = new AbortController()
    setState({ busy: true, error: '', bytes: 0, total: 0 })
    try {
      const answer = await api.export(
        id,
        {
          format,
          fix,
          columns,
          keep_excluded: keep,
          csv_guard: guard,
          only_corrections: what === 'corrections',
          ...(what === 'filter' ? { filter } : {}),
          ...(at === null ? {} : { at: Number(at) }),
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
            data={FORMATS.filter((entry) => entry.value !== 'folder' || project.modality === 'image')}
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
        <Stack gap={8}>
          <Checkbox
            label="Keep rows that were left out, with the column action"
            checked={keep}
            onChange={(event) => setKeep(event.currentTarget.checked)}
          />
          {(format === 'csv' || format === 'tsv') && (
            <Checkbox
              label="Make cells harmless that a spreadsheet would run as formulas"
              checked={guard}
              onChange={(event) => setGuard(event.currentTarget.checked)}
            />
          )}
        </Stack>
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
            <Button onClick={() => void run()} loading={state.busy}>
              Export
            </Button>
          </Group>
        </Group>
      </Stack>
    </Dialog>
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
