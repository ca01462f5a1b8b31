/** One open project: header, pages, decisions, and news from the server. */
import { ActionIcon, Button, Center, Group, Loader, Menu, Progress, Text, Tooltip } from '@mantine/core'
import { IconArrowBackUp, IconArrowForwardUp, IconDownload, IconHelp, IconUser } from '@tabler/icons-react'
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react'
import { api } from '../api/client'
import { client, refresh, useFacets, useProjectQuery } from '../api/queries'
import type { Job, Project } from '../api/types'
import { useActions } from '../actions/useActions'
import { ExportDialog } from '../export/ExportDialog'
import { JobProgress } from '../projects/JobProgress'
import { Help } from '../review/Help'
import { command } from '../review/keys'
import { Review } from '../review/Review'
import { TABS, type Tab } from '../url/address'
import { go, usePlace } from '../url/router'
import { count, percent, stageWord } from '../words'
import { OpenedContext } from '../shell/context'
import { giveBack } from '../shell/focus'
import { mayAct } from '../shell/keyboard'
import { Link } from '../shell/Link'
import { Failure, Notice } from '../shell/Notice'
import { Mark, SchemeToggle } from '../shell/SchemeToggle'

const ChartsPage = lazy(() => import('../charts/ChartsPage'))
const MapPage = lazy(() => import('../review/MapPage'))
const ComparePage = lazy(() => import('../compare/ComparePage'))
const FindingsPage = lazy(() => import('../findings/FindingsPage'))
const HistoryPage = lazy(() => import('../history/HistoryPage'))

const OverviewPage = lazy(() => import('../overview/OverviewPage'))

const TITLES: Record<Tab, string> = {
  overview: 'Overview',
  review: 'Review',
  findings: 'Findings',
  charts: 'Charts',
  map: 'Map',
  compare: 'Compare classes',
  history: 'History',
}

export function ProjectShell({ id, person }: { id: string; person: string }) {
  const query = useProjectQuery(id)
  const number = useRef(0)
  const waiting = useRef(0)
  const [job, setJob] = useNews(id, query.data, number, waiting)
  const unfinished = job && (job.state === 'running' || job.state === 'waiting')

  if (query.error && !unfinished) {
    return (
      <Failure error={query.error} retry={() => void query.refetch()}>
        <Button onClick={() => go({ project: null })}>To the projects</Button>
      </Failure>
    )
  }
  if (!query.data)
    return (
      <Center h="100vh">
        <Loader aria-label="Opening the project" />
      </Center>
    )
  if (query.data.rows === 0 || query.data.checks.length === 0) return <Unready id={id} project={query.data} job={job} />
  return (
    <Open
      id={id}
      project={query.data}
      job={unfinished ? job : null}
      person={person}
      number={number}
      waiting={waiting}
      cancelled={() => setJob(null)}
    />
  )
}

/** The server's news: how the run goes, and that somebody decided something; `waiting`: own decisions that have no answer yet. */
function useNews(
  id: string,
  project: Project | undefined,
  number: { current: number },
  waiting: { readonly current: number },
) {
  const [job, setJob] = useState<Job | null>(null)
  const ready = project !== undefined
  useEffect(() => {
    if (project?.job) setJob(project.job)
    if (project) number.current = Math.max(number.current, project.number)
  }, [project, number])
  useEffect(() => {
    if (!ready) return
    const source = api.events(id)
    let state = ''
    source.onmessage = (event: MessageEvent<string>) => {
      const news = JSON.parse(event.data) as { job: Job | null; number: number | null }
      const finished = state !== '' && news.job !== null && state !== news.job.state
      if (finished) void client.invalidateQueries({ queryKey: ['project', id] })
      const newest = news.number ?? 0
      // an entry of one's own may be told of here before its answer has come: then it is known
      const tell = () => {
        if (waiting.current > 0) return void window.setTimeout(tell, 200)
        if (!finished && newest <= number.current) return
        void refresh(id).then(() => {
          number.current = Math.max(number.current, newest)
        })
      }
      if (finished || newest > number.current) tell()
      state = news.job?.state ?? ''
      setJob(news.job)
    }
    return () => source.close()
  }, [id, ready, number, waiting])
  return [job, setJob] as const
}

function Unready({ id, project, job }: { id: string; project: Project; job: Job | null }) {
  return (
    <div className="shell">
      <header className="top">
        <h1 className="hidden">{project.name}</h1>
        <Home name={project.name} />
        <Group ml="auto">
          <SchemeToggle />
        </Group>
      </header>
      <main className="page-narrow">
        {job ? (
          <JobProgress id={id} job={job} name={project.name} />
        ) : (
          <Notice
            title="Not analysed yet"
            action={<Button onClick={() => go({ project: null })}>To the projects</Button>}
          >
            This project has no finished run. Start one from the projects page, or in the terminal with{' '}
            <code>assay analyze</code>.
          </Notice>
        )}
      </main>
    </div>
  )
}

function Home({ name }: { name: string }) {
  return (
    <Group gap={8} wrap="nowrap" className="home">
      <Link to={{ project: null }} className="home-link" aria-label="All projects">
        <Mark />
      </Link>
      <Text fw={650} size="sm" truncate maw={220} title={name}>
        {name}
      </Text>
    </Group>
  )
}

function Open({
  id,
  project,
  job,
  person,
  number,
  waiting,
  cancelled,
}: {
  id: string
  project: Project
  job: Job | null
  person: string
  number: { current: number }
  waiting: { current: number }
  cancelled: () => void
}) {
  const place = usePlace()
  const { actions, dialogs } = useActions(id, number, waiting)
  const [help, setHelp] = useState(false)
  const [exporting, setExporting] = useState<{ two?: boolean } | null>(null)
  const opened = useMemo(
    () => ({ id, project, actions, person, number, exportWith: setExporting }),
    [id, project, actions, person, number],
  )
  const whole = useFacets(id, {})

  useEffect(() => giveBack(), [place.tab])

  useEffect(() => {
    document.title = `${TITLES[place.tab]} · ${project.name} · Assay`
  }, [place.tab, project.name])

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!mayAct(event)) return
      const what = command(event)?.do
      if (what === 'undo') actions.undo()
      else if (what === 'redo') actions.redo()
      else if (what === 'help') setHelp(true)
      else return
      event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [actions])

  return (
    <OpenedContext.Provider value={opened}>
      <div className="shell">
        {place.tab === 'review' && (
          <button
            type="button"
            className="skip"
            onClick={() => document.querySelector<HTMLElement>('[role="listbox"][aria-label="Rows"]')?.focus()}
          >
            To the rows
          </button>
        )}
        <header className="top">
          <h1 className="hidden">
            {TITLES[place.tab]}: {project.name}
          </h1>
          <Home name={project.name} />
          <nav aria-label="Pages of the project" className="tabs">
            {TABS.map((tab) => (
              <Link
                key={tab}
                to={{ tab, row: tab === 'review' ? place.row : null }}
                keep={{ ...place, project: id }}
                aria-current={place.tab === tab ? 'page' : undefined}
              >
                {TITLES[tab]}
              </Link>
            ))}
          </nav>
          <Group gap={4} wrap="nowrap" ml="auto">
            {whole.data && <Resolved resolved={whole.data.resolved} issues={issues(whole.data.presets, project)} />}
            <Tooltip label="Undo (Ctrl Z)">
              <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Undo" onClick={() => actions.undo()}>
                <IconArrowBackUp size={18} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label="Redo (Shift Ctrl Z)">
              <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Redo" onClick={() => actions.redo()}>
                <IconArrowForwardUp size={18} />
              </ActionIcon>
            </Tooltip>
            <Button size="compact-sm" leftSection={<IconDownload size={16} />} onClick={() => setExporting({})}>
              Export
            </Button>
            <Tooltip label="Keys (H)">
              <ActionIcon
                variant="subtle"
                color="gray"
                size="lg"
                aria-label="Help: all keys"
                onClick={() => setHelp(true)}
              >
                <IconHelp size={18} />
              </ActionIcon>
            </Tooltip>
            <SchemeToggle />
            <Who person={person} />
          </Group>
        </header>
        {job && <RunBanner id={id} job={job} cancelled={cancelled} />}
        <Suspense
          fallback={
            <Center className="fill">
              <Loader aria-label="Loading the page" />
            </Center>
          }
        >
          {place.tab === 'overview' && <OverviewPage />}
          {place.tab === 'review' && <Review />}
          {place.tab === 'findings' && <FindingsPage />}
          {place.tab === 'charts' && <ChartsPage />}
          {place.tab === 'map' && <MapPage />}
          {place.tab === 'compare' && <ComparePage />}
          {place.tab === 'history' && <HistoryPage />}
        </Suspense>
      </div>
      {dialogs}
      {help && <Help close={() => setHelp(false)} />}
      {exporting && <ExportDialog {...exporting} close={() => setExporting(null)} />}
    </OpenedContext.Provider>
  )
}

/** Rows with any issue, by the server's preset if it has one. */
const issues = (presets: Record<string, number>, project: Project): number =>
  presets.issues ?? project.checks.find((check) => check.name === 'label')?.count ?? 0

function Resolved({ resolved, issues: total }: { resolved: number; issues: number }) {
  const share = total ? Math.min(1, resolved / total) : 0
  return (
    <Tooltip label={`${count(resolved)} rows decided; ${count(total)} rows have an issue`}>
      <div
        className="resolved"
        role="group"
        aria-label={`${count(resolved)} rows decided of ${count(total)} with an issue`}
      >
        <span>{count(resolved)} decided</span>
        <Progress value={100 * share} size="sm" w={72} aria-label={`Progress: ${percent(share)}`} />
      </div>
    </Tooltip>
  )
}

function Who({ person }: { person: string }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Signed in as ${person}`}>
          <IconUser size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Decisions are noted as {person}</Menu.Label>
        <Menu.Item onClick={() => void api.signOut().finally(() => window.location.assign('/'))}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function RunBanner({ id, job, cancelled }: { id: string; job: Job; cancelled: () => void }) {
  return (
    <div className="banner" role="status">
      <Loader size="xs" />
      <span>
        A new run is under way, {percent(job.share ?? 0)} done: {stageWord(job.stage).toLowerCase()}
        {job.total ? `, ${count(job.done)} of ${count(job.total)}` : ''}. You see the last finished one.
      </span>
      <Button size="compact-xs" variant="default" onClick={() => void api.cancel(id).then(cancelled)}>
        Cancel the run
      </Button>
    </div>
  )
}
