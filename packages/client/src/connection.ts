import type { Clock, SyncErrorCode } from "@headwater/core"
import {
  decodeErrorBody,
  decodeFrame,
  type Frame,
  HEARTBEAT_MS,
  HEARTBEATS_MISSED_MAX,
} from "@headwater/protocol"
import { eventParser } from "./event-parser.ts"
import { ReplicaError } from "./replica-error.ts"
import { onAbort } from "./wait.ts"

/** One request for a stream. */
export interface StreamRequest {
  readonly url: URL
  /** Says who asks, and from where to resume. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>
  readonly fetch: typeof globalThis.fetch
  readonly clock: Pick<Clock, "after" | "elapsed">
}

/** Every stream ends, and every end has a reason; its `recovery`, if it has one, says what now. */
export interface Ending {
  readonly error: Error
  /** The last `retry:` or `Retry-After`, milliseconds. */
  readonly retryMs: number | undefined
}

/**
 * Most characters of one event: an entry of 1 MiB, escaped six-fold, fits twice. Beyond it the link
 * is cut, so that a hub cannot fill a reader's memory with one line.
 */
export const EVENT_CHARACTERS_MAX = 16_777_216

/** Most characters that are read of an answer that is no stream. */
export const ERROR_CHARACTERS_MAX = 4_096

/**
 * Follows one stream to its end.
 *
 * Silence of three heartbeats is a dead link, also before the answer begins; an answer that is no
 * stream has as long for all of it. Nothing is left open, however it ends. Never rejects.
 *
 * @param onFrame takes each frame. What it throws ends the stream, and is the reason.
 * @param signal ends the stream; its reason is the reason.
 */
export async function followStream(
  { url, headers: headersOf, fetch, clock }: StreamRequest,
  onFrame: (frame: Frame) => void,
  signal: AbortSignal,
): Promise<Ending> {
  const attempt = new AbortController()
  const letGo = onAbort(signal, () => attempt.abort(signal.reason))

  let heard: ReturnType<typeof watch>
  let retryMs: number | undefined
  const onEvent = (event: string, data: string, id: string) => {
    const frame = decodeFrame(event, data, id)
    if (!frame) return
    onFrame(frame)
    if (frame.type === "hello") heard(frame.heartbeatMs)
    if (frame.type !== "goodbye" && frame.type !== "fault") return
    retryMs = frame.retryMs || retryMs
    throw endOf(frame)
  }
  const onRetry = (ms: number) => {
    retryMs = ms
  }
  const feed = eventParser(onEvent, onRetry, EVENT_CHARACTERS_MAX)

  try {
    // A token may take its time: somebody may have to type a password.
    const headers = await headersOf()
    heard = watch(clock, attempt)
    const response = await fetch(url, {
      headers,
      cache: "no-store",
      signal: attempt.signal,
    })
    const { status } = response
    retryMs = Number(response.headers.get("retry-after")) * 1_000 || undefined
    const type = response.headers.get("content-type")
    const isStream = status === 200 && type?.startsWith("text/event-stream")
    const reader = response.body?.getReader()
    // A `fetch` that somebody passed in may not pass the signal on to the body.
    onAbort(attempt.signal, () => {
      reader?.cancel().catch(() => {})
    })
    const decoder = new TextDecoder()
    let text = ""
    while (text.length < ERROR_CHARACTERS_MAX) {
      const chunk = await reader?.read()
      attempt.signal.throwIfAborted()
      if (!chunk || chunk.done) break
      const part = decoder.decode(chunk.value, { stream: true })
      if (isStream) {
        heard()
        feed(part)
      } else text += part
    }
    throw isStream ? new ReplicaError("ERR_SOURCE_FAILED") : refusalOf(status, text)
  } catch (error) {
    return { error: attempt.signal.aborted ? attempt.signal.reason : error, retryMs }
  } finally {
    letGo()
    attempt.abort()
  }
}

// Aborts when nothing was heard for three heartbeats; over when aborted.
function watch(clock: StreamRequest["clock"], attempt: AbortController): (ms?: number) => void {
  let heardAt = clock.elapsed()
  let silenceMs = HEARTBEAT_MS * HEARTBEATS_MISSED_MAX
  let cancel = () => {}
  const look = () => {
    const leftMs = heardAt + silenceMs - clock.elapsed()
    // One timer, moved on when it falls due: setting one for every chunk would cost more.
    if (leftMs > 0) cancel = clock.after(leftMs, look)
    else attempt.abort(new ReplicaError("ERR_TIMEOUT"))
  }
  look()
  onAbort(attempt.signal, () => cancel())
  return (heartbeatMs) => {
    heardAt = clock.elapsed()
    if (heartbeatMs === undefined) return
    silenceMs = Math.max(1_000, heartbeatMs) * HEARTBEATS_MISSED_MAX
    cancel()
    look()
  }
}

function endOf(frame: Extract<Frame, { type: "goodbye" | "fault" }>): ReplicaError {
  if (frame.type === "fault") return new ReplicaError(frame.code, frame.retry)
  const isAuth = frame.reason === "auth-changed"
  return new ReplicaError(isAuth ? "ERR_UNAUTHENTICATED" : "ERR_CLOSED", "retry", frame.reason)
}

// A hub says "do not come back" with 204, or with one of four statuses and a body of its own. All
// else is an intermediary's.
function refusalOf(status: number, text: string): ReplicaError {
  const body = decodeErrorBody(text)
  const isFinal = status === 204 || (body && [400, 401, 403, 404].includes(status))
  const code = (body?.code ?? "ERR_SOURCE_FAILED") as SyncErrorCode
  return new ReplicaError(
    status === 401 ? "ERR_UNAUTHENTICATED" : code,
    isFinal ? "stop" : "retry",
    `answered ${status}`,
  )
}
