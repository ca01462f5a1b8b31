/**
 * Resumable uploads (the tus protocol, with its checksum extension): pieces of 8 MB, each checked, each repeated where the
 * network or the server fails, taken up again after a reload. In: a file. Out: the id of the upload, whole.
 * Does not know: what is in the file.
 */
import { sessionHeaders } from '../api/key'

const PIECE = 8 << 20
const tus = () => ({ 'Tus-Resumable': '1.0.0', ...sessionHeaders() })
/** Milliseconds between attempts: a server that restarts, or a network that comes back, is waited for some two minutes. */
const WAITS = [500, 1500, 4000, 8000, 15000, 30000, 60000]
const GONE = -1
/** Somebody else writes, the offset has moved, the checksum does not fit: ask for the offset and go on from there. */
const AGAIN = new Set([408, 409, 423, 429, 460])

export async function upload(
  file: Blob,
  name: string,
  told: (sent: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const memory = `assay-upload:${name}:${file.size}:${file instanceof File ? file.lastModified : 0}`
  let place = localStorage.getItem(memory)
  let sent = GONE
  if (place) sent = await offset(place, signal)
  if (!place || sent === GONE) {
    place = await begin(file, name, signal)
    localStorage.setItem(memory, place)
    sent = 0
  }
  told(sent)
  while (sent < file.size) {
    sent = await sendPiece(file, place, sent, signal)
    if (sent === GONE) {
      localStorage.removeItem(memory)
      throw new Refusal('The server no longer has this upload.')
    }
    told(sent)
  }
  localStorage.removeItem(memory)
  return place.replace(/\/$/, '').split('/').pop()!
}

async function begin(file: Blob, name: string, signal: AbortSignal): Promise<string> {
  const metadata = `filename ${base64(name)},filetype ${base64(file.type || 'application/octet-stream')}`
  const headers = { ...tus(), 'Upload-Length': String(file.size), 'Upload-Metadata': metadata }
  const made = await patient(
    () => fetch('/api/v1/uploads', { method: 'POST', signal, credentials: 'same-origin', headers }),
    signal,
  )
  const location = made.headers.get('Location')
  if (!location) throw new Error('The server did not say where to send the file.')
  return new URL(location, window.location.href).pathname
}

/** Sends the piece at ``from``; how much has arrived then. After a failure the server knows best how much did. */
async function sendPiece(file: Blob, place: string, from: number, signal: AbortSignal): Promise<number> {
  const piece = file.slice(from, from + PIECE)
  const checksum = await sha256(piece)
  const headers: Record<string, string> = {
    ...tus(),
    'Upload-Offset': String(from),
    'Content-Type': 'application/offset+octet-stream',
    ...(checksum ? { 'Upload-Checksum': `sha256 ${checksum}` } : {}),
  }
  let asked = false
  const answer = await patient(
    async () => {
      if (asked) return fetch(place, { method: 'HEAD', headers: tus(), credentials: 'same-origin', signal })
      asked = true
      return fetch(place, { method: 'PATCH', signal, credentials: 'same-origin', headers, body: piece })
    },
    signal,
    true,
  )
  if (answer.status === 404) return GONE
  return Number(answer.headers.get('Upload-Offset') ?? Math.min(file.size, from + PIECE))
}

/** How much of an upload has arrived; GONE where it is unknown there. */
async function offset(place: string, signal: AbortSignal): Promise<number> {
  const answer = await patient(
    () => fetch(place, { method: 'HEAD', headers: tus(), credentials: 'same-origin', signal }),
    signal,
    true,
  )
  return answer.status === 404 ? GONE : Number(answer.headers.get('Upload-Offset') ?? 0)
}

/** Asks until there is an answer that means something. ``missing``: 404 is one. */
async function patient(ask: () => Promise<Response>, signal: AbortSignal, missing = false): Promise<Response> {
  for (let turn = 0; ; turn++) {
    try {
      const answer = await ask()
      if (answer.ok || (missing && answer.status === 404)) return answer
      if (answer.status < 500 && !AGAIN.has(answer.status)) throw new Refusal(await said(answer))
      if (turn === WAITS.length || answer.status === 507) throw new Refusal(await said(answer))
    } catch (error) {
      if (signal.aborted || error instanceof Refusal || turn === WAITS.length) throw error
    }
    await pause(WAITS[turn] ?? 0, signal)
  }
}

/** Ends early when the network is there again, or nobody waits any more. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      window.removeEventListener('online', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    window.addEventListener('online', done)
    signal.addEventListener('abort', done)
  })
}

class Refusal extends Error {}

async function said(answer: Response): Promise<string> {
  const text = await answer.text()
  try {
    return (JSON.parse(text) as { detail?: string }).detail ?? text
  } catch {
    return text || `The server refused the upload (${answer.status}).`
  }
}

/** Base64 of the SHA-256 of a piece; null where the browser has none to offer (pages that come over plain http from afar). */
async function sha256(piece: Blob): Promise<string | null> {
  if (!window.isSecureContext || !crypto.subtle) return null
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await piece.arrayBuffer()))
  return btoa(String.fromCharCode(...digest))
}

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))
