import { type Clock, onAbort, type Recovery, type SyncErrorCode } from "@headwater/core"
import { HEARTBEAT_MS, HEARTBEATS_MISSED_MAX } from "@headwater/protocol"
import { refusalOf } from "./refusal.ts"
import { ReplicaError } from "./replica-error.ts"

/** One request for a stream. */
export interface StreamRequest {
  readonly url: URL
  /** Makes the headers: the reader's token, and the id from which to resume. */
  readonly headers: (signal: AbortSignal) => Promise<Readonly<Record<string, string>>>
  readonly fetch: typeof globalThis.fetch
  readonly credentials?: RequestCredentials | undefined
  readonly clock: Pick<Clock, "now" | "elapsed" | "after">
}

/** The progress of one stream. The caller reads it, and sets `silenceMs`. */
export class StreamProgress {
  /** The longest silence of a link that works. Set from the heartbeat that `hello` names. */
  silenceMs = HEARTBEAT_MS * HEARTBEATS_MISSED_MAX
  /** The wait that the hub asked for by `Retry-After`, ms. The caller adds `retry:`. */
  retryMs = 0
  /** When the last bytes came, as `clock.elapsed()`. */
  heardAt = 0
}

/**
 * Most characters of one event: an entry of 1 MiB, escaped six-fold, fits twice. Beyond it the link
 * is cut, so that a hub cannot fill a reader's memory with one line.
 */
export const EVENT_CHARACTERS_MAX = 16_777_216

/** Most characters that are read of an answer other than a stream. */
const ERROR_CHARACTERS_MAX = 4_096

/**
 * Reads one stream to its end, as text in the pieces that come, no faster than it is asked for.
 *
 * Silence is a dead link, also before the answer begins; time in which the caller asks for nothing
 * is none. Any other answer than a stream has as long for all of it. Nothing is left open, however
 * the stream ends.
 *
 * @param signal ends the stream with its reason.
 * @throws {ReplicaError} the hub cannot be reached, fell silent, or refused.
 */
export async function* streamText(
  { url, headers: headersOf, fetch, clock, credentials }: StreamRequest,
  progress: StreamProgress,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const attempt = new AbortController()
  const letGo = onAbort(signal, () => attempt.abort(signal.reason))
  const failure = (message: string, ...rest: [SyncErrorCode?, Recovery?, ErrorOptions?]) =>
    new ReplicaError(`${url.origin + url.pathname} ${message}`, ...rest)
  const soon = async <Result>(answer: Promise<Result>): Promise<Result> => {
    const { silenceMs } = progress
    const stopTimer = clock.after(silenceMs, () =>
      attempt.abort(failure(`sent nothing for ${silenceMs} ms`, "ERR_TIMEOUT")),
    )
    try {
      return await answer
    } finally {
      stopTimer()
    }
  }

  try {
    // No timer yet: for a token, a person may have to type a password.
    const headers = await headersOf(attempt.signal)
    attempt.signal.throwIfAborted()
    const init = { headers, cache: "no-store", signal: attempt.signal, credentials } as RequestInit
    const response = await soon(fetch(url, init)).catch((cause) => {
      throw failure("cannot be reached", undefined, undefined, { cause })
    })
    progress.retryMs = retryAfterMs(response.headers, clock.now())
    const { status, body } = response
    const reader = body?.getReader()
    // A `fetch` that the caller passed in may not pass the signal on to the body.
    onAbort(attempt.signal, () => {
      reader?.cancel().catch(() => {})
    })
    const decoder = new TextDecoder()
    const next = async () => {
      const chunk = await reader?.read()
      attempt.signal.throwIfAborted()
      return chunk?.value && decoder.decode(chunk.value, { stream: true })
    }
    const type = response.headers.get("content-type")
    if (status !== 200 || !type?.startsWith("text/event-stream")) {
      throw failure(...refusalOf(status, await soon(startOf(next))))
    }
    for (let piece = await soon(next()); piece !== undefined; piece = await soon(next())) {
      progress.heardAt = clock.elapsed()
      yield piece
    }
  } catch (error) {
    attempt.signal.throwIfAborted()
    throw error
  } finally {
    letGo()
    attempt.abort()
  }
}

async function startOf(next: () => Promise<string | undefined>): Promise<string> {
  let text = ""
  for (let piece = await next(); piece !== undefined; piece = await next()) {
    text += piece
    if (text.length > ERROR_CHARACTERS_MAX) break
  }
  return text
}

// In seconds, or as a date by the clock of the server that answers.
function retryAfterMs(headers: Headers, now: number): number {
  const text = headers.get("retry-after")!
  const dateMs = Date.parse(text) - (Date.parse(headers.get("date")!) || now)
  return Math.max(0, +text * 1_000 || dateMs || 0)
}
