import type { Clock, Position } from "@headwater/core"
import type { Frame } from "@headwater/protocol"
import type { ReplicaEntry } from "./snapshot.ts"

/** The way to a hub, for the code that runs the link and the code that writes through it. */
export interface Link {
  /** The streams', the one in use first. Changed in place by the code that runs the link. */
  readonly urls: URL[]
  readonly token?: string | TokenSource | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly credentials?: RequestCredentials | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
  readonly random?: (() => number) | undefined
  readonly store?: ReplicaStore | undefined
}

/** Keeps a replica beyond its process. Opaque here: see `@headwater/client/store`. */
export interface ReplicaStore {
  /**
   * Called once, before the first request, with the replica to fill and to follow, and the first
   * URL, which stands for the topic and its filters. The first request waits until this resolves,
   * with a function that is called, and waited for, when the replica is closed.
   */
  readonly attach: (
    replica: Storable,
    url: URL,
    signal: AbortSignal,
  ) => Promise<() => Promise<void>>
}

/** A replica as a store sees it. */
export interface Storable {
  /** Its entries. */
  readonly snapshot: { entries(): IterableIterator<ReplicaEntry> }
  /** `resume` is the id from which the next stream will be resumed. */
  readonly state: { readonly position: Position | undefined; resume: string }
  /** Called after every step, when set: also after a step that no consumer sees. */
  onStep?: (() => void) | undefined
  /** Takes a frame as of a stream: a stored state comes in as a snapshot. */
  take(frame: Frame, isTolerant: boolean, now: number): unknown
}

/** Gives a token when there is none. `expired` is the one that the hub no longer takes, if any. */
export type TokenSource = (
  expired: string | undefined,
  signal: AbortSignal,
) => string | Promise<string>

/** The part of a clock that a client needs; `@headwater/core`'s `Clock` is one. */
export type ClientClock = Pick<Clock, "now" | "elapsed" | "after">
