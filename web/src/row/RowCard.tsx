/** One other row, small: picture or text or cells, its label, and a click that opens it. */
import type { Row } from '../api/types'
import { Labels, Letters, RowThumb } from './cells'
import { useOpened } from '../shell/context'
import { go } from '../url/router'
import { cellsText } from './RowLine'

export function RowCard({
  row,
  note,
  tone,
  current = false,
}: {
  row: Row
  note?: string
  tone?: 'good' | 'bad'
  current?: boolean
}) {
  const { id, project } = useOpened()
  const image = project.modality === 'image'
  return (
    <button
      type="button"
      className={`row-card ${image ? 'image' : 'wide'}${current ? ' this' : ''}`}
      onClick={() => go({ tab: 'review', row: row.row })}
      title={row.id}
    >
      {image ? (
        <span className="thumb">
          <RowThumb id={id} row={row} />
        </span>
      ) : (
        <span className="row-text">{row.text ?? cellsText(row)}</span>
      )}
      <span className="hidden">Row {row.id}, given </span>
      <span className="row-foot">
        <span className={`row-label ${tone ?? ''}`}>
          <Labels row={row} />
        </span>
        {note && <span className="row-note">{note}</span>}
        {!image && <Letters checks={row.checks} />}
      </span>
    </button>
  )
}
