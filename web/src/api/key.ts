/**
 * The half of a session that only this origin holds. A cookie goes to every port of the host; what is in storage does not.
 * In: a key, from the address behind # or from signing in. Out: the header that carries it; addresses of pictures and events,
 * for which no header can be sent, with a key that is good for looking only. Does not know: the server.
 */
const KEY = 'assay-key'
const LOOK = 'assay-look'
const held: Record<string, string | null> = {} // where storage is off: this page alone knows it, until it is closed

/** Takes the key off the address, where it came behind #; null where there is none. */
export function takeKey(): string | null {
  const found = /^#key=([\w-]+)$/.exec(window.location.hash)
  if (!found) return null
  window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search)
  return found[1]!
}

export const key = (): string | null => read(KEY)
export const keep = (given: string | null): void => write(KEY, given)
export const lookWith = (given: string | null | undefined): void => write(LOOK, given ?? null)
export const lookAt = (address: string): string => `${address}?look=${encodeURIComponent(read(LOOK) ?? '')}`

export function sessionHeaders(): Record<string, string> {
  const mine = key()
  return mine === null ? {} : { 'X-Assay-Key': mine }
}

/** Read each time: another page of this origin may have signed in meanwhile. */
function read(place: string): string | null {
  try {
    return localStorage.getItem(place) ?? held[place] ?? null
  } catch {
    return held[place] ?? null
  }
}

function write(place: string, given: string | null): void {
  held[place] = given
  try {
    if (given === null) localStorage.removeItem(place)
    else localStorage.setItem(place, given)
  } catch {
    // held is what there is
  }
}
