/** Who decided what and when; any entry can be undone; what changed between two points. */
import { Badge, Button, Group, Skeleton, Table, Text, Title } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { Change, Entry, EntryDetail, Filter, Sort } from '../api/types'
import { RowLine } from '../row/RowLine'
import { FromTo } from '../row/Stand'
import { useOpened } from '../shell/context'
import { Failure, Notice } from '../shell/Notice'
import { Scroll } from '../shell/Scroll'
import { go } from '../url/router'
import { actionWord, count, labelText, rows, told, when } from '../words'
import { Dialog } from '../shell/Dialog'

const ROUTES: Record<string, string> = {
  row: 'one row',
  selection: 'picked rows',
  bulk: 'a whole filter',
  class: 'a class',
  file: 'a file',
  api: 'a program',
}

export default function HistoryPage() {
  const { id, actions, person } = useOpened()
  const [open, setOpen] = useState<number | null>(null)
  const [marks, setMarks] = useState<number[]>([])
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: live(id, 'log'),
    queryFn: ({ pageParam }) => api.log(id, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => (page.entries.length < 100 ? undefined : page.entries[page.entries.length - 1]!.number),
  })
  const entries = data?.pages.flatMap((page) => page.entries) ?? []
  const mark = (number: number) =>
    setMarks((old) => (old.includes(number) ? old.filter((n) => n !== number) : [...old.slice(-1), number]))

  return (
    <main className="page">
      <div className="page-inner">
        <Group justify="space-between" mb="sm" mih={36}>
          <div>
            <Title order={2} size="h4">
              Every decision, newest first
            </Title>
            <Text size="sm" c="dimmed">
              Nothing is ever overwritten: an undo is an entry too. Tick two entries to see what changed between them.
            </Text>
          </div>
          {marks.length > 0 && (
            <Button variant="light" onClick={() => setOpen(-1)} disabled={marks.length < 2 && entries.length < 2}>
              {marks.length === 2
                ? `Compare ${Math.min(...marks)} with ${Math.max(...marks)}`
                : `Compare ${marks[0]} with now`}
            </Button>
          )}
        </Group>
        {error && !data ? (
          <Failure error={error} retry={() => void refetch()} />
        ) : !data ? (
          <Skeleton h={300} />
        ) : entries.length === 0 ? (
          <Notice title="No decisions yet" action={<Button onClick={() => go({ tab: 'review' })}>Open Review</Button>}>
            Whatever you decide in Review or in the terminal is listed here, and can be undone from here, one row or
            fifty thousand.
          </Notice>
        ) : (
          <div className="panel flush">
            <div className="scroll-x">
              <Table highlightOnHover verticalSpacing={7} className="entries">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th w={64}>No.</Table.Th>
                    <Table.Th w={170}>When</Table.Th>
                    <Table.Th w={110}>Who</Table.Th>
                    <Table.Th>What</Table.Th>
                    <Table.Th w={130}>Chosen by</Table.Th>
                    <Table.Th w={190}>
                      <span className="hidden">Actions</span>
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {entries.map((entry) => (
                    <Table.Tr key={entry.number} className={entry.undone ? 'undone-row' : undefined}>
                      <Table.Td>
                        <label className="tick-label">
                          <input
                            type="checkbox"
                            checked={marks.includes(entry.number)}
                            onChange={() => mark(entry.number)}
                            aria-label={`Compare from entry ${entry.number}`}
                          />{' '}
                          {entry.number}
                        </label>
                      </Table.Td>
                      <Table.Td>
                        <time dateTime={entry.at}>{when(entry.at)}</time>
                      </Table.Td>
                      <Table.Td>{entry.person}</Table.Td>
                      <Table.Td>
                        <span className={entry.undone ? 'struck' : ''}>{told(entry)}</span>
                        {entry.undone && (
                          <Badge ml={8} size="sm" variant="default" tt="none">
                            undone
                          </Badge>
                        )}
                      </Table.Td>
                      <Table.Td>{entry.undoes ? '' : (ROUTES[entry.route] ?? entry.route)}</Table.Td>
                      <Table.Td>
                        <Group gap={4} justify="flex-end" wrap="nowrap">
                          <Button size="compact-xs" variant="subtle" onClick={() => setOpen(entry.number)}>
                            Rows
                          </Button>
                          {entry.action !== 'undo' &&
                            entry.action !== 'redo' &&
                            (entry.undone ? (
                              <Button size="compact-xs" variant="default" onClick={() => actions.redo(entry.number)}>
                                Redo
                              </Button>
                            ) : (
                              <Button
                                size="compact-xs"
                                variant="default"
                                onClick={() => actions.undo(entry.number)}
                                aria-label={`Undo entry ${entry.number}${entry.person === person ? '' : ` of ${entry.person}`}`}
                              >
                                Undo
                              </Button>
                            ))}
                        </Group>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          </div>
        )}
        {hasNextPage && (
          <Button mt="md" variant="default" onClick={() => void fetchNextPage()} loading={isFetchingNextPage}>
            Older entries
          </Button>
        )}
      </div>
      {open !== null && open > 0 && <EntryDialog number={open} close={() => setOpen(null)} />}
      {open === -1 && (
        <DiffDialog
          from={Math.min(...marks)}
          to={marks.length === 2 ? Math.max(...marks) : (entries[0]?.number ?? 0)}
          close={() => setOpen(null)}
        />
      )}
    </main>
  )
}

function EntryDialog({ number, close }: { number: number; close: () => void }) {
  const { id } = useOpened()
  const { data, error } = useQuery({ queryKey: live(id, 'entry', number), queryFn: () => api.entry(id, number) })
  const view = data?.view as { filter?: Filter; sort?: Sort | null } | null | undefined
  return (
    <Dialog onClose={close} title={`Entry ${number}`} size="lg" centered>
      {error ? (
        <Failure error={error} />
      ) : !data ? (
        <Skeleton h={200} />
      ) : (
        <>
          <Text size="sm" mb="sm">
            {told(data)} by {data.person}, {when(data.at)}.
          </Text>
          <Group mb="sm" gap="xs">
            {view?.filter && (
              <Button
                size="compact-sm"
                variant="light"
                onClick={() => go({ tab: 'review', filter: view.filter!, sort: view.sort ?? null, row: null })}
              >
                Open its filter and sort
              </Button>
            )}
            <Button
              size="compact-sm"
              variant="light"
              onClick={() =>
                go({ tab: 'review', filter: { rows: data.rows.map(({ row }) => row.row) }, sort: null, row: null })
              }
            >
              Show{' '}
              {data.n_rows > data.rows.length ? `the first ${count(data.rows.length)} rows` : rows(data.rows.length)}
            </Button>
          </Group>
          <RowTable list={data.rows} entry={data} />
        </>
      )}
    </Dialog>
  )
}

function RowTable({ list, entry }: { list: EntryDetail['rows']; entry: Entry }) {
  return (
    <Scroll height={340} label="Rows of the entry">
      <Table verticalSpacing={4} stickyHeader>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Row</Table.Th>
            <Table.Th>Given</Table.Th>
            <Table.Th>Then</Table.Th>
            <Table.Th>Decided before by</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.map(({ row, label, excluded, before }) => (
            <Table.Tr key={row.row}>
              <Table.Td>
                <RowLine row={row} />
              </Table.Td>
              <Table.Td className="wrap">{labelText(row.given)}</Table.Td>
              <Table.Td className="wrap">
                {excluded ? 'left out' : label !== null ? labelText(label) : actionWord(entry.action).toLowerCase()}
              </Table.Td>
              <Table.Td>{before ? `entry ${before}` : 'nobody'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  )
}

function DiffDialog({ from, to, close }: { from: number; to: number; close: () => void }) {
  const { id } = useOpened()
  const { data, error } = useQuery({ queryKey: live(id, 'diff', from, to), queryFn: () => api.diff(id, from, to) })
  return (
    <Dialog onClose={close} title={`From entry ${from} to entry ${to}`} size="xl" centered>
      {error ? (
        <Failure error={error} />
      ) : !data ? (
        <Skeleton h={200} />
      ) : data.rows.length === 0 ? (
        <Notice title="No difference">Every row is as it was.</Notice>
      ) : (
        <>
          <Text size="sm" mb="sm">
            {rows(data.total)} differ{data.rows.length < data.total ? `; the first ${count(data.rows.length)}` : ''}.
          </Text>
          <Scroll height={420} label="Rows that differ">
            <ul className="change-list">
              {data.rows.map((change) => (
                <li key={change.row.row}>
                  <RowLine row={change.row} />
                  <span>
                    <FromTo change={change} />
                    {extras(change).map((text) => (
                      <small key={text} className="quiet">
                        {text}
                      </small>
                    ))}
                  </span>
                </li>
              ))}
            </ul>
          </Scroll>
        </>
      )}
    </Dialog>
  )
}

/** Tags and notes that came or went. */
function extras({ before, after }: Change): string[] {
  const came = (after.tags ?? []).filter((tag) => !before.tags?.includes(tag))
  const went = (before.tags ?? []).filter((tag) => !after.tags?.includes(tag))
  return [
    came.length ? `tagged ${came.join(', ')}` : '',
    went.length ? `untagged ${went.join(', ')}` : '',
    before.note !== after.note ? (after.note ? `note: ${after.note}` : 'note removed') : '',
  ].filter(Boolean)
}
