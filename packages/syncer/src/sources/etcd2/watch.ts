import {
  type Clock,
  ClosedError,
  type Commit,
  LinkedAbort,
  type Revision,
  SourceError,
  type WatchEvent,
} from "@headwater/core"
import type { Directory } from "./directory.ts"
import type { KeysApi } from "./keys-api.ts"
import {
  type AnswerHead,
  type ErrorMessage,
  type EventMessage,
  INDEX_CLEARED,
  isRefusal,
} from "./messages.ts"

/** The parts of a source that a watch of etcd v2 uses. */
export interface WatchContext {
  readonly api: KeysApi
  readonly directory: Directory
  readonly clock: Clock
  /** The cluster that answered when it was asked who it is; `undefined` when it never was. */
  readonly clusterId: () => string | undefined
  /** See `Etcd2Options`. */
  readonly catchUpMs: number
}

/** A watch that is silent for so long is opened anew: Node's `fetch` kills a body after 300 s. */
const RECYCLE_MS = 240_000

/**
 * Yields every event of a directory from an index on; see `Source.watch`.
 *
 * Uses `wait=true&stream=true`. etcd first looks for `waitIndex` in its history. If it finds an
 * event there, it sends that event alone and then nothing more on this connection. The head of the
 * answer has the index at which etcd looked. An event up to that index therefore ends the
 * connection; an event above it came live, and more follow.
 *
 * One round trip per event could let a watch that is behind fall back further. With its first event
 * of the past, the watch therefore opens a second connection from the present (without
 * `waitIndex`), which buffers new events. The number of events in between is then finite. If they
 * take longer than `catchUpMs`, the watch is `lost` as `compacted`, and the directory is listed,
 * which is one request.
 *
 * Source: etcd's server/etcdserver/api/v2store/watcher_hub.go.
 *
 * Decision: docs/decisions/sources.md, “One stream watches etcd v2”.
 */
export async function* watchEtcd2(
  context: WatchContext,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { clock, catchUpMs } = context
  const reader = new EventReader(context, from)
  let present: Connection | undefined
  let behindSince: number | undefined
  try {
    for (;;) {
      const read = reader.next
      let connection: Connection | undefined
      try {
        if (present !== undefined && present.head.index < reader.next) {
          connection = present
          present = undefined
        } else connection = await connect(context, reader.next, signal)
        for await (const event of reader.read(connection)) {
          yield event
          if (event.type === "lost") return
        }
        behindSince = reader.isBehind ? (behindSince ?? clock.elapsed()) : undefined
        if (behindSince !== undefined) {
          const isFar = clock.elapsed() - behindSince > catchUpMs
          if (isFar) return yield { type: "lost", reason: "compacted" }
          present ??= await connect(context, undefined, signal)
        }
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof ClosedError) throw error
        if (!connection?.isRecycled) return yield closedBy(error as Error)
      } finally {
        await connection?.close()
      }
      if (reader.next === read && !connection.isRecycled) return yield closedBy(undefined)
    }
  } finally {
    await present?.close()
  }
}

/** A request for events after the head of its answer has arrived. */
interface Connection {
  readonly head: AnswerHead
  /** True when it waits for events without a look at the history. */
  readonly isOfPresent: boolean
  readonly lines: AsyncIterable<string>
  /** True when it ended because it had been open for long. */
  readonly isRecycled: boolean
  close(): Promise<void>
}

async function connect(
  { api, clock, directory }: WatchContext,
  next: Revision | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const link = new LinkedAbort(signal)
  link.abortAfter(clock, RECYCLE_MS)
  const since = next === undefined ? "" : `&waitIndex=${next}`
  const path = `${directory.path}?wait=true&recursive=true&stream=true${since}`
  const parts = api.wait(path, link.signal, async function* (head, lines) {
    yield head
    yield* lines
  })
  const close = async () => {
    await parts.return(undefined).catch(() => {})
    link.abort()
  }
  try {
    const { value: head } = await parts.next()
    return {
      head: head as AnswerHead,
      isOfPresent: next === undefined,
      lines: parts as AsyncGenerator<string>,
      get isRecycled() {
        return link.isLate
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Makes commits of events: each has an index of its own. */
class EventReader {
  /** The lowest revision that was not read. */
  next: Revision
  /** True when the last event was one of the past. */
  isBehind = false
  readonly #context: WatchContext

  constructor(context: WatchContext, from: Revision) {
    this.#context = context
    this.next = from
  }

  /** One connection: ends after an event of the past, when another one may tell more. */
  async *read({ head, isOfPresent, lines }: Connection): AsyncGenerator<WatchEvent> {
    this.isBehind = false
    const clusterId = this.#context.clusterId()
    if (clusterId !== undefined && head.clusterId !== clusterId) {
      yield { type: "lost", reason: "replaced" }
      return
    }
    // Of what was read before, etcd may know less: then it went back, and that is said as it is.
    const known = isOfPresent ? this.next - 1 : Math.min(this.next - 1, head.index)
    if (head.index > 0) yield { type: "progress", revision: known }
    for await (const line of lines) {
      const message = parse(line)
      if (isRefusal(message)) {
        yield refused(message)
        return
      }
      // Told already, as an event of the past.
      if (isOfPresent && (message.node.modifiedIndex ?? 0) < this.next) continue
      const event = this.#commitOf(message)
      yield event
      if (event.type === "lost") return
      // One of the past, which is the last on this connection.
      this.isBehind = this.next <= head.index + 1
      if (this.isBehind) return
    }
  }

  #commitOf(message: EventMessage): WatchEvent {
    const revision = message.node.modifiedIndex ?? 0
    if (revision < this.next) return lostTo(`etcd tells ${revision} where ${this.next} is next`)
    const effect = this.#context.directory.read(message)
    const commit: Commit = {
      revision,
      changes: effect.type === "change" ? [effect.change] : [],
      ...(effect.type === "clear" && { directories: [effect.directory] }),
      ...(effect.type === "invalid" && { invalid: [effect.entry] }),
      ...(effect.type === "gone" && { gone: [effect.id] }),
    }
    this.next = revision + 1
    return { type: "commits", commits: [commit] }
  }
}

function parse(line: string): EventMessage | ErrorMessage {
  try {
    return JSON.parse(line) as EventMessage | ErrorMessage
  } catch (error) {
    throw new SourceError("etcd sent a line that is not JSON", { cause: error })
  }
}

function refused({ errorCode, message, cause }: ErrorMessage): WatchEvent {
  if (errorCode === INDEX_CLEARED) return { type: "lost", reason: "compacted" }
  return lostTo(`etcd refused a watch: ${errorCode} ${message ?? ""} ${cause ?? ""}`)
}

function lostTo(reason: string): WatchEvent {
  return closedBy(new SourceError(reason))
}

function closedBy(error: Error | undefined): WatchEvent {
  return { type: "lost", reason: "closed", ...(error && { error }) }
}
