/** One typed client: every request of the page goes through here. Knows addresses and errors, nothing of screens. */
import type {
  Ask,
  ChartName,
  Charts,
  Comparison,
  Detail,
  Done,
  EntryDetail,
  ExportAccount,
  ExportBody,
  Facets,
  Filter,
  Finding,
  FoundRows,
  Job,
  Label,
  Left,
  LogDiff,
  LogPage,
  MapPoints,
  Match,
  Narrowing,
  Page,
  ProblemBody,
  Project,
  ProjectItem,
  Row,
  SavedView,
  Session,
  Sets,
  Sort,
  RunPreview,
  SourcePreview,
  Summary,
  Telling,
} from './types'

import { key, keep, lookAt, lookWith, sessionHeaders, takeKey } from './key'

const BASE = '/api/v1'

/** What the server (or the lack of one) said, in words for the person who reads it. */
export class Problem extends Error {
  readonly status: number
  readonly body: ProblemBody

  constructor(status: number, body: ProblemBody) {
    super(body.detail || body.title || `The server answered ${status}.`)
    this.status = status
    this.body = body
  }
}

let signedOut: () => void = () => undefined

/** What to do when the server no longer knows who this is. */
export function onSignedOut(act: () => void): void {
  signedOut = act
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await request(method, path, body, signal)
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(BASE + path, {
      method,
      credentials: 'same-origin',
      headers: {
        ...sessionHeaders(),
        ...(body === undefined
          ? {}
          : { 'Content-Type': body instanceof Blob ? 'application/octet-stream' : 'application/json' }),
      },
      body: body === undefined ? undefined : body instanceof Blob ? body : JSON.stringify(body),
      signal,
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Problem(0, {
      detail: 'The server does not answer. Is “assay serve” still running? Nothing acknowledged is lost.',
    })
  }
  if (answer.status === 401 && path !== '/session') signedOut()
  if (!answer.ok) throw new Problem(answer.status, await problem(answer))
  return answer
}

async function problem(answer: Response): Promise<ProblemBody> {
  try {
    return (await answer.json()) as ProblemBody
  } catch {
    return { title: `${answer.status} ${answer.statusText}` }
  }
}

const enc = encodeURIComponent
const of = (project: string) => `/projects/${enc(project)}`

/** A label as a query parameter, written as the server writes it. */
const value = (label: Label) => enc(label === true ? 'True' : label === false ? 'False' : String(label))

/** Who is signed in here. A key that came with the address counts if the server knows it, else the one kept before stays. */
async function session(): Promise<Session> {
  const given = takeKey()
  const before = key()
  if (given) keep(given)
  let answer = await call<Session>('GET', '/session')
  if (given && before && !answer.signed_in) {
    keep(before)
    answer = await call<Session>('GET', '/session')
  }
  lookWith(answer.look)
  return answer
}

export const api = {
  session,
  signIn: async (body: { token?: string; password?: string; person?: string }) => {
    const answer = await call<Session>('POST', '/session', body)
    if (answer.key) keep(answer.key)
    lookWith(answer.look)
    return answer
  },
  signOut: async () => {
    await call<Session>('DELETE', '/session')
    keep(null)
  },

  projects: () => call<ProjectItem[]>('GET', '/projects'),
  create: (body: { path?: string; upload?: string; name?: string; options: Record<string, string> }) =>
    call<{ id: string; job: Job | null }>('POST', '/projects', body),
  preview: (body: { path?: string; upload?: string; options: Record<string, string> }, signal?: AbortSignal) =>
    call<SourcePreview>('POST', '/sources/preview', body, signal),
  project: (p: string) => call<Project>('GET', of(p)),
  job: (p: string) => call<Job | null>('GET', `${of(p)}/job`),
  cancel: (p: string) => call<Job | null>('POST', `${of(p)}/cancel`, {}),
  runAgain: (p: string, options: Record<string, string> = {}) =>
    call<{ id: string; job: Job | null }>('POST', `${of(p)}/run`, { options }),
  lookAgain: (p: string, options: Record<string, string>, signal?: AbortSignal) =>
    call<RunPreview>('POST', `${of(p)}/run/preview`, { options }, signal),
  rename: (p: string, name: string) => call<{ id: string }>('POST', `${of(p)}/rename`, { name }),
  size: (p: string) => call<{ bytes: number }>('GET', `${of(p)}/size`),
  delete: (p: string) => call<{ bytes: number }>('DELETE', of(p)),
  events: (p: string) => new EventSource(lookAt(`${BASE}${of(p)}/events`)),

  view: (p: string, body: { filter: Filter; sort: Sort | null; offset: number; limit: number }, signal?: AbortSignal) =>
    call<Page>('POST', `${of(p)}/view`, body, signal),
  /** A picture to compare with; its key goes into a filter. */
  picture: async (p: string, file: Blob) =>
    (await request('POST', `${of(p)}/pictures`, file)).json() as Promise<{ key: string }>,
  sets: (p: string, body: { filter: Filter; offset: number; limit: number }, signal?: AbortSignal) =>
    call<Sets>('POST', `${of(p)}/sets`, body, signal),
  positions: (p: string, body: { filter: Filter; sort: Sort | null; rows: number[] }) =>
    call<{ positions: number[] }>('POST', `${of(p)}/positions`, body),
  facets: (p: string, filter: Filter, signal?: AbortSignal) =>
    call<Facets>('POST', `${of(p)}/facets`, { filter }, signal),
  narrow: (p: string, filter: Filter, score: string | undefined, signal?: AbortSignal) =>
    call<Narrowing>('POST', `${of(p)}/narrow`, { filter, score }, signal),
  found: (p: string, n: number) => call<FoundRows[]>('GET', `${of(p)}/found?n=${n}`),
  row: (p: string, row: number, signal?: AbortSignal) => call<Detail>('GET', `${of(p)}/rows/${row}`, undefined, signal),
  telling: (p: string, rows: number[]) => call<Telling>('POST', `${of(p)}/telling`, { rows }),
  examples: (p: string, label: Label, n: number, signal?: AbortSignal) =>
    call<{ rows: Row[] }>('GET', `${of(p)}/examples?label=${value(label)}&n=${n}`, undefined, signal),
  views: (p: string) => call<SavedView[]>('GET', `${of(p)}/views`),
  saveView: (p: string, name: string, query: string) => call<SavedView[]>('POST', `${of(p)}/views`, { name, query }),
  deleteView: (p: string, name: string) =>
    call<SavedView[]>('DELETE', `${of(p)}/views?name=${encodeURIComponent(name)}`),
  match: (p: string, row: number, other: number, signal?: AbortSignal) =>
    call<Match>('GET', `${of(p)}/rows/${row}/match/${other}`, undefined, signal),
  thumb: (p: string, row: number) => lookAt(`${BASE}${of(p)}/thumbs/${row}`),
  image: (p: string, row: number) => lookAt(`${BASE}${of(p)}/images/${row}`),

  ask: (p: string, { finding, shown: _, counted: __, ...body }: Ask, signal?: AbortSignal) =>
    finding
      ? call<Summary>('POST', `${of(p)}/insights/${finding.number}/preview`, { instead: finding.instead }, signal)
      : call<Summary>('POST', `${of(p)}/preview`, body, signal),
  act: (p: string, { finding, ...body }: Ask & { token: string; seen: number }) =>
    finding
      ? call<Done>('POST', `${of(p)}/insights/${finding.number}/apply`, {
          instead: finding.instead,
          token: body.token,
          seen: body.seen,
        })
      : call<Done>('POST', `${of(p)}/actions`, body),
  left: (p: string) => call<Left>('GET', `${of(p)}/left`),
  findings: (p: string) => call<Finding[]>('GET', `${of(p)}/insights`),
  merge: (p: string, body: { merge: [Label, Label][]; token: string }) =>
    call<Done>('POST', `${of(p)}/insights/merge`, body),
  undo: (p: string, body: { number?: number; token: string }) => call<Done>('POST', `${of(p)}/undo`, body),
  redo: (p: string, body: { number?: number; token: string }) => call<Done>('POST', `${of(p)}/redo`, body),
  log: (p: string, before?: number, limit = 100) =>
    call<LogPage>('GET', `${of(p)}/log?limit=${limit}${before === undefined ? '' : `&before=${before}`}`),
  entry: (p: string, number: number) => call<EntryDetail>('GET', `${of(p)}/log/${number}`),
  diff: (p: string, from: number, to: number) => call<LogDiff>('GET', `${of(p)}/log/diff?from=${from}&to=${to}`),

  charts: (p: string, filter: Filter, names: ChartName[], signal?: AbortSignal) =>
    call<Charts>('POST', `${of(p)}/charts`, { filter, names }, signal),
  map: (p: string, filter: Filter, signal?: AbortSignal) => call<MapPoints>('POST', `${of(p)}/map`, { filter }, signal),
  compare: (p: string, a: Label, b: Label) => call<Comparison>('GET', `${of(p)}/compare?a=${value(a)}&b=${value(b)}`),
  exportPreview: (p: string, body: ExportBody, signal?: AbortSignal) =>
    call<ExportAccount>('POST', `${of(p)}/export/preview`, body, signal),
  export: (p: string, body: ExportBody, signal?: AbortSignal) => request('POST', `${of(p)}/export`, body, signal),
}

/** A key that makes one action one action, however often a flaky network repeats it. */
export function token(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
