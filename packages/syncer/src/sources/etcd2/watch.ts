import {
  type Clock,
  ClosedError,
  type Commit,
  type Revision,
  SourceError,
  type WatchEvent,
} from "@headwater/core"
import { LinkedAbort } from "../../linked-abort.ts"
import type { Directory } from "./directory.ts"
import type { KeysApi } from "./keys-api.ts"
import {
  type AnswerHead,
  type ErrorMessage,
  type EventMessage,
  INDEX_CLEARED,
  isRefusal,
} from "./messages.ts"

/** What a watch of etcd v2 needs. */
export interface WatchContext {
  readonly api: KeysApi
  readonly directory: Directory
  readonly clock: Clock
  /** The cluster that answered when it was asked who it is; `undefined` when it never was. */
  readonly clusterId: () => string | undefined
}

/** A watch that is silent for so long is opened anew: Node's `fetch` kills a body after 300 s. */
const RECYCLE_MS = 240_000

/**
 * Tells every event of a directory from an index on; see `Source.watch`.
 *
 * By `wait=true&stream=true`. etcd looks for `waitIndex` in its history first; where it finds an
 * event there, it tells that one alone and says nothing more on this connection. The head of the
 * answer has the index at which it looked: so an event up to that one ends the connection, and one
 * above it came live, and more follow.
 *
 * Source: etcd's server/etcdserver/api/v2store/watcher_hub.go.
 */
export async function* watchEtcd2(
  context: WatchContext,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { api, clock } = context
  const reader = new EventReader(context, from)
  for (;;) {
    const told = reader.next
    let isRecycled = false
    const link = new LinkedAbort(signal)
    const cancel = clock.after(RECYCLE_MS, () => {
      isRecycled = true
      link.abort()
    })
    try {
      const path = pathOf(context, reader.next)
      for await (const event of api.wait(path, link.signal, (head, lines) =>
        reader.read(head, lines),
      )) {
        yield event
        if (event.type === "lost") return
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ClosedError) throw error
      if (!isRecycled) {
        yield { type: "lost", reason: "closed", error: error as Error }
        return
      }
    } finally {
      cancel()
      link.unlink()
    }
    if (reader.next === told && !isRecycled) {
      yield { type: "lost", reason: "closed" }
      return
    }
  }
}

function pathOf({ directory }: WatchContext, next: Revision): string {
  return `${directory.path}?wait=true&recursive=true&stream=true&waitIndex=${next}`
}

/** Makes commits of events: each has an index of its own. */
class EventReader {
  /** The lowest revision that was not told. */
  next: Revision
  readonly #context: WatchContext

  constructor(context: WatchContext, from: Revision) {
    this.#context = context
    this.next = from
  }

  /** One connection: ends after an event of the past, when another one may tell more. */
  async *read(head: AnswerHead, lines: AsyncGenerator<string>): AsyncGenerator<WatchEvent> {
    const clusterId = this.#context.clusterId()
    if (clusterId !== undefined && head.clusterId !== clusterId) {
      yield { type: "lost", reason: "replaced" }
      return
    }
    // Of what was told before, etcd may know less: then it went back, and that is said as it is.
    const opened: WatchEvent = {
      type: "progress",
      revision: Math.min(this.next - 1, head.index),
    }
    if (head.index > 0) yield opened
    for await (const line of lines) {
      const message = parse(line)
      if (isRefusal(message)) {
        yield refused(message)
        return
      }
      const event = this.#commitOf(message)
      yield event
      if (event.type === "lost") return
      // One of the past, which is the last on this connection.
      if (this.next <= head.index + 1) return
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
    throw new SourceError("etcd said what is not JSON", { cause: error })
  }
}

function refused({ errorCode, message, cause }: ErrorMessage): WatchEvent {
  if (errorCode === INDEX_CLEARED) return { type: "lost", reason: "compacted" }
  return lostTo(`etcd refused a watch: ${errorCode} ${message ?? ""} ${cause ?? ""}`)
}

function lostTo(reason: string): WatchEvent {
  return { type: "lost", reason: "closed", error: new SourceError(reason) }
}
