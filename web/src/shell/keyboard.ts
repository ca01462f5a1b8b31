/**
 * May a key act on the page? Never through an open dialog, and not right after one: whoever types in it does not expect that
 * its last letters decide something about a row. Knows dialogs, not what keys mean.
 */
const AFTER = 350 // ms after a key that a dialog took, in which plain keys do nothing

let through = false
let last = -Infinity

// Before every other listener: the key that closes a dialog still finds it open here.
window.addEventListener(
  'keydown',
  (event) => {
    through = document.querySelector('[role="dialog"]') !== null
    if (through) last = event.timeStamp
  },
  true,
)

export function mayAct(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || typing(event.target) || through) return false
  return event.ctrlKey || event.metaKey || event.timeStamp - last > AFTER
}

/** Is somebody typing there? Then letters are letters. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return (
    target.isContentEditable ||
    target.closest('[role="menu"]') !== null ||
    /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
    (target.tagName === 'INPUT' && !/^(checkbox|radio|range|button)$/.test((target as HTMLInputElement).type))
  )
}
