import {
  AccessError,
  type Clock,
  type Delta,
  decodeBase64,
  type Entry,
  encodeUtf8,
  isSyncError,
  SourceError,
} from "@headwater/core"
import { decodeFrame, type Frame, HEARTBEATS_MISSED_MAX, type ValueKind } from "@headwater/protocol"
import { eventParser } from "../event-parser.ts"
import { refusalOf } from "../refusal.ts"
import { ReplicaError } from "../replica-error.ts"
import {
  EVENT_CHARACTERS_MAX,
  StreamProgress,
  type StreamRequest,
  streamText,
} from "../stream-text.ts"
import { rawValues } from "./raw-values.ts"

/** A frame of a stream, with values as bytes. */
export type HubFrame =
  | Exclude<Frame, { type: "snapshot" | "delta" }>
  | { readonly type: "snapshot"; readonly entries: readonly Entry[] }
  | { readonly type: "delta"; readonly deltas: readonly Delta[]; readonly id?: string }

/** The way to a topic of a hub. */
export interface HubContext {
  /** The topic's address: `http://127.0.0.1:8080/v1/topics/t`. */
  readonly url: URL
  readonly headers: (signal: AbortSignal) => Promise<Record<string, string>>
  readonly fetch: typeof globalThis.fetch
  readonly clock: Pick<Clock, "now" | "elapsed" | "after">
}

/**
 * Reads the topic's stream, frame by frame, no faster than it is asked for. Ends with the stream.
 *
 * @param since a position as text; absent for a snapshot.
 * @throws {SourceError} the hub cannot be reached, refused, is unreadable, or is silent for three
 *   heartbeats.
 */
export async function* hubFrames(
  context: HubContext,
  since: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<HubFrame, void, undefined> {
  signal.throwIfAborted()
  const url = new URL(`${context.url}/stream`)
  if (since) url.searchParams.set("since", since)
  try {
    yield* streamFrames({ ...context, url }, new StreamProgress(), signal)
  } catch (error) {
    throw failureOf(error, signal)
  }
}

/**
 * Reads one stream, frame by frame, with the bytes of its values as the hub has them.
 *
 * @param request its `url` is the stream's, with the query.
 * @param progress gets the times that the hub asked for.
 * @throws {ReplicaError} the hub cannot be reached, refused, or is silent for three heartbeats.
 * @throws {FrameError} the stream cannot be read.
 */
export async function* streamFrames(
  request: StreamRequest,
  progress: StreamProgress,
  signal: AbortSignal,
): AsyncGenerator<HubFrame, void, undefined> {
  const frames: HubFrame[] = []
  let values: ValueKind = "json"
  const feed = eventParser(
    (event, data, id) => {
      const frame = decodeFrame(event, data, id)
      if (frame?.type === "hello") {
        values = frame.values
        progress.silenceMs = frame.heartbeatMs * HEARTBEATS_MISSED_MAX
      }
      if (frame) frames.push(hubFrameOf(frame, data, values))
    },
    (retryMs) => {
      progress.retryMs = retryMs
    },
    EVENT_CHARACTERS_MAX,
  )
  const headers = async (signal: AbortSignal) => ({
    accept: "text/event-stream",
    ...(await request.headers(signal)),
  })
  for await (const piece of streamText({ ...request, headers }, progress, signal)) {
    feed(piece)
    yield* frames.splice(0)
  }
}

/** Makes the error to throw for a failure: the caller's own reason, or one of a `Source`. */
export function failureOf(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (!(error instanceof ReplicaError)) {
    return isSyncError(error)
      ? error
      : new SourceError("the hub cannot be reached", { cause: error })
  }
  const { code, message, cause } = error
  if (code === "ERR_UNAUTHENTICATED" || code === "ERR_FORBIDDEN") {
    return new AccessError(message, code, { cause })
  }
  return new SourceError(message, { cause })
}

/** Makes the error to throw for an answer other than the one asked for. */
export function refusal(url: URL, status: number, text: string): ReplicaError {
  const [message, ...rest] = refusalOf(status, text)
  return new ReplicaError(`${url.origin + url.pathname} ${message}`, ...rest)
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

function bytesOf(text: string, values: ValueKind): Uint8Array {
  if (typeof text !== "string") throw new SourceError(`the hub sent a value that is not ${values}`)
  if (values !== "binary") return encodeUtf8(text)
  return decodeBase64(text)
}
