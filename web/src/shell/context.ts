/** The open project and what can be done to it, for every screen below. */
import { createContext, useContext } from 'react'
import type { Ask, Done, Label, Project } from '../api/types'

/** What is asked before it is done. */
export interface Proposal {
  ask: Ask
  title: string
  then?: () => void
}

export interface Actions {
  /** Decide at once; resolves to null where it failed (the person has been told). */
  decide: (ask: Ask) => Promise<Done | null>
  /** Show what it would do first; `then` runs once it is done. */
  propose: (ask: Ask, title: string, then?: () => void) => void
  /** Every row given the first class of a pair gets the second, as one entry. */
  merge: (pairs: [Label, Label][]) => Promise<Done | null>
  /** Tell something, with nothing done. */
  say: (text: string) => void
  undo: (number?: number) => void
  redo: (number?: number) => void
}

export interface Opened {
  id: string
  project: Project
  actions: Actions
  person: string
  /** open the export dialog; `two`: with both labels for rows that hold two */
  exportWith: (begin: { two?: boolean }) => void
  /** the log entry that the screen shows: pages of rows raise it */
  number: { current: number }
}

/** What the server says of a check; undefined for a name it does not know. */
export const checkOf = (project: Project, name: string) => project.checks.find((check) => check.name === name)

/** Everybody who did something here, and oneself. */
export const peopleOf = (project: Project, person: string): string[] =>
  [...new Set([...project.people, person])].filter(Boolean)

export const OpenedContext = createContext<Opened | null>(null)

export function useOpened(): Opened {
  const opened = useContext(OpenedContext)
  if (!opened) throw new Error('useOpened outside a project')
  return opened
}
