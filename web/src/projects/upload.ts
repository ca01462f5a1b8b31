/** Resumable uploads (the tus protocol): pieces of 8 MB, each repeated where the network fails, taken up again after a reload. */
const PIECE = 8 << 20
const TUS = { 'Tus-Resumable': '1.0.0' }
const WAITS = [500, 1500, 4000, 8000]

export async function upload(
  file: Blob,
  name: string,
  told: (sent: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const memory = `assay-upload:${name}:${file.size}:${file instanceof File ? file.lastModified : 0}`
  let place = localStorage.getItem(memory)
  let sent = place ? await offset(place, signal) : -1
  if (!place || sent < 0) {
    const made = await again(
      () =>
        fetch('/api/v1/uploads', {
          method: 'POST',
          signal,
          credentials: 'same-origin',
          headers: { ...TUS, 'Upload-Length': String(file.size), 'Upload-Metadata': `filename ${base64(name)}` },
        }),
      signal,
    )
    const location = made.headers.get('Location')
    if (!location) throw new Error('The server did not say where to send the file.')
    place = new URL(location, window.location.href).pathname
    localStorage.setItem(memory, place)
    sent = 0
  }
  const there = place
  told(sent)
  while (sent < file.size) {
    const from = sent
    const answer = await again(
      async () => {
        // after a failure the server knows best how much arrived
        const at = from === sent ? from : sent
        return fetch(there, {
          method: 'PATCH',
          signal,
          credentials: 'same-origin',
          headers: { ...TUS, 'Upload-Offset': String(at), 'Content-Type': 'application/offset+octet-stream' },
          body: file.slice(at, at + PIECE),
        })
      },
      signal,
      async () => {
        sent = Math.max(0, await offset(there, signal))
      },
    )
    sent = Number(answer.headers.get('Upload-Offset') ?? Math.min(file.size, sent + PIECE))
    told(sent)
  }
  localStorage.removeItem(memory)
  return there.replace(/\/$/, '').split('/').pop()!
}

/** How much of an upload has arrived; -1 where it is unknown there. */
async function offset(place: string, signal: AbortSignal): Promise<number> {
  const answer = await fetch(place, { method: 'HEAD', headers: TUS, credentials: 'same-origin', signal })
  return answer.ok ? Number(answer.headers.get('Upload-Offset') ?? 0) : -1
}

async function again(
  ask: () => Promise<Response>,
  signal: AbortSignal,
  before?: () => Promise<void>,
): Promise<Response> {
  for (let turn = 0; ; turn++) {
    try {
      const answer = await ask()
      if (answer.ok) return answer
      if (answer.status < 500 && answer.status !== 409 && answer.status !== 423) throw new Refusal(await said(answer))
      if (turn === WAITS.length) throw new Refusal(await said(answer))
    } catch (error) {
      if (signal.aborted || error instanceof Refusal || turn === WAITS.length) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, WAITS[turn]))
    await before?.().catch(() => undefined)
  }
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

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))
