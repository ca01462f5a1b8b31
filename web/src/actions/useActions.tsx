/** Doing and taking back: tokens, undo toast, and what others did meanwhile. */
import { Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { api, Problem, token } from '../api/client'
import { patch, refresh } from '../api/queries'
import type { Ask, Done, Meanwhile } from '../api/types'
import type { Actions, Proposal } from '../shell/context'
import { message } from '../shell/Notice'
import { go } from '../url/router'
import { count, outcome, told } from '../words'
import { MeanwhileDialog } from './MeanwhileDialog'
import { PreviewDialog } from './PreviewDialog'

/** What this page's own entries did, to name them when they are undone. */
const undone = new Map<number, string>()
const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)

interface Clash {
  ask: Ask
  others: Meanwhile[]
  number: number
  settle: (done: Done | null) => void
}

/**
 * `number`: the log entry that the screen shows; it goes along with every action, so that the server can tell who was quicker. Only what
 * was fetched anew raises it, never a action of one's own: others may have decided in between. `waiting`: of one's own, those without
 * an answer yet.
 */
export function useActions(
  id: string,
  number: { current: number },
  waiting: { current: number },
): { actions: Actions; dialogs: ReactNode } {
  const [proposal, setProposal] = useState<Proposal | null>(null)
  const [clash, setClash] = useState<Clash | null>(null)
  const queue = useRef<Promise<unknown>>(Promise.resolve())

  /** One request after the other: quick keys reach the log in the order they were pressed. */
  const inTurn = useCallback(
    <T,>(work: () => Promise<T>): Promise<T> => {
      waiting.current++
      const next = queue.current.then(work, work).finally(() => {
        waiting.current--
      })
      queue.current = next.catch(() => undefined)
      return next
    },
    [waiting],
  )

  // What is not acknowledged yet would be lost with the page.
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      if (waiting.current > 0) event.preventDefault()
    }
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [waiting])

  const back = useCallback(
    (way: 'undo' | 'redo', entry?: number) =>
      void inTurn(() => api[way](id, { number: entry, token: token() })).then(
        (done) => {
          void refresh(id)
          if (!done.entry) toast(way === 'undo' ? 'Nothing of yours is left to undo.' : 'Nothing to redo.')
          else
            toast(
              undone.get(done.entry.undoes ?? 0) && !done.kept
                ? `${way === 'undo' ? 'Undone' : 'Redone'}: ${undone.get(done.entry.undoes ?? 0)!}.`
                : outcome(done),
              way === 'undo'
                ? { label: 'Redo', run: () => actionsRef.current?.redo() }
                : { label: 'Undo', run: () => actionsRef.current?.undo() },
            )
        },
        (error: unknown) => failed(error),
      ),
    [id, inTurn],
  )

  const send = useCallback(
    async (ask: Ask, seen: number): Promise<Done | null> => {
      const key = token()
      try {
        const done = await inTurn(() => withRetry(() => api.act(id, { ...ask, token: key, seen: Math.max(seen, 0) })))
        if (done.rows?.length) {
          void patch(id, done, ask)
          if (done.number === number.current + 1) number.current = done.number // nobody else decided in between
        } else void refresh(id)
        const entry = done.entry
        if (entry) undone.set(entry.number, lower(told(entry)))
        toast(outcome(done), entry ? { label: 'Undo', run: () => actionsRef.current?.undo(entry.number) } : undefined)
        return done
      } catch (error) {
        if (error instanceof Problem && error.status === 409 && error.body.meanwhile?.length) {
          void refresh(id)
          const others = error.body.meanwhile
          const newest = Math.max(...others.map((other) => other.number))
          return new Promise((settle) => setClash({ ask, others, number: newest, settle }))
        }
        failed(error, 'rows' in ask.target && ask.target.rows.length === 1 ? ask.target.rows[0] : undefined)
        return null
      }
    },
    [id, inTurn, number],
  )

  const actions = useMemo<Actions>(
    () => ({
      decide: (ask) => send(ask, number.current),
      merge: async (pairs) => {
        const key = token()
        try {
          const done = await inTurn(() => withRetry(() => api.merge(id, { merge: pairs, token: key })))
          void refresh(id)
          const entry = done.entry
          const said = `Merged ${count(pairs.length)} ${pairs.length === 1 ? 'class' : 'classes'}: ${outcome(done)}`
          if (entry) undone.set(entry.number, lower(said).replace(/\.$/, ''))
          toast(said, entry ? { label: 'Undo', run: () => actionsRef.current?.undo(entry.number) } : undefined)
          return done
        } catch (error) {
          failed(error)
          return null
        }
      },
      propose: (ask, title, then) => setProposal({ ask, title, then }),
      say: (text) => toast(text),
      undo: (entry) => back('undo', entry),
      redo: (entry) => back('redo', entry),
    }),
    [send, back, number, id, inTurn],
  )
  const actionsRef = useRef(actions)
  actionsRef.current = actions

  const dialogs = (
    <>
      {proposal && (
        <PreviewDialog
          id={id}
          proposal={proposal}
          close={() => setProposal(null)}
          confirm={async (ask) => {
            const done = await actions.decide(ask)
            if (done) {
              setProposal(null)
              proposal.then?.()
            }
          }}
        />
      )}
      {clash && (
        <MeanwhileDialog
          others={clash.others}
          leave={() => {
            clash.settle(null)
            setClash(null)
          }}
          anyway={() => {
            void send(clash.ask, clash.number).then(clash.settle)
            setClash(null)
          }}
        />
      )}
    </>
  )
  return { actions, dialogs }
}

/** The token makes a repetition harmless, so a lost answer is simply asked for again. */
async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  for (let turn = 0; ; turn++) {
    try {
      return await work()
    } catch (error) {
      if (turn === 2 || !(error instanceof Problem) || error.status !== 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 400 * (turn + 1)))
    }
  }
}

function toast(text: string, action?: { label: string; run: () => void }): void {
  notifications.hide('action')
  notifications.show({
    id: 'action',
    autoClose: 8000,
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Close this message' },
    message: (
      <Group gap="sm" wrap="nowrap" justify="space-between">
        <Text size="sm">{text}</Text>
        {action && (
          <Button
            size="compact-sm"
            variant="light"
            className="no-shrink"
            onClick={() => {
              notifications.hide('action')
              action.run()
            }}
          >
            {action.label}
          </Button>
        )}
      </Group>
    ),
  })
}

/** The page may have gone on to another row already: offer the way back. */
function failed(error: unknown, row?: number): void {
  notifications.show({
    color: 'red',
    autoClose: 15_000,
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Close this message' },
    title: 'Not done',
    message: (
      <Group gap="sm" wrap="nowrap" justify="space-between">
        <Text size="sm">{message(error)}</Text>
        {row !== undefined && (
          <Button size="compact-sm" variant="light" className="no-shrink" onClick={() => go({ tab: 'review', row })}>
            Show the row
          </Button>
        )}
      </Group>
    ),
  })
}
