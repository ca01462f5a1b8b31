/** An ordinary link inside the page: middle click, copy and keyboard work as everywhere. */
import type { AnchorHTMLAttributes, MouseEvent, ReactNode } from 'react'
import type { Place } from '../url/address'
import { go, href } from '../url/router'

type Props = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> & {
  to: Partial<Place>
  keep?: Place
  children: ReactNode
}

export function Link({ to, keep, children, ...rest }: Props) {
  const whole = { ...keep, ...to }
  return (
    <a
      {...rest}
      href={href(whole)}
      onClick={(event: MouseEvent<HTMLAnchorElement>) => {
        rest.onClick?.(event)
        if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
        event.preventDefault()
        go({
          project: null,
          filter: {},
          sort: null,
          row: null,
          pick: false,
          look: null,
          tab: 'review',
          pair: [null, null],
          ...whole,
        })
      }}
    >
      {children}
    </a>
  )
}
