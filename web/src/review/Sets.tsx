/** Sets of copies, one card each: which row stays and why, and what to do with the others. */
import { Button, Group, Menu, Skeleton, Text } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { CopySet, Filter, Label } from '../api/types'
import { CompareCopies } from '../row/CompareCopies'
import { RowCard } from '../row/RowCard'
import { useOpened } from '../shell/context'
import { Failure, Notice } from '../shell/Notice'
import { count, keepWord, labelKey, labelText } from '../words'

const AT_ONCE = 20

export function Sets({ filter }: { filter: Filter }) {
  const { id } = useOpened()
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: live(id, 'sets', filter),
    queryFn: ({ pageParam, signal }) => api.sets(id, { filter, offset: pageParam, limit: AT_ONCE }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const seen = pages.length * AT_ONCE
      return seen < last.total ? seen : undefined
    },
  })
  const end = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = end.current
    if (!element || !hasNextPage) return
    const observer = new IntersectionObserver(
      (seen) => seen.some((entry) => entry.isIntersecting) && void fetchNextPage(),
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [hasNextPage, fetchNextPage, data])

  if (error && !data) return <Failure error={error} retry={() => void refetch()} />
  if (!data) return <Skeleton h={240} m="md" w="auto" />
  const sets = data.pages.flatMap((page) => page.sets)
  if (!sets.length) return <Notice title="No copies here">No row of this filter has a copy.</Notice>
  return (
    // a region that scrolls must be reachable by keyboard

    <div className="sets" tabIndex={0} role="region" aria-label={`${count(data.pages[0]!.total)} sets of copies`}>
      <Text size="sm" c="dimmed" mb={8}>
        {count(data.pages[0]!.total)} sets of copies, those with different labels first.
      </Text>
      <ul>
        {sets.map((set) => (
          <li key={set.cluster}>
            <SetCard set={set} />
          </li>
        ))}
      </ul>
      <div ref={end} />
      {isFetchingNextPage && <Skeleton h={180} />}
    </div>
  )
}

function SetCard({ set }: { set: CopySet }) {
  const { actions, project } = useOpened()
  const [chosen, setChosen] = useState<number | null>(null)
  const [comparing, setComparing] = useState(false)
  const keep = chosen ?? set.keep
  const keeper = set.rows.find((row) => row.row === keep)
  const labels = [...new Map(set.rows.map((row) => [labelKey(row.final), row.final])).values()]
  const others = set.rows.filter((row) => row.row !== keep)
  const other = others[0] ?? set.rows[0]!
  const wrong = (label: Label | null) => set.correct_label !== null && labelKey(label) !== labelKey(set.correct_label)

  const leaveOut = async () => {
    const done = await actions.decide({
      action: 'exclude',
      target: { rows: others.map((row) => row.row) },
      route: 'selection',
    })
    if (done && keeper && set.correct_label !== null && wrong(keeper.final)) {
      await actions.decide({ action: 'label', label: set.correct_label, target: { rows: [keep] }, route: 'row' })
    }
  }
  const giveAll = (label: Label) =>
    void actions.decide({
      action: 'label',
      label,
      target: { rows: set.rows.map((row) => row.row) },
      route: 'selection',
    })

  return (
    <article className={`panel copy-set${set.open ? '' : ' settled'}`} aria-label={`Set of ${set.n} copies`}>
      <Group justify="space-between" mb={8} gap={6}>
        <Text size="sm">
          <b>{count(set.n)} copies</b>
          {labels.length > 1 && <span className="bad-text"> under {labels.length} labels</span>}
          {!set.open && ' · settled'}
          {set.rows.length < set.n && `, the first ${set.rows.length} shown`}
        </Text>
        <Group gap={6}>
          <Button size="compact-sm" variant="subtle" onClick={() => setComparing(true)}>
            Compare
          </Button>
          <Menu position="bottom-end">
            <Menu.Target>
              <Button size="compact-sm" variant="default">
                Give all this label
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {labels.map((label) =>
                label === null ? null : (
                  <Menu.Item key={labelKey(label)} onClick={() => giveAll(label)}>
                    {labelText(label)}
                    {set.correct_label !== null && !wrong(label) ? ' (the right one, by all we know)' : ''}
                  </Menu.Item>
                ),
              )}
            </Menu.Dropdown>
          </Menu>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() =>
              void actions.decide({
                action: 'keep',
                target: { rows: set.rows.map((row) => row.row) },
                route: 'selection',
              })
            }
          >
            Keep all
          </Button>
          <Button size="compact-sm" onClick={() => void leaveOut()} disabled={set.n > set.rows.length}>
            Keep the ticked one, leave the others out
          </Button>
        </Group>
      </Group>
      <div className="copy-members">
        {set.rows.map((row) => (
          <div key={row.row} className={`copy-member${row.row === keep ? ' keep' : ''}${row.excluded ? ' out' : ''}`}>
            <RowCard
              row={row}
              tone={set.conflict && set.correct_label !== null ? (wrong(row.final) ? 'bad' : 'good') : undefined}
            />
            <button
              type="button"
              className="keep-this"
              aria-pressed={row.row === keep}
              onClick={() => setChosen(row.row)}
            >
              {row.row === keep ? (
                <>
                  <IconCheck size={13} aria-hidden="true" /> keep
                  {row.row === set.keep && <small>: {keepWord(set.why, project.modality)}</small>}
                </>
              ) : (
                'keep this one'
              )}
            </button>
          </div>
        ))}
      </div>
      {comparing && <CompareCopies rows={set.rows} first={keep} second={other.row} close={() => setComparing(false)} />}
    </article>
  )
}
