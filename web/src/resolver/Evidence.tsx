/** Why a row was flagged: one card a check, with the value against the dataset's normal range where there is one. */
import type { Evidence as Item } from '../api/types'
import { LETTERS } from '../words'

export function EvidenceCard({ item }: { item: Item }) {
  const tone = LETTERS[item.check]?.[1] ?? 'plain'
  return (
    <li className={`evidence ${tone}`}>
      <div className="evidence-head">
        <b>{item.title}</b>
        {item.score !== null && <span className="mono">{item.score.toFixed(2)}</span>}
      </div>
      {item.score !== null && (
        <div className="meter" aria-hidden="true">
          <span style={{ width: `${100 * Math.max(0, Math.min(1, item.score))}%` }} />
        </div>
      )}
      {item.text && <p>{item.text}</p>}
      {typeof item.value === 'number' && typeof item.low === 'number' && typeof item.high === 'number' && (
        <Range value={item.value} low={item.low} high={item.high} />
      )}
    </li>
  )
}

function Range({ value, low, high }: { value: number; low: number; high: number }) {
  const from = Math.min(value, low)
  const span = Math.max(value, high) - from || 1
  const at = (x: number) => 4 + (92 * (x - from)) / span
  const say = (x: number) => x.toLocaleString('en', { maximumSignificantDigits: 4 })
  return (
    <div className="range" role="img" aria-label={`${say(value)}; most rows lie between ${say(low)} and ${say(high)}`}>
      <span className="range-line" />
      <span className="range-normal" style={{ left: `${at(low)}%`, width: `${Math.max(1, at(high) - at(low))}%` }} />
      <span className="range-value" style={{ left: `${at(value)}%` }} />
      <span className="range-text">
        {say(value)} here; most rows {say(low)} to {say(high)}
      </span>
    </div>
  )
}
