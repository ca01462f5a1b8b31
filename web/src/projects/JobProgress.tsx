/** A run: its stage, how far, how fast, how long still; why it failed and what to do. */
import { Alert, Button, Code, Group, Progress, Stack, Text, Title } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { client } from '../api/queries'
import type { Job } from '../api/types'
import { count, duration, percent, stageWord } from '../words'

const waitingWord = (ahead: number): string =>
  ahead === 0 ? 'Waiting to start' : `Waiting: ${ahead} ${ahead === 1 ? 'run comes' : 'runs come'} first`

export const active = (job: Job | null | undefined): boolean => job?.state === 'running' || job?.state === 'waiting'

export function JobLine({ job }: { job: Job }) {
  const share = job.share ?? 0
  return (
    <div className="job-line">
      <Progress
        value={100 * share}
        animated={job.state === 'running'}
        aria-label={`${Math.round(100 * share)} % of the run`}
      />
      <Text size="xs" c="dimmed">
        {job.state === 'running' && `${percent(share)} of the run. `}
        {job.state === 'waiting' ? waitingWord(job.ahead ?? 0) : stageWord(job.stage)}
        {job.total > 0 && `, ${count(job.done)} of ${count(job.total)}`}
        {job.rate ? `, ${job.rate >= 10 ? count(Math.round(job.rate)) : job.rate.toFixed(1)} a second` : ''}
        {job.seconds_left != null && job.seconds_left > 0 ? `, about ${duration(job.seconds_left)} left` : ''}
      </Text>
    </div>
  )
}

export function JobProgress({ id, job, name }: { id: string; job: Job; name: string }) {
  const [cancelling, setCancelling] = useState(false)
  const log = useRef<HTMLDivElement>(null)
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight })
  }, [job.log.length])
  const cancel = () => {
    setCancelling(true)
    void api.cancel(id).finally(() => {
      setCancelling(false)
      void client.invalidateQueries({ queryKey: ['projects'] })
    })
  }
  return (
    <Stack className="panel" role="status">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {active(job)
            ? `Analysing ${name}`
            : job.state === 'failed'
              ? `The run of ${name} failed`
              : job.state === 'cancelled'
                ? 'The run was cancelled'
                : `${name} is analysed`}
        </Title>
        {active(job) && (
          <Button variant="default" onClick={cancel} loading={cancelling}>
            Cancel the run
          </Button>
        )}
      </Group>
      {active(job) && (
        <>
          <JobLine job={job} />
          <Text size="sm" c="dimmed">
            You can close this page, and even the server: the run goes on, and what it finished is kept.
          </Text>
        </>
      )}
      {job.state === 'failed' && (
        <Alert color="red" role="alert" title="Why">
          {job.error || 'The run ended without saying why; its last lines stand below.'}
          <br />
          Finished work is kept: start the run again after mending the cause.
        </Alert>
      )}
      {job.state === 'cancelled' && (
        <Text size="sm">Finished work is kept: a new run of the same data goes on from there.</Text>
      )}
      {(job.state === 'failed' || job.state === 'cancelled') && (
        <Group>
          <Button
            onClick={() => void api.runAgain(id).finally(() => client.invalidateQueries({ queryKey: ['project', id] }))}
          >
            Go on with the run
          </Button>
        </Group>
      )}
      {job.log.length > 0 && (
        <details open={job.state === 'failed'}>
          <summary>What it said</summary>
          <div
            className="scroll"
            style={{ maxHeight: 260 }}
            ref={log}
            tabIndex={0}
            role="region"
            aria-label="The lines of the run"
          >
            <Code block>{job.log.join('\n')}</Code>
          </div>
        </details>
      )}
    </Stack>
  )
}
