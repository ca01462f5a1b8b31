/** Where the keyboard goes when what had it is gone: never to the body, from where one would begin all over. */

const home = (): HTMLElement | null =>
  document.querySelector<HTMLElement>('[role="listbox"][aria-label="Rows"]') ??
  document.querySelector<HTMLElement>('h1')

/** To `from` if it is still there, else to the rows, else to the heading of the page; unless something has the focus already. */
export function giveBack(from?: Element | null): void {
  window.setTimeout(() => {
    if (document.activeElement !== document.body || document.querySelector('[role="dialog"]')) return
    const there = from instanceof HTMLElement && from.isConnected && from !== document.body ? from : home()
    if (there?.tagName === 'H1') there.tabIndex = -1
    there?.focus({ preventScroll: true })
  }, 0)
}

/** Out of a text field, back to the rows. */
export function leaveField(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
  giveBack()
}
