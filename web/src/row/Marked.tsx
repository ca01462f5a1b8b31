/** A text with the flagged spans and the telling words marked. Text stays text: nothing in it is ever HTML. */
import { Fragment } from 'react'
import { pieces, type Mark } from './pieces'

export function Marked({ text, marks }: { text: string; marks: Mark[] }) {
  return (
    <>
      {pieces(text, marks).map((piece, at) =>
        piece.tone ? (
          <mark key={at} className={piece.tone}>
            {piece.text}
          </mark>
        ) : (
          <Fragment key={at}>{piece.text}</Fragment>
        ),
      )}
    </>
  )
}

export const found = (spans: string[] | undefined): Mark[] => (spans ?? []).map((text) => ({ text, tone: 'found' }))
