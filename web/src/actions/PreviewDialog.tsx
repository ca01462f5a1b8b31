/** What a bulk decision would do, before it is done. */
import { Alert, Button, Checkbox, Group, Loader, SegmentedControl, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import type { Ask, Label } from '../api/types'
import { live } from '../api/queries'
import { message } from '../shell/Notice'
import { Scroll } from '../shell/Scroll'
import { actionWord, count, labelText, rows, skippedText } from '../words'
import type { Proposal } from '../shell/context'
import { Dialog } from '../shell/Dialog'

export function PreviewDialog({
  id,
  proposal,
  close,
  confirm,
}: {
  id: string
  proposal: Proposal
  close: () => void
  confirm: (ask: Ask) => Promise<void>
}) {
  const [policy, setPolicy] = useState(proposal.ask.policy ?? 'reference')
  const [overwrite, setOverwrite] = useState(proposal.ask.overwrite ?? proposal.ask.route === 'selection')
  const [busy, setBusy] = useState(false)
  const deciding = ['keep', 'label', 'exclude', 'auto-fix', 'unresolved'].includes(proposal.ask.action)
  const canOverwrite = deciding && proposal.ask.action !== 'auto-fix'
  const ask: Ask = { ...proposal.ask, policy, ...(canOverwrite ? { overwrite } : {}) }
  const { data, error, isFetching } = useQuery({
    queryKey: live(id, 'ask', ask),
    queryFn: ({ signal }) => api.ask(id, ask, signal),
    placeholderData: (old) => old,
    staleTime: 0,
  })

  // Enter does it, once it is known what "it" is.
  const go = useRef<HTMLButtonElement>(null)
  const known = data !== undefined
  useEffect(() => {
    if (known) go.current?.focus()
  }, [known])

  const run = async () => {
    setBusy(true)
    await confirm(ask)
    setBusy(false)
  }

  return (
    <Dialog onClose={close} title={proposal.title} centered size="lg">
      <Stack gap="md">
        {proposal.ask.action === 'auto-fix' && (
          <SegmentedControl
            fullWidth
            value={policy}
            onChange={(value) => setPolicy(value)}
            aria-label="Which suggestions to take"
            data={[
              { value: 'reference', label: 'Every suggestion' },
              { value: 'auto', label: 'Only the safe ones' },
            ]}
          />
        )}
        {canOverwrite && (
          <Checkbox
            label="Also change rows that somebody has decided already"
            checked={overwrite}
            onChange={(event) => setOverwrite(event.currentTarget.checked)}
          />
        )}
        {error ? (
          <Alert color="red" title="This cannot be done" role="alert">
            {message(error)}
          </Alert>
        ) : !data ? (
          <Group mih={180} justify="center">
            <Loader aria-label="Counting what would change" />
          </Group>
        ) : (
          <div className="preview" aria-live="polite" data-busy={isFetching || undefined}>
            <div className="preview-numbers">
              <Figure n={data.n} what={data.n === 1 ? 'row changes' : 'rows change'} />
              {deciding && <Figure n={data.relabeled} what="relabelled" />}
              {deciding && <Figure n={data.excluded} what="left out" />}
              <Figure
                n={Object.values(data.skipped).reduce((a, b) => a + b, 0)}
                what="skipped"
                title={skippedText(data.skipped)}
              />
            </div>
            {skippedText(data.skipped) && (
              <Text size="sm" c="dimmed">
                Skipped: {skippedText(data.skipped)}.
              </Text>
            )}
            {data.pairs.length > 0 && (
              <Scroll height={190} label="What becomes what">
                <Table withRowBorders={false} verticalSpacing={2} stickyHeader>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Given</Table.Th>
                      <Table.Th>becomes</Table.Th>
                      <Table.Th ta="right">rows</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {data.pairs.slice(0, 100).map(([given, next, n], i) => (
                      <Table.Tr key={i}>
                        <Table.Td>{labelText(given)}</Table.Td>
                        <Table.Td>{next === null ? 'left out' : labelText(next)}</Table.Td>
                        <Table.Td ta="right">{count(n)}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Scroll>
            )}
            {data.first.length > 0 && <First rows={data.first} n={data.n} />}
          </div>
        )}
        <Group justify="space-between">
          <Text size="xs" c="dimmed">
            One entry in the history: one undo takes it all back.
          </Text>
          <Group gap="xs">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button
              ref={go}
              onClick={() => void run()}
              loading={busy}
              disabled={!data || data.n === 0 || Boolean(error)}
            >
              {data ? (data.n === 0 ? 'Nothing to do' : `Do it: ${rows(data.n)}`) : 'Do it'}
            </Button>
          </Group>
        </Group>
      </Stack>
    </Dialog>
  )
}

function Figure({ n, what, title }: { n: number; what: string; title?: string }) {
  return (
    <div className="figure" title={title}>
      <b>{count(n)}</b>
      <span>{what}</span>
    </div>
  )
}

/** The first rows with what they were and will be; the server says which keys it sends. */
function First({ rows: list, n }: { rows: Record<string, unknown>[]; n: number }) {
  return (
    <details className="preview-first">
      <summary>The first {Math.min(list.length, n)} of them</summary>
      <Scroll height={190} label="The first rows">
        <Table verticalSpacing={2} withRowBorders={false}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Row</Table.Th>
              <Table.Th>before</Table.Th>
              <Table.Th>after</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {list.map((row, i) => (
              <Table.Tr key={i}>
                <Table.Td className="mono">{String(row.id ?? row.row)}</Table.Td>
                <Table.Td>{state(row.before)}</Table.Td>
                <Table.Td>{state(row.after)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </details>
  )
}

function state(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value !== 'object') return labelText(value as Label)
  const { action, label, excluded } = value as { action?: string; label?: Label | null; excluded?: boolean }
  if (excluded) return 'left out'
  if (label !== null && label !== undefined) return labelText(label)
  return action ? actionWord(action).toLowerCase() : '–'
}
