/**
 * Names for the shapes of schema.ts, which `npm run api` makes from the server's OpenAPI document. A label is a value, never a
 * code; null is "no label". Where the server says only "string", the page's own words for it stand here.
 */
import type { components } from './schema'

type Schemas = components['schemas']
/** The wire allows null for "not asked"; the page leaves such keys out. */
type Chosen<T> = { [K in keyof T]?: NonNullable<T[K]> }

export type Label = Schemas['ClassOut']['value']
export type Modality = 'image' | 'text' | 'table'
export type ActionName = Schemas['DecisionBody']['action']

export type Row = Schemas['Row']
export type SavedView = Schemas['SavedView']
export type Match = Schemas['Match']
export type Copy = Schemas['Copy']
export type CopySet = Schemas['CopySet']
export type Sets = Schemas['Sets']
export type Page = Schemas['Page']
export type Detail = Schemas['Detail']
export type Evidence = Schemas['EvidenceOut']
export type Past = Schemas['Past']
export type Telling = Schemas['Telling']
export type Left = Schemas['LeftOut']
export type Facets = Schemas['Facets']
export type Narrowing = Schemas['Narrowing']
export type FoundRows = Schemas['FoundRows']

export type Filter = Chosen<Schemas['Filter']>
export type Condition = Schemas['Condition']
export interface SortKey {
  by: string
  descending: boolean
}
/** `then`: further keys, which break ties. */
export interface Sort extends SortKey {
  then?: SortKey[]
}

/**
 * `finding`: what a finding proposes is asked and done, by its number; `instead`: what it offers beside that. `shown`: whole pages on
 * the screen that the decision may move; `counted`: a filter whose counts are on the screen.
 */
export type Ask = Omit<Schemas['DecisionBody'], 'target'> & {
  target: Target
  shown?: { filter: Filter; sort: Sort | null; offset: number; limit: number }
  counted?: Filter
  finding?: { number: number; instead: boolean }
}
/** What can be done about a finding; `else`: what it offers beside that. */
export interface FindingAction {
  kind: string
  title: string
  else?: FindingAction
}
/** A finding about classes, columns or the dataset; its place in the list, from 1, is its number. */
export interface Finding {
  check: string
  type: string
  title: string
  message: string
  subject: Label[]
  classes: Label[] | Record<string, Label | Label[]>
  strength: number | null
  low: number | null
  high: number | null
  rows: number
  examples: string[]
  action: FindingAction | null
  /** what belongs to its check alone */
  data?: unknown
}
export type Target =
  { rows: number[] } | { filter: Filter; sort: Sort | null; top: number | null; ranges: [number, number][] | null }
export type Summary = Schemas['Preview']
export type Change = Schemas['Change']
export type Removal = Schemas['Removal']
export type Stand = Schemas['Stand']
export type Done = Schemas['Done']
export type Entry = Schemas['EntryOut']
export type EntryDetail = Schemas['EntryDetail']
export type LogPage = Schemas['LogPage']
export type LogDiff = Schemas['LogDiff']

export type Project = Schemas['ProjectOut']
export type ProjectItem = Schemas['ProjectItem']
export type CheckInfo = Schemas['CheckOut']
export type ColumnInfo = Schemas['ColumnOut']
export type Job = Schemas['Job']
export type SourcePreview = Schemas['SourcePreview']
export type RunPreview = Schemas['RunPreview']
export type ExportBody = Schemas['ExportBody']
export type ExportAccount = Schemas['ExportPreview']

export type Charts = Schemas['Charts']
export type ChartName = keyof Charts
export type MapPoints = Schemas['MapPoints']
export type Comparison = Schemas['Comparison']
export type Compared = Schemas['Compared']

export type Session = Schemas['Session']
export type ProblemBody = Partial<Omit<Schemas['Problem'], 'meanwhile'>> & { meanwhile?: Meanwhile[] | null }

/** What somebody else decided between this screen and this decision. */
export interface Meanwhile {
  row: number
  person: string
  action: string
  label: Label | null
  number: number
}
