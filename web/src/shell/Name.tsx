/** A label that may begin a new line between its parts, so that no word of it is broken while there is another way. */
import { Fragment } from 'react'

export const partsOf = (name: string): string[] => name.split(/(?<=[_/.-])(?=[^_/.-])/)

export const Name = ({ text }: { text: string }) =>
  partsOf(text).map((part, at) => (
    <Fragment key={at}>
      {at > 0 && <wbr />}
      {part}
    </Fragment>
  ))
