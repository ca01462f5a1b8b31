/** What a row was and what it becomes, from label to label. */
import { IconArrowRight } from '@tabler/icons-react'
import type { Change, Stand } from '../api/types'
import { actionWord, labelText } from '../words'

/** The label that stands, or "left out"; `given` where nobody decided. */
export function standText(stand: Stand, given: Change['row']['given']): string {
  if (stand.excluded) return 'left out'
  return labelText(stand.label ?? given)
}

export function FromTo({ change }: { change: Change }) {
  const { before, after, row } = change
  const from = standText(before, row.given)
  const to = standText(after, row.given)
  return (
    <span className="from-to">
      <span className={from === to ? '' : 'struck'}>{from}</span>
      {from === to ? (
        <small>{after.action ? actionWord(after.action).toLowerCase() : 'no decision'}</small>
      ) : (
        <span className={after.excluded ? 'to bad' : 'to'}>
          <IconArrowRight size={13} role="img" aria-label="becomes" />
          <span>{to}</span>
        </span>
      )}
    </span>
  )
}
