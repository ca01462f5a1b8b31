/** What a bulk decision would do, before it is done: numbers, then the rows themselves. */
import { Alert, Button, Checkbox, Group, Loader, SegmentedControl, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { Ask, Change, Removal, Summary } from '../api/types'
import { RowLine } from '../row/RowLine'
import { FromTo } from '../row/Stand'
import type { Proposal } from '../shell/context'
import { Dialog } from '../shell/Dialog'
import { message } from '../shell/Notice'
import { Scroll } from '../shell/Scroll'
import { count, labelText, rows, skippedText, skippedWord } from '../words'

interface Props {
  id: string
  proposal: Proposal
  close: () => void
  confirm: (ask: Ask) => Promise<void>
}

export function PreviewDialog({ id, proposal, close, confirm }: Props) {
  const accepting = proposal.ask.action === 'auto-fix'
  const [policy, setPolicy] = useState(proposal.ask.policy ?? 'auto')
  const [overwrite, setOverwrite] = useState(proposal.ask.overwrite ?? proposal.ask.route === 'selection')
  const [removals, setRemovals] = useState(false)
  const [busy, setBusy] = useState(false)
  const deciding = ['keep', 'label', 'exclude', 'auto-fix', 'unresolved'].includes(proposal.ask.action)
  const canOverwrite = deciding && !accepting && !proposal.ask.finding // a finding leaves alone what a person decided
  const ask: Ask = { ...proposal.ask, policy, removals, ...(canOverwrite ? { overwrite } : {}) }
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
        {accepting && (
          <SegmentedControl
            fullWidth
            value={policy}
            onChange={(value) => setPolicy(value)}
            aria-label="Which suggestions to accept"
            data={[
              { value: 'auto', label: 'Only the safe ones' },
              { value: 'reference', label: 'Every suggestion' },
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
            <Figures data={data} deciding={deciding} />
            {data.pairs.length > 1 && <Pairs pairs={data.pairs} />}
            {data.first.length > 0 && (
              <Changes
                list={data.first.filter((change) => !removals || !change.after.excluded || !accepting)}
                n={data.n}
              />
            )}
            {accepting && data.removals > 0 && (
              <Removals list={data.first_removals} n={data.removals} on={removals} set={setRemovals} />
            )}
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

/** Rows that only wait for their tick box are told there, not among those left alone. */
function Figures({ data, deciding }: { data: Summary; deciding: boolean }) {
  const { removal: _, ...skipped } = data.skipped
  const left = Object.values(skipped).reduce((a, b) => a + b, 0)
  return (
    <>
      <div className="preview-numbers">
        <Figure n={data.n} what={data.n === 1 ? 'row changes' : 'rows change'} />
        {deciding && <Figure n={data.relabeled} what="relabelled" />}
        {deciding && <Figure n={data.excluded} what="left out" />}
        <Figure n={left} what="stay as they are" title={skippedText(skipped)} />
      </div>
      {left > 0 && (
        <Text size="sm" c="dimmed">
          Stay as they are:{' '}
          {Object.entries(skipped)
            .map(([code, n]) => `${count(n)} (${skippedWord(code)})`)
            .join(', ')}
          .
        </Text>
      )}
    </>
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

function Pairs({ pairs }: { pairs: Summary['pairs'] }) {
  return (
    <details className="preview-pairs">
      <summary>
        {count(pairs.length)} kinds of change,{' '}
        {pairs[0]![2] === 1 ? (
          'one row each'
        ) : (
          <>
            the most frequent: {labelText(pairs[0]![0])} →{' '}
            {pairs[0]![1] === null ? 'left out' : labelText(pairs[0]![1])} ({count(pairs[0]![2])})
          </>
        )}
      </summary>
      <Scroll height={150} label="What becomes what">
        <Table withRowBorders={false} verticalSpacing={2} stickyHeader>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Given</Table.Th>
              <Table.Th>becomes</Table.Th>
              <Table.Th ta="right">rows</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {pairs.slice(0, 100).map(([given, next, n], i) => (
              <Table.Tr key={i}>
                <Table.Td className="wrap">{labelText(given)}</Table.Td>
                <Table.Td className="wrap">{next === null ? 'left out' : labelText(next)}</Table.Td>
                <Table.Td ta="right">{count(n)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </details>
  )
}

function Changes({ list, n }: { list: Change[]; n: number }) {
  if (!list.length) return null
  return (
    <section aria-label="Rows that change">
      <Text size="sm" fw={600} mb={4}>
        {list.length < n ? `The first ${count(list.length)} of ${count(n)}` : 'These rows'}
      </Text>
      <Scroll height={190} label="Rows that change">
        <ul className="change-list">
          {list.map((change) => (
            <li key={change.row.row}>
              <RowLine row={change.row} />
              <FromTo change={change} />
            </li>
          ))}
        </ul>
      </Scroll>
    </section>
  )
}

const WHY: Record<Removal['why'], string> = {
  outlier: 'an outlier',
  unreadable: 'it could not be read',
}

function Removals({ list, n, on, set }: { list: Removal[]; n: number; on: boolean; set: (on: boolean) => void }) {
  return (
    <section className="removals" aria-label="Rows to leave out">
      <Checkbox
        label={`Also leave out ${rows(n)}`}
        description="Nothing is left out without this tick."
        checked={on}
        onChange={(event) => set(event.currentTarget.checked)}
      />
      <Scroll height={150} label="Rows to leave out">
        <ul className="change-list">
          {list.map(({ row, why }) => (
            <li key={row.row}>
              <RowLine row={row} />
              <span className="removal-why">{WHY[why]}</span>
            </li>
          ))}
        </ul>
      </Scroll>
      {list.length < n && (
        <Text size="xs" c="dimmed">
          The first {count(list.length)} of {count(n)}.
        </Text>
      )}
    </section>
  )
}
