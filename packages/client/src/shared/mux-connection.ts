import { eventParser } from "../event-parser.ts"
import { EVENT_CHARACTERS_MAX } from "../stream-text.ts"
import type { MuxView } from "./mux-view.ts"

/** A comment shows each view that the hub is there at most this often: half a heartbeat. */
const BEAT_MS = 2_000

/** Statuses of a hub that does not know `/v1/stream`, or of a proxy that refuses it. */
const UNKNOWN: ReadonlySet<number> = new Set([400, 404, 405, 501])

/**
 * One request for one or more views, and the frames that come of it. One view alone is asked for by
 * its own `GET`, as any reader does.
 *
 * @returns true where the hub does not know `/v1/stream`.
 */
export async function runMuxConnection(
  views: readonly MuxView[],
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const response = await ask(views, fetch, signal)
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream")
    if (response.status !== 200 || !isStream) {
      if (views.length > 1 && UNKNOWN.has(response.status)) {
        await response.body?.cancel()
        return true
      }
      await refuse(views, response)
      return false
    }
    for (const view of views) view.begin()
    await read(views, response, signal)
    end(views, undefined)
  } catch (error) {
    // The views go on by the next connection.
    if (!signal.aborted) end(views, error)
  }
  return false
}

function end(views: readonly MuxView[], error: unknown): void {
  for (const view of views) if (!view.isOver) view.end(error)
}

function ask(
  views: readonly MuxView[],
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<Response> {
  const [first] = views as [MuxView]
  const { headers: own, credentials } = first.request
  const headers = new Headers({ ...own })
  headers.delete("last-event-id")
  const init: RequestInit = {
    headers,
    cache: "no-store",
    signal,
    ...(credentials && { credentials }),
  }
  if (views.length === 1) {
    if (first.id) headers.set("last-event-id", first.id)
    return fetch(first.url, init)
  }
  headers.set("content-type", "application/json")
  const url = new URL(first.url)
  url.pathname = url.pathname.replace(/\/topics\/[^/]+\/stream$/, "/stream")
  url.search = ""
  const body = JSON.stringify({ views: views.map((view) => view.named) })
  return fetch(url, { ...init, method: "POST", body })
}

// What the hub says of all views: those that go on already end, and come back to hear it.
async function refuse(views: readonly MuxView[], response: Response): Promise<void> {
  const { status, headers } = response
  const text = await response.text()
  for (const view of views) {
    const body = status === 204 ? null : text
    if (view.isAnswered) view.end()
    else view.answerBy(Promise.resolve(new Response(body, { status, headers })))
  }
}

async function read(
  views: readonly MuxView[],
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const decoder = new TextDecoder()
  const feed = eventParser(
    (type, data, id) => {
      if (views.length === 1) return views[0]!.take(type, data, id)
      const frame = frameOf(data)
      views[frame.n]?.take(type, frame.data, frame.id)
    },
    (retryMs) => {
      for (const view of views) view.push(`retry: ${retryMs}\n\n`)
    },
    EVENT_CHARACTERS_MAX,
  )
  const reader = response.body!.getReader()
  let beatAt = performance.now()
  for (;;) {
    const { done, value } = await reader.read()
    signal.throwIfAborted()
    if (done) return
    feed(decoder.decode(value, { stream: true }))
    if (performance.now() - beatAt < BEAT_MS) continue
    beatAt = performance.now()
    for (const view of views) view.push(":\n\n")
  }
}

// The members as hubs write them: the data of a large frame is cut out, and parsed once, by the
// replica.
const LABELLED =
  /^\{"n":(\d+),"topic":"[^"\\]*","view":"[^"\\]*"(?:,"id":"([^"\\]*)")?,"data":(.*)\}$/s

/** A frame of a multiplexed stream: its view, its id, and the text of its data. */
export function frameOf(text: string): { readonly n: number; readonly id: string; data: string } {
  const [, n, id = "", data] = LABELLED.exec(text) ?? []
  if (data !== undefined) return { n: Number(n), id, data }
  const frame = JSON.parse(text)
  return { n: frame.n, id: frame.id ?? "", data: JSON.stringify(frame.data) }
}
