/** Why a row was flagged: one card a check, with the value against the dataset's normal range where there is one. */
import type { Evidence as Item } from '../api/types'
import { checkOf, useOpened } from '../shell/context'
import { Letter } from '../row/cells'
import { sentence } from '../words'

export function EvidenceCard({ item }: { item: Item }) {
  const { project } = useOpened()
  const check = checkOf(project, item.check)
  const tone = check?.tone ?? 'plain'
  return (
    <li className={`evidence ${tone}`}>
      <div className="evidence-head">
        <b>
          {check && !check.harmless && <Letter check={check.name} />} {item.title}
        </b>
        {item.score !== null && <span className="mono">{item.score.toFixed(2)}</span>}
      </div>
      {item.score !== null && (
        <div className="meter" aria-hidden="true">
          <span style={{ width: `${100 * Math.max(0, Math.min(1, item.score))}%` }} />
        </div>
      )}
      {item.text && <p>{sentence(item.text)}</p>}
      {typeof item.value === 'number' && typeof item.low === 'number' && typeof item.high === 'number' && (
        <Range value={item.value} low={item.low} high={item.high} />
      )}
    </li>
  )
}

/** What the letters on rows stand for: every check that put one somewhere. */
export function Legend() {
  const { project } = useOpened()
  const lettered = project.checks.filter((check) => check.flag && !check.harmless && check.count)
  if (!lettered.length) return null
  return (
    <details className="more legend-of-letters">
      <summary>What the letters on rows mean</summary>
      <ul>
        {lettered.map((check) => (
          <li key={check.name}>
            <Letter check={check.name} /> {check.title}
          </li>
        ))}
      </ul>
    </details>
  )
}

/** A number as people write it: no eleven digits after the point. */
export function plainNumber(x: number): string {
  if (x === 0) return '0'
  if (Math.abs(x) < 0.005) return x > 0 ? 'under 0.01' : 'just under 0'
  return x.toLocaleString('en', { maximumFractionDigits: Math.abs(x) < 10 ? 2 : Math.abs(x) < 100 ? 1 : 0 })
}

/** Where a value lies beside what is usual: "far below the usual 0.18 to 1". */
export function rangeText(value: number, low: number, high: number): string {
  const span = Math.max(high - low, 1e-9)
  const from = low > 0 && low < 0.005 ? '0' : plainNumber(low)
  const usual = plainNumber(low) === plainNumber(high) ? plainNumber(low) : `${from} to ${plainNumber(high)}`
  // outside by less than these digits show
  if (value < low && (plainNumber(value) === plainNumber(low) || (from === '0' && value >= 0)))
    return `${plainNumber(value)}: at the lower end of the usual ${usual}`
  if (value > high && plainNumber(value) === plainNumber(high))
    return `${plainNumber(value)}: at the upper end of the usual ${usual}`
  if (value < low)
    return `${plainNumber(value)}: ${low - value > 0.1 * span ? 'far below' : 'below'} the usual ${usual}`
  if (value > high) return `${plainNumber(value)}: ${value - high > span ? 'far above' : 'above'} the usual ${usual}`
  return `${plainNumber(value)}: within the usual ${usual}`
}

function Range({ value, low, high }: { value: number; low: number; high: number }) {
  const from = Math.min(value, low)
  const span = Math.max(value, high) - from || 1
  const at = (x: number) => 4 + (92 * (x - from)) / span
  const text = rangeText(value, low, high)
  return (
    <div className="range" role="img" aria-label={text}>
      <span className="range-line" />
      <span className="range-normal" style={{ left: `${at(low)}%`, width: `${Math.max(1, at(high) - at(low))}%` }} />
      <span className="range-value" style={{ left: `${at(value)}%` }} />
      <span className="range-text">{text}</span>
    </div>
  )
}
