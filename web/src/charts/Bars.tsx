/** A list of bars made of buttons: each can be clicked, or reached and pressed by keyboard. */
import { Button } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { count } from '../words'

export interface Bar {
  key: string
  name: ReactNode
  spoken: string
  value: number
  part?: number
  note?: string
  onClick?: () => void
}

export function Bars({ bars, first = 12, partName }: { bars: Bar[]; first?: number; partName?: string }) {
  const [shown, setShown] = useState(first)
  const top = Math.max(1, ...bars.map((bar) => bar.value))
  return (
    <>
      <ul className="bars">
        {bars.slice(0, shown).map((bar) => (
          <li key={bar.key}>
            <button type="button" onClick={bar.onClick} disabled={!bar.onClick} title={bar.spoken}>
              <span className="bar-name">{bar.name}</span>
              <span className="bar-track" aria-hidden="true">
                <span className="bar-fill" style={{ width: `${(100 * bar.value) / top}%` }} />
                {bar.part !== undefined && (
                  <span className="bar-part" style={{ width: `${(100 * bar.part) / top}%` }} />
                )}
              </span>
              <span className="bar-value">
                {bar.part !== undefined && bar.part !== bar.value && partName
                  ? `${count(bar.part)} of ${count(bar.value)}`
                  : count(bar.value)}
                {bar.note && <small>{bar.note}</small>}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {bars.length > shown && (
        <Button size="compact-sm" variant="subtle" mt={6} onClick={() => setShown(shown + 40)}>
          Show {count(Math.min(40, bars.length - shown))} more of {count(bars.length)}
        </Button>
      )}
    </>
  )
}
