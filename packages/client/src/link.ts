import type { Clock, Position } from "@headwater/core"
import type { Replica } from "./replica.ts"
import type { ReplicaEntry } from "./snapshot.ts"

/** How a replica reaches its hub, for who writes through it. */
export interface Link {
  /** The streams', the one in use first. Changed in place by who runs the link. */
  readonly urls: readonly URL[]
  readonly token?: string | TokenSource | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
}

/** What keeps a replica beyond its process. Opaque here: see `@headwater/client/store`. */
export interface ReplicaStore {
  /**
   * Called once, before the first request, with what can be filled and followed. Resolves when that
   * may begin; with what is called, and waited for, when the replica is closed.
   */
  readonly attach: (stored: Storable, signal: AbortSignal) => Promise<() => Promise<void>>
}

/** A replica as a store sees it. */
export interface Storable {
  /** What was asked for; the first URL stands for the topic and its filters. */
  readonly url: URL
  readonly replica: Pick<Replica, "entries" | "position" | "digest" | "size"> & {
    /** The id from which the next stream would be resumed. */
    readonly resume: string
    /** Called after every step, when set: also after one that no consumer hears of. */
    onStep?: (() => void) | undefined
    /** Makes this what is held, before the first request. */
    restore(entries: Iterable<ReplicaEntry<never>>, position: Position, resume: string): void
  }
}

/** Gives a token when none is held. `expired` is the one that the hub no longer takes, if any. */
export type TokenSource = (
  expired: string | undefined,
  signal: AbortSignal,
) => string | Promise<string>

/** What a client needs of a clock; `@headwater/core`'s `Clock` is one. */
export type ClientClock = Pick<Clock, "now" | "elapsed" | "after">
