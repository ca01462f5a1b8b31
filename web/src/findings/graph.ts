/** The graph of classes: which are related, drawn as boxes of classes that hang together. Pure. */
import type { Finding, Label } from '../api/types'
import { labelKey } from '../words'

export const RELATIONS = ['relation', 'relation_group']
/** Kinds of relations, the ones that say most first. */
export const KINDS: Record<string, string> = {
  same_thing: 'the same thing',
  is_a: 'is a kind of',
  has_a: 'appear together',
  looks_alike: 'look alike',
}

/** What a finding's strength is a share of, by its type or its check: a percentage alone says nothing. */
const SHARES: Record<string, string> = {
  same_thing: 'Rows of a class that could carry the other label',
  is_a: 'Rows of the specific class that could carry the general label',
  has_a: 'Rows of the class that show another one, too',
  looks_alike: 'Rows of these classes that are taken for another of them',
  catch_all: 'Rows of the class that look like other classes',
  should_split: 'Rows of the class in the smaller cluster',
  two_labels: 'Rows that hold a second label',
  class_noise: 'Labels of the class that are wrong, estimated',
  label_quality: 'Mean label quality',
  model_quality: 'Labels that the model gives as they were given',
  split_leakage: 'Rows of the split that are copies',
  weak_group: 'Accuracy that is lost, against what the classes of these rows reach',
}
export function shareOf({ check, type }: Finding): string {
  const named = SHARES[type] ?? SHARES[check] ?? ''
  return named && check === 'relation_group' && type !== 'has_a' ? `${named}, of the pair with the fewest` : named
}

export interface Edge {
  a: Label
  b: Label
  type: string
}
export interface Node {
  label: Label
  x: number
  y: number
}
/** `name`: of the group that its classes form, "" where they are related in pairs only. */
export interface Box {
  x: number
  y: number
  width: number
  height: number
  name: string
  nodes: Node[]
  edges: Edge[]
}

/** The classes that a finding is about. */
export const classesOf = (finding: Finding): Label[] =>
  Array.isArray(finding.classes) ? finding.classes : Object.values(finding.classes).flat()

/** Pairs of related classes, one edge a pair: the kind that says most. */
export function edgesOf(findings: Finding[]): Edge[] {
  const order = Object.keys(KINDS)
  const kept = new Map<string, Edge>()
  for (const { check, type, subject } of findings) {
    if (check !== 'relation' || subject.length !== 2 || !KINDS[type]) continue
    const [a, b] = subject as [Label, Label]
    const key = [labelKey(a), labelKey(b)].sort().join()
    const known = kept.get(key)
    if (!known || order.indexOf(type) < order.indexOf(known.type)) kept.set(key, { a, b, type })
  }
  return [...kept.values()]
}

export const ROOM = 150 // of a class on its circle
export const LINES = 64 // the height of a class whose name takes three lines
const APART = Math.hypot(ROOM, LINES) // classes that far from each other do not touch, in whatever direction
const BELOW = 36 // the lowest class
const BOX = 190 // the smallest box
const GAP = 16

/** Boxes of classes that hang together, largest first, from left to right in rows of `width`. */
export function layout(findings: Finding[], width: number): { boxes: Box[]; height: number } {
  const edges = edgesOf(findings)
  const boxes = components(edges).map((members) => place(members, edges, findings, width))
  boxes.sort((p, q) => q.nodes.length - p.nodes.length)
  let x = 0
  let y = 0
  let tallest = 0
  for (const box of boxes) {
    if (x > 0 && x + box.width > width) {
      x = 0
      y += tallest + GAP
      tallest = 0
    }
    box.x = x
    box.y = y
    x += box.width + GAP
    tallest = Math.max(tallest, box.height)
  }
  return { boxes, height: y + tallest }
}

function components(edges: Edge[]): Label[][] {
  const group = new Map<string, Label[]>()
  for (const { a, b } of edges) {
    const one = group.get(labelKey(a)) ?? [a]
    const two = group.get(labelKey(b)) ?? [b]
    if (one === two) continue
    const joined = [...one, ...two]
    for (const label of joined) group.set(labelKey(label), joined)
  }
  return [...new Set(group.values())]
}

/** One box: what most others relate to in the middle where there is such a class, the others round it; an upright oval where a
 * circle would be wider than `most`. */
function place(members: Label[], edges: Edge[], findings: Finding[], most: number): Box {
  const inside = new Set(members.map(labelKey))
  const own = edges.filter(({ a }) => inside.has(labelKey(a)))
  const degree = (label: Label) => own.filter(({ a, b }) => a === label || b === label).length
  const sorted = [...members].sort((p, q) => degree(q) - degree(p) || labelKey(p).localeCompare(labelKey(q)))
  const middle = sorted.length > 3 || (sorted.length === 3 && own.length === 2) ? sorted.shift()! : undefined
  const around = sorted.length < 2 ? 0 : APART / (2 * Math.sin(Math.PI / sorted.length))
  const radius = middle === undefined ? around : Math.max(APART, around)
  const across = Math.min(radius, Math.max(0, most - ROOM) / 2)
  const down = across < radius ? Math.max(radius, (sorted.length * LINES) / 3) : radius
  const aside = (at: number) => across * Math.sin((2 * Math.PI * at) / sorted.length)
  const width = Math.max(BOX, 2 * Math.max(...sorted.map((_, at) => Math.abs(aside(at)))) + ROOM)
  const centre = down + 48 + 12 // below the name
  const nodes: Node[] = sorted.map((label, at) => ({
    label,
    x: width / 2 + aside(at),
    y: centre - down * Math.cos((2 * Math.PI * at) / sorted.length),
  }))
  if (middle !== undefined) nodes.unshift({ label: middle, x: width / 2, y: centre })
  separate(nodes)
  const height = Math.max(110, Math.max(...nodes.map(({ y }) => y)) + BELOW)
  const group = findings.find(
    (finding) => finding.check === 'relation_group' && finding.subject.every((label) => inside.has(labelKey(label))),
  )
  return { x: 0, y: 0, width, height, name: group ? (KINDS[group.type] ?? group.type) : '', nodes, edges: own }
}

/** From top to bottom, move down what would lie on a class above it. */
function separate(nodes: Node[]): void {
  const above: Node[] = []
  for (const node of [...nodes].sort((p, q) => p.y - q.y)) {
    node.y = Math.max(node.y, ...above.filter(({ x }) => Math.abs(x - node.x) < ROOM).map(({ y }) => y + LINES))
    above.push(node)
  }
}
