/** A text with the flagged spans marked. Text stays text: nothing in it is ever HTML. */
import { Fragment } from 'react'
import { pieces } from './pieces'

export function Marked({ text, marks }: { text: string; marks: string[] }) {
  return <>{pieces(text, marks).map((piece, at) => (piece.on ? <mark key={at}>{piece.text}</mark> : <Fragment key={at}>{piece.text}</Fragment>))}</>
}
