/** Two classes side by side: typical rows, rows taken for the other; merge, rename, and "move all suggested" as one entry each. */
import { Button, Group, Select, Skeleton, Stack, Text, TextInput, Title, ActionIcon } from '@mantine/core'
import { IconArrowsExchange } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'
import { live } from '../api/queries'
import type { Compared, Label } from '../api/types'
import { RowCard } from '../row/RowCard'
import { useOpened } from '../shell/context'
import { Failure, Notice } from '../shell/Notice'
import { go, usePlace } from '../url/router'
import { count, labelFromKey, labelKey, labelPlain, labelText, rows, unjudged } from '../words'
import { Dialog } from '../shell/Dialog'
import { Name } from '../shell/Name'

export default function ComparePage() {
  const { id, project } = useOpened()
  const why = unjudged(project.checks)
  const {
    pair: [a, b],
  } = usePlace()
  const charts = useQuery({
    queryKey: live(id, 'charts', {}, 'corrections'),
    queryFn: ({ signal }) => api.charts(id, {}, ['corrections'], signal),
  })
  const both = a !== null && b !== null && labelKey(a) !== labelKey(b)
  const { data, error, refetch } = useQuery({
    queryKey: live(id, 'compare', a, b),
    queryFn: () => api.compare(id, a!, b!),
    enabled: both,
  })
  const options = project.classes.map((entry) => ({ value: labelKey(entry.value), label: labelText(entry.value) }))
  const set = (pair: [Label | null, Label | null]) => go({ pair }, { replace: true })
  const top = pairs(charts.data?.corrections ?? [])

  return (
    <main className="page">
      <div className="page-inner">
        <Group mb="md" align="end" gap="sm">
          <Select
            label="Class"
            placeholder="Choose"
            searchable
            data={options}
            limit={200}
            value={a === null ? null : labelKey(a)}
            onChange={(key) => set([key === null ? null : labelFromKey(key), b])}
            w={260}
          />
          <ActionIcon variant="default" size={36} aria-label="Swap the two classes" onClick={() => set([b, a])}>
            <IconArrowsExchange size={16} />
          </ActionIcon>
          <Select
            label="Compared with"
            placeholder="Choose"
            searchable
            data={options}
            limit={200}
            value={b === null ? null : labelKey(b)}
            onChange={(key) => set([a, key === null ? null : labelFromKey(key)])}
            w={260}
          />
        </Group>
        {!both ? (
          <>
            <Title order={2} size="h5">
              Classes most often taken for each other
            </Title>
            <Text size="sm" c="dimmed" mb="sm">
              Two classes that swap many rows may be one class under two names, or need a clearer definition. Open a
              pair, or choose any two above.
            </Text>
            {charts.error ? (
              <Failure error={charts.error} retry={() => void charts.refetch()} />
            ) : !charts.data ? (
              <Skeleton h={240} />
            ) : top.length === 0 ? (
              why ? (
                <Notice title="Labels were not judged">{why}</Notice>
              ) : (
                <Notice title="No class is taken for another">No correction is suggested in this dataset.</Notice>
              )
            ) : (
              <ul className="pairs">
                {top.slice(0, 24).map((entry) => (
                  <li key={labelKey(entry.a) + labelKey(entry.b)}>
                    <button type="button" className="panel pair" onClick={() => set([entry.a, entry.b])}>
                      <b>
                        <Name text={labelText(entry.a)} /> and <Name text={labelText(entry.b)} />
                      </b>
                      {entry.ab > 0 && (
                        <span>
                          {count(entry.ab)} → <Name text={labelText(entry.b)} />
                        </span>
                      )}
                      {entry.ba > 0 && (
                        <span>
                          {count(entry.ba)} → <Name text={labelText(entry.a)} />
                        </span>
                      )}
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </>
        ) : error ? (
          <Failure error={error} retry={() => void refetch()} />
        ) : (
          <div className="compare">
            <Side label={a} other={b} side={data?.a} />
            <Side label={b} other={a} side={data?.b} />
          </div>
        )}
      </div>
    </main>
  )
}

/** Corrections both ways, added up by pair of classes. */
export function pairs(list: { given: Label; suggested: Label; count: number }[]) {
  const found = new Map<string, { a: Label; b: Label; ab: number; ba: number }>()
  for (const { given, suggested, count: n } of list) {
    const swapped = labelKey(given) > labelKey(suggested)
    const [a, b] = swapped ? [suggested, given] : [given, suggested]
    const key = labelKey(a) + labelKey(b)
    const entry = found.get(key) ?? { a, b, ab: 0, ba: 0 }
    if (swapped) entry.ba += n
    else entry.ab += n
    found.set(key, entry)
  }
  return [...found.values()].sort((x, y) => y.ab + y.ba - (x.ab + x.ba))
}

function Side({ label, other, side }: { label: Label; other: Label; side: Compared | undefined }) {
  const { actions } = useOpened()
  const [renaming, setRenaming] = useState(false)
  const name = labelText(label)
  const move = () =>
    actions.propose(
      {
        action: 'label',
        label: other,
        // what somebody decided already stays
        target: {
          filter: { any: ['label'], given: [label], suggested: [other], resolved: false },
          sort: null,
          top: null,
          ranges: null,
        },
        route: 'class',
      },
      `Move what is suggested from “${name}” to “${labelText(other)}”?`,
    )
  const merge = () =>
    actions.propose(
      {
        action: 'label',
        label: other,
        target: { filter: { final: [label] }, sort: null, top: null, ranges: null },
        route: 'class',
        overwrite: true,
      },
      `Merge all of “${name}” into “${labelText(other)}”?`,
    )
  return (
    <section className="panel side" aria-label={name}>
      <Group justify="space-between" mb={4} wrap="nowrap">
        <Title order={2} size="h4" className="wrap" dir="auto">
          {name}
        </Title>
        <Text size="sm" c="dimmed" className="no-shrink">
          {side ? rows(side.count) : ' '}
        </Text>
      </Group>
      <Group gap={6} mb="md">
        <Button size="compact-sm" onClick={move} disabled={!side?.open}>
          Move {side === undefined ? '' : `${count(side.open)} `}suggested
        </Button>
        <Button size="compact-sm" variant="default" onClick={merge} disabled={!side?.count}>
          Merge into “{labelText(other)}”
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => setRenaming(true)} disabled={!side?.count}>
          Rename
        </Button>
        <Button
          size="compact-sm"
          variant="subtle"
          onClick={() => go({ tab: 'review', filter: { final: [label] }, sort: null, row: null })}
        >
          Show all
        </Button>
      </Group>
      <Title order={3} size="h6" mb={6}>
        {side?.to_other === 0 ? 'Nearest to' : 'Taken for'} “{labelText(other)}”
        {side && side.open < side.to_other ? ` (${count(side.open)} still open)` : ''}
      </Title>
      {!side ? (
        <Skeleton h={130} />
      ) : side.confused.length === 0 ? (
        <p className="quiet">None.</p>
      ) : (
        <div className="cards">
          {side.confused.map((row) => (
            <RowCard key={row.row} row={row} />
          ))}
        </div>
      )}
      <Title order={3} size="h6" mt="lg" mb={6}>
        Typical
      </Title>
      {!side ? (
        <Skeleton h={130} />
      ) : side.typical.length === 0 ? (
        <p className="quiet">No row without a fault.</p>
      ) : (
        <div className="cards">
          {side.typical.map((row) => (
            <RowCard key={row.row} row={row} />
          ))}
        </div>
      )}
      {renaming && <Rename label={label} close={() => setRenaming(false)} />}
    </section>
  )
}

function Rename({ label, close }: { label: Label; close: () => void }) {
  const { actions } = useOpened()
  const [name, setName] = useState(labelPlain(label))
  const submit = () => {
    close()
    actions.propose(
      {
        action: 'label',
        label: typeof label === 'number' && Number.isFinite(Number(name)) ? Number(name) : name.trim(),
        target: { filter: { final: [label] }, sort: null, top: null, ranges: null },
        route: 'class',
        overwrite: true,
      },
      `Rename “${labelText(label)}” to “${name.trim()}”?`,
    )
  }
  return (
    <Dialog onClose={close} title={`Rename “${labelText(label)}”`} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <Stack>
          <TextInput
            label="New name"
            description="Every row of this class gets it; one entry in the history, one undo."
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
            maxLength={200}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" disabled={!name.trim() || name.trim() === labelPlain(label)}>
              See what would change
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
