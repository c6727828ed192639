import {
  type Change,
  type Clock,
  ClosedError,
  type Commit,
  FrameError,
  type InvalidEntry,
  LinkedAbort,
  type Revision,
  type WatchEvent,
} from "@headwater/core"
import { errorOfReason } from "./call-failure.ts"
import { type EpochMarker, idOf, type Mark } from "./epoch-marker.ts"
import type { Gateway } from "./gateway.ts"
import { readLines } from "./json-lines.ts"
import type { KeySpace } from "./key-space.ts"
import { revisionOf, type WatchAnswer, type WatchEventMessage, type WatchLine } from "./messages.ts"
import { answersOf } from "./watch-answers.ts"

/** The parts of a source that a watch uses. */
export interface WatchContext {
  readonly gateway: Gateway
  readonly keys: KeySpace
  readonly clock: Clock
  /** Followed beside the entries, where there is one. */
  readonly marker: EpochMarker | undefined
  /** The cluster that answered when it was asked who it is; `undefined` when it never was. */
  readonly clusterId: () => string | undefined
}

/**
 * Silence after which a watch is opened anew from where it stands, in ms. Node's `fetch` kills a
 * body after 300 s of silence, and etcd reports progress every 10 min by default.
 */
const RECYCLE_MS = 240_000

/**
 * Longest answer that is taken, in one line. One that catches up holds a thousand revisions,
 * however many keys each of them wrote.
 */
const LINE_CHARS_MAX = 64 * 1_048_576

/** The entries' watch is the first of its stream, whose id is left out. */
const MARKER_WATCH = "1"

/**
 * Yields every commit of a range from a revision on; see `Source.watch`.
 *
 * Asks for fragments, of 1.5 MiB by default, only where an answer was too long to be taken whole:
 * etcd 3.4 measures a fragment anew for each event that it puts in, which takes 1.5 s for 10,000.
 *
 * Decision: docs/decisions/sources.md, “A watch of etcd begins one revision early”.
 */
export async function* watchEtcd(
  context: WatchContext,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { gateway, clock, marker } = context
  const reader = new AnswerReader(context, from)
  let epochId: string | undefined
  let fragment = false
  for (let recycled = true; recycled; ) {
    recycled = false
    const link = new LinkedAbort(signal)
    const recycle = () => {
      recycled = true
      link.abort()
    }
    let cancel = clock.after(RECYCLE_MS, recycle)
    try {
      const mark = await marker?.read(link.signal)
      epochId ??= mark?.id
      if (mark?.id !== epochId) {
        yield REPLACED
        return
      }
      const requests = requestsOf(context, reader.next, mark, fragment)
      const lines = gateway.stream("/v3/watch", requests, link.signal, (body) =>
        readLines(body, LINE_CHARS_MAX, link.signal),
      )
      for await (const line of lines) {
        cancel()
        for (const answer of answersOf(line)) {
          const events =
            answer.result?.watch_id === MARKER_WATCH
              ? await readMarker(context, epochId, answer.result, link.signal)
              : reader.read(answer)
          for (const event of events) {
            yield event
            if (event.type === "lost") return
          }
          if (answer.result?.fragment) await clock.yield()
        }
        // Only what etcd sent: the requested revision may be one that etcd has never reached.
        if (epochId !== undefined && reader.next > from) marker?.note(epochId, reader.next - 1)
        cancel = clock.after(RECYCLE_MS, recycle)
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ClosedError) throw error
      if (!fragment && (error as Error).cause instanceof FrameError) {
        fragment = true
        recycled = true
      }
      if (!recycled) {
        yield { type: "lost", reason: "closed", error: error as Error }
        return
      }
    } finally {
      cancel()
      link.unlink()
    }
    reader.restart()
  }
  yield { type: "lost", reason: "closed" }
}

const REPLACED: WatchEvent = { type: "lost", reason: "replaced" }

// Each watch begins one revision before the first that is wanted. etcd accepts a watch from the
// revision that it is compacted to, where deletes are already gone, and omits them; it refuses the
// revision before. The reader drops events that it has had.
//
// Both watches are on one stream, of one member. The marker was read after everything that the
// watch has sent, so its watch begins at that reading, not at the revision of the entries.
function requestsOf(
  { keys, marker }: WatchContext,
  next: Revision,
  mark: Mark | undefined,
  fragment: boolean,
): readonly object[] {
  const start = String(Math.max(1, next - 1))
  const entries = { key: keys.rangeStart, range_end: keys.rangeEnd, start_revision: start }
  const requests = [{ create_request: { ...entries, progress_notify: true, fragment } }]
  if (marker === undefined || mark === undefined) return requests
  const start_revision = String(mark.revision)
  const followed = { key: marker.key64, start_revision, watch_id: MARKER_WATCH }
  return [...requests, { create_request: followed }]
}

/** Follows the marker, and creates it again after a delete: the watch missed nothing meanwhile. */
async function readMarker(
  { marker, clusterId }: WatchContext,
  epochId: string | undefined,
  { header, events = [], canceled, cancel_reason }: WatchAnswer,
  signal: AbortSignal,
): Promise<readonly WatchEvent[]> {
  const expected = clusterId()
  if (expected !== undefined && header.cluster_id !== expected) return [REPLACED]
  if (canceled) return [closed(cancel_reason ?? "etcd ended the watch of the marker")]
  if (events.some(({ type, kv }) => type !== "DELETE" && idOf([kv]) !== epochId)) return [REPLACED]
  if (events.at(-1)?.type !== "DELETE" || epochId === undefined) return []
  const standing = await marker?.putBack(epochId, signal)
  return standing?.id === epochId ? [] : [REPLACED]
}

/**
 * Makes commits of a watch's answers.
 *
 * etcd never splits a revision over two answers, but an answer may come in fragments, all but the
 * last marked so. The reader yields whole commits: the last commit of a fragment waits for the next
 * fragment.
 */
class AnswerReader {
  /** The lowest revision that has not been read. */
  next: Revision
  readonly #context: WatchContext
  /** Of a revision that the next fragment may have more of. */
  #waiting: readonly WatchEventMessage[] = []

  constructor(context: WatchContext, from: Revision) {
    this.#context = context
    this.next = from
  }

  /** Forgets the part of an answer whose rest was cut off. */
  restart(): void {
    this.#waiting = []
  }

  read({ result, error }: WatchLine): readonly WatchEvent[] {
    if (result === undefined) return [closed(error?.message ?? "an answer without a result")]
    const clusterId = this.#context.clusterId()
    if (clusterId !== undefined && result.header.cluster_id !== clusterId) {
      return [REPLACED]
    }
    if (result.canceled) return [canceled(result)]
    if (result.created) return [this.#created(result)]
    if (result.events === undefined && !result.fragment) return this.#progressed(result)
    const messages = [...this.#waiting, ...(result.events ?? [])]
    const end = result.fragment ? lastRevisionOf(messages) : messages.length
    this.#waiting = messages.slice(end)
    return this.#committed(messages.slice(0, end))
  }

  // Everything before the first revision has been read. An etcd that is below it has gone back, and
  // the progress reports that.
  #created({ header }: WatchAnswer): WatchEvent {
    const revision = Math.min(this.next - 1, revisionOf(header.revision))
    return { type: "progress", revision }
  }

  #progressed({ header }: WatchAnswer): readonly WatchEvent[] {
    const revision = revisionOf(header.revision)
    this.next = Math.max(this.next, revision + 1)
    return [{ type: "progress", revision }]
  }

  #committed(messages: readonly WatchEventMessage[]): readonly WatchEvent[] {
    const commits: Commit[] = []
    const decode = decoderOf(messages)
    for (let start = 0; start < messages.length; ) {
      const revision = revisionOf(messages[start]?.kv.mod_revision)
      let end = start + 1
      while (end < messages.length && revisionOf(messages[end]?.kv.mod_revision) === revision) end++
      if (revision >= this.next) {
        commits.push(this.#commitOf(revision, messages.slice(start, end), decode))
      }
      start = end
    }
    const last = commits.at(-1)
    if (last === undefined) return []
    this.next = last.revision + 1
    return [{ type: "commits", commits }]
  }

  #commitOf(
    revision: Revision,
    messages: readonly WatchEventMessage[],
    decode: (base64: string) => Uint8Array,
  ): Commit {
    const changes: Change[] = []
    const invalid: InvalidEntry[] = []
    const gone: string[] = []
    for (const { type, kv } of messages) {
      const seen = this.#context.keys.see(decode(kv.key))
      if (seen.type === "key") {
        const { key } = seen
        if (type === "DELETE") changes.push({ op: "delete", key })
        else changes.push({ op: "put", key, value: decode(kv.value ?? "") })
      } else if (seen.type === "invalid") {
        const { key, reason, id } = seen
        if (type === "DELETE") gone.push(id)
        else invalid.push({ key, reason, id })
      }
    }
    return {
      revision,
      changes,
      ...(invalid.length > 0 && { invalid }),
      ...(gone.length > 0 && { gone }),
    }
  }
}

// Where the events of the last revision begin.
function lastRevisionOf(messages: readonly WatchEventMessage[]): number {
  const revision = messages.at(-1)?.kv.mod_revision
  let start = messages.length
  while (start > 0 && messages[start - 1]?.kv.mod_revision === revision) start--
  return start
}

// Into one buffer for all: an array that stands alone costs the collector more than its decoding.
function decoderOf(messages: readonly WatchEventMessage[]): (base64: string) => Uint8Array {
  let chars = 0
  for (const { kv } of messages) chars += kv.key.length + (kv.value?.length ?? 0)
  const bytes = new Uint8Array(Math.ceil(chars * 0.75))
  let used = 0
  return (base64) => {
    const binary = atob(base64)
    const own = bytes.subarray(used, used + binary.length)
    for (let index = 0; index < own.length; index++) own[index] = binary.charCodeAt(index)
    used += own.length
    return own
  }
}

function canceled({ compact_revision, cancel_reason }: WatchAnswer): WatchEvent {
  if (revisionOf(compact_revision) > 0) return { type: "lost", reason: "compacted" }
  return closed(cancel_reason ?? "etcd ended the watch")
}

function closed(reason: string): WatchEvent {
  return { type: "lost", reason: "closed", error: errorOfReason(reason) }
}
