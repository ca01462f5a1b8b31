/** One row in a list: its picture, text or cells, and the id that its owner knows it by. */
import type { Row } from '../api/types'
import { useOpened } from '../shell/context'
import { RowThumb } from './cells'

export const cellsText = (row: Row): string =>
  Object.entries(row.cells)
    .map(([name, value]) => `${name}: ${value || 'blank'}`)
    .join(' · ')

export function RowLine({ row }: { row: Row }) {
  const { id, project } = useOpened()
  const image = project.modality === 'image'
  return (
    <span className="row-line">
      {image && (
        <span className="thumb">
          <RowThumb id={id} row={row} />
        </span>
      )}
      <span className="row-line-main">
        {!image && (
          <span className="row-line-text" title={row.text ?? cellsText(row)}>
            {row.text ?? cellsText(row)}
          </span>
        )}
        <span className="mono cut" title={row.id}>
          {row.id}
        </span>
      </span>
    </span>
  )
}
