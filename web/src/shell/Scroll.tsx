/** A region that scrolls, and that the keyboard can reach. */
import type { ReactNode } from 'react'

export function Scroll({ height, label, children }: { height: number; label: string; children: ReactNode }) {
  return (
    <div className="scroll" style={{ maxHeight: height }} tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  )
}
