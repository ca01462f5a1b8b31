/** The address as React state: `usePlace` reads it, `go` changes it. Knows the browser's history, not what a place means. */
import { useSyncExternalStore } from 'react'
import { decodePlace, encodePlace, NOWHERE, type Place } from './address'

const listeners = new Set<() => void>()
let address = ''
let place: Place = NOWHERE

function read(): Place {
  const now = window.location.pathname + window.location.search
  if (now !== address) {
    address = now
    place = decodePlace(window.location.pathname, window.location.search)
  }
  return place
}

window.addEventListener('popstate', () => listeners.forEach((listener) => listener()))

export function usePlace(): Place {
  return useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, read)
}

/** Change parts of the place. `replace` for steps that the Back button should not retrace, such as the open row. */
export function go(change: Partial<Place>, { replace = false } = {}): void {
  const next = encodePlace({ ...read(), ...change })
  if (next === window.location.pathname + window.location.search) return
  window.history[replace ? 'replaceState' : 'pushState'](null, '', next)
  listeners.forEach((listener) => listener())
}

export const href = (change: Partial<Place>): string => encodePlace({ ...NOWHERE, ...change })
