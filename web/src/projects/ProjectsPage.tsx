/** All projects of this server: how far each is, and a new one. */
import { Alert, Badge, Button, Group, Progress, SegmentedControl, Skeleton, Text, Title } from '@mantine/core'
import { IconFileText, IconPhoto, IconPlus, IconTable, IconUser } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { api } from '../api/client'
import { client } from '../api/queries'
import type { ProjectItem } from '../api/types'
import { giveBack } from '../shell/focus'
import { Link } from '../shell/Link'
import { Failure, Notice } from '../shell/Notice'
import { Mark, SchemeToggle } from '../shell/SchemeToggle'
import { count, counted, percent, when } from '../words'
import { active, JobLine } from './JobProgress'
import { NewProject } from './NewProject'
import { ProjectMenu } from './ProjectMenu'

const ICONS: Record<string, ReactNode> = {
  image: <IconPhoto size={18} />,
  text: <IconFileText size={18} />,
  table: <IconTable size={18} />,
}
const KINDS: Record<string, string> = { image: 'pictures', text: 'texts', table: 'table rows' }

type Order = 'changed' | 'name'
const sorted = (items: ProjectItem[], order: Order): ProjectItem[] =>
  [...items].sort((a, b) =>
    order === 'name' ? a.name.localeCompare(b.name) : (b.changed ?? Infinity) - (a.changed ?? Infinity),
  )

export function ProjectsPage({ person }: { person: string }) {
  const [creating, setCreating] = useState(false)
  const [order, setOrder] = useState<Order>('changed')
  const [over, setOver] = useState(false)
  const [files, setFiles] = useState<DataTransfer | null>(null)
  const { data, error, refetch } = useQuery({
    queryKey: ['projects'],
    queryFn: api.projects,
    staleTime: 0,
    refetchInterval: (query) => (query.state.data?.some((item) => active(item.job)) ? 1500 : false),
  })

  // A folder or file dropped anywhere on the page begins a new project.
  useEffect(() => giveBack(), [])

  useEffect(() => {
    const onOver = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      setOver(true)
    }
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false)
    }
    const onDrop = (event: DragEvent) => {
      setOver(false)
      if (!event.dataTransfer?.types.includes('Files') || document.querySelector('[role="dialog"]')) return
      event.preventDefault()
      setFiles(event.dataTransfer)
      setCreating(true)
    }
    window.addEventListener('dragover', onOver)
    window.addEventListener('dragleave', onLeave)
    window.addEventListener('drop', onDrop)
    return () => {
      window.removeEventListener('dragover', onOver)
      window.removeEventListener('dragleave', onLeave)
      window.removeEventListener('drop', onDrop)
    }
  }, [])

  return (
    <div className={`shell${over ? ' drop-over' : ''}`}>
      <header className="top">
        <Group gap={8}>
          <Mark />
          <Text fw={650}>Assay</Text>
        </Group>
        <Group gap={6} ml="auto">
          <IconUser size={16} aria-hidden="true" />
          <Text size="sm" c="dimmed">
            {person}
          </Text>
          <SchemeToggle />
        </Group>
      </header>
      <main className="page-narrow">
        <Group justify="space-between" mb="lg">
          <Title order={1} size="h3">
            Projects
          </Title>
          {data && data.length > 1 && (
            <SegmentedControl
              size="xs"
              ml="auto"
              mr="sm"
              aria-label="Order of the projects"
              value={order}
              onChange={setOrder}
              data={[
                { value: 'changed', label: 'Latest first' },
                { value: 'name', label: 'By name' },
              ]}
            />
          )}
          <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
            New project
          </Button>
        </Group>
        {error ? (
          <Failure error={error} retry={() => void refetch()} />
        ) : !data ? (
          <Skeleton h={220} />
        ) : data.length === 0 ? (
          <div className="panel">
            <Notice
              title="Begin with your data"
              action={
                <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
                  New project
                </Button>
              }
            >
              Drop a folder of pictures or texts, a ZIP, or a table (CSV, JSON lines, Parquet, Excel) here, or name a
              path on this machine. Assay finds wrong labels, outliers, duplicates and broken rows, and you fix them
              here. Your files are never changed.
            </Notice>
          </div>
        ) : (
          <ul className="projects">
            {sorted(data, order).map((item) => (
              <Item key={item.id} item={item} />
            ))}
          </ul>
        )}
      </main>
      {creating && (
        <NewProject
          drop={files}
          close={() => {
            setCreating(false)
            setFiles(null)
            void client.invalidateQueries({ queryKey: ['projects'] })
          }}
        />
      )}
    </div>
  )
}

function Item({ item }: { item: ProjectItem }) {
  const share = item.issues ? Math.min(1, item.resolved / item.issues) : item.state === 'ready' ? 1 : 0
  const running = active(item.job)
  return (
    <li className="panel project">
      <div className="project-icon" aria-hidden="true">
        {ICONS[item.modality] ?? <IconTable size={18} />}
      </div>
      <div className="project-main">
        <Group gap={8}>
          <Link to={{ project: item.id }} className="project-name">
            {item.name}
          </Link>
          {item.state === 'failed' && (
            <Badge color="red" variant="light" tt="none">
              failed
            </Badge>
          )}
          {item.state === 'cancelled' && (
            <Badge color="gray" variant="light" tt="none">
              cancelled
            </Badge>
          )}
          {item.state === 'damaged' && (
            <Badge color="red" variant="light" tt="none">
              cannot be opened
            </Badge>
          )}
        </Group>
        <Text size="sm" c="dimmed">
          {item.rows > 0
            ? `${count(item.rows)} ${KINDS[item.modality] ?? 'rows'}${item.n_classes ? `, ${counted(item.n_classes, 'class', 'classes')}` : ''}`
            : item.state === 'empty'
              ? 'No finished run yet'
              : ' '}
        </Text>
        <Text size="xs" c="dimmed" className="cut" title={item.path}>
          {item.changed != null && `${when(new Date(1000 * item.changed).toISOString())} · `}
          <span className="mono">{item.path}</span>
        </Text>
        {item.error && (
          <Alert mt={8} p="xs" color="red" role="alert">
            {item.error}
          </Alert>
        )}
      </div>
      <div className="project-state">
        {running && item.job ? (
          <>
            <JobLine job={item.job} />
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => void api.cancel(item.id).then(() => client.invalidateQueries({ queryKey: ['projects'] }))}
            >
              Cancel
            </Button>
          </>
        ) : item.rows > 0 ? (
          <>
            <Progress
              value={100 * share}
              aria-label={`${percent(share)} of the issues decided`}
              color={share === 1 ? 'green' : undefined}
            />
            <Text size="sm">
              {item.issues === 0 ? (
                'No issues'
              ) : (
                <>
                  <b>{count(item.resolved)}</b> of {count(item.issues)} issues decided ({percent(share)})
                </>
              )}
            </Text>
          </>
        ) : item.job && (item.state === 'failed' || item.state === 'cancelled') ? (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() =>
              void api.runAgain(item.id).finally(() => client.invalidateQueries({ queryKey: ['projects'] }))
            }
          >
            Go on with the run
          </Button>
        ) : null}
      </div>
      <ProjectMenu item={item} />
    </li>
  )
}
