import {
  type Clock,
  type Delta,
  type Entry,
  isSyncError,
  SourceError,
  type SyncError,
} from "@headwater/core"
import {
  decodeErrorBody,
  decodeFrame,
  type Frame,
  HEARTBEAT_MS,
  HEARTBEATS_MISSED_MAX,
  type ValueKind,
} from "@headwater/protocol"
import { ERROR_CHARACTERS_MAX, EVENT_CHARACTERS_MAX } from "../connection.ts"
import { eventParser } from "../event-parser.ts"
import { onAbort } from "../wait.ts"
import { AccessError } from "./access-error.ts"
import { rawValues } from "./raw-values.ts"

/** A frame of a stream, with values as bytes. */
export type HubFrame =
  | Exclude<Frame, { type: "snapshot" | "delta" }>
  | { readonly type: "snapshot"; readonly entries: readonly Entry[] }
  | { readonly type: "delta"; readonly deltas: readonly Delta[]; readonly id?: string }

/** How to reach a hub. */
export interface HubLink {
  /** Where the topic is: `http://127.0.0.1:8080/v1/topics/t`. */
  readonly url: URL
  readonly headers: (signal: AbortSignal) => Promise<Record<string, string>>
  readonly fetch: typeof globalThis.fetch
  readonly clock: Pick<Clock, "after">
}

/**
 * Reads a stream, frame by frame, no faster than it is asked for. Ends with the stream.
 *
 * @param since a position as text; absent for a snapshot.
 * @throws {SourceError} it cannot be had, is unreadable, or is silent for three heartbeats.
 */
export async function* hubFrames(
  { url, headers, fetch, clock }: HubLink,
  since: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<HubFrame, void, undefined> {
  signal.throwIfAborted()
  const attempt = new AbortController()
  const letGo = onAbort(signal, () => attempt.abort(signal.reason))
  const frames: HubFrame[] = []
  let values: ValueKind = "json"
  let silenceMs = HEARTBEAT_MS * HEARTBEATS_MISSED_MAX
  const feed = eventParser(
    (event, data, id) => {
      const frame = decodeFrame(event, data, id)
      if (frame?.type === "hello") {
        values = frame.values
        silenceMs = Math.max(1_000, frame.heartbeatMs) * HEARTBEATS_MISSED_MAX
      }
      if (frame) frames.push(hubFrameOf(frame, data, values))
    },
    () => {},
    EVENT_CHARACTERS_MAX,
  )
  // What is out for too long is given up. Time in which nobody asks for more does not count.
  const soon = async <Result>(answer: Promise<Result>): Promise<Result> => {
    const silent = () => attempt.abort(new SourceError(`no word for ${silenceMs} ms`))
    const stopTimer = clock.after(silenceMs, silent)
    try {
      return await answer
    } finally {
      stopTimer()
    }
  }
  try {
    const target = new URL(`${url}/stream`)
    if (since) target.searchParams.set("since", since)
    const own = { accept: "text/event-stream", ...(await headers(attempt.signal)) }
    const response = await soon(fetch(target, { headers: own, signal: attempt.signal }))
    const reader = response.body?.getReader()
    onAbort(attempt.signal, () => {
      reader?.cancel().catch(() => {})
    })
    const type = response.headers.get("content-type")
    const isStream = response.status === 200 && type?.startsWith("text/event-stream")
    const decoder = new TextDecoder()
    let text = ""
    while (text.length < ERROR_CHARACTERS_MAX) {
      const chunk = await soon(Promise.resolve(reader?.read()))
      attempt.signal.throwIfAborted()
      if (!chunk || chunk.done) break
      const part = decoder.decode(chunk.value, { stream: true })
      if (isStream) feed(part)
      else text += part
      yield* frames.splice(0)
    }
    if (!isStream) throw refusal(response.status, text)
  } catch (error) {
    throw failureOf(error, signal, attempt.signal)
  } finally {
    letGo()
    attempt.abort()
  }
}

/** What to throw for what went wrong: the caller's reason, or a `SourceError`. */
export function failureOf(error: unknown, signal: AbortSignal, attempt?: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  const cause = attempt?.aborted ? attempt.reason : error
  if (isSyncError(cause)) return cause
  return new SourceError("the hub cannot be reached", { cause })
}

/** What an answer that is none says, for people. */
export function refusalOf(status: number, text: string): string {
  const body = decodeErrorBody(text)
  return body ? `the hub answered ${body.code}: ${body.message}` : `the hub answered ${status}`
}

/** What to throw for an answer that is none. */
export function refusal(status: number, text: string): SyncError {
  const message = refusalOf(status, text)
  if (status === 401) return new AccessError(message, "ERR_UNAUTHENTICATED")
  return status === 403 ? new AccessError(message, "ERR_FORBIDDEN") : new SourceError(message)
}

function hubFrameOf(frame: Frame, data: string, values: ValueKind): HubFrame {
  if (frame.type !== "snapshot" && frame.type !== "delta") return frame
  const raw =
    values === "json" ? rawValues(data, frame.type === "delta" ? "changes" : "entries") : []
  const bytesAt = (value: unknown, at: number) => bytesOf(raw[at] ?? (value as string), values)
  if (frame.type === "snapshot") {
    const entries = frame.entries.map(({ key, value, revision }, at) => ({
      key,
      value: bytesAt(value, at),
      revision,
    }))
    return { type: "snapshot", entries }
  }
  const deltas = frame.changes.map((change, at): Delta => {
    if (change.op !== "put") return change
    const { op, key, value, revision } = change
    return { op, key, value: bytesAt(value, at), revision }
  })
  return { type: "delta", deltas, ...(frame.id && { id: frame.id }) }
}

const utf8 = new TextEncoder()

function bytesOf(text: string, values: ValueKind): Uint8Array {
  if (typeof text !== "string") throw new SourceError(`a value that is not ${values}`)
  if (values !== "binary") return utf8.encode(text)
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
