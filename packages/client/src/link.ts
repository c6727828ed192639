import type { Clock } from "@headwater/core"
import type { Frame } from "@headwater/protocol"
import type { Replica } from "./replica.ts"

/** How a replica reaches its hub, for who runs that and who writes through it. */
export interface Link {
  /** The streams', the one in use first. Changed in place by who runs the link. */
  readonly urls: URL[]
  readonly token?: string | TokenSource | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
  readonly random?: (() => number) | undefined
  readonly store?: ReplicaStore | undefined
}

/** What keeps a replica beyond its process. Opaque here: see `@headwater/client/store`. */
export interface ReplicaStore {
  /**
   * Called once, before the first request, with what can be filled and followed, and what was asked
   * for: the first URL stands for the topic and its filters. Resolves when that may begin; with
   * what is called, and waited for, when the replica is closed.
   */
  readonly attach: (
    replica: Storable,
    url: URL,
    signal: AbortSignal,
  ) => Promise<() => Promise<void>>
}

/** A replica as a store sees it. */
export interface Storable extends Pick<Replica, "entries" | "position"> {
  /** The id from which the next stream will be resumed. */
  resume: string
  /** Called after every step, when set: also after one that no consumer hears of. */
  onStep?: (() => void) | undefined
  /** Takes a frame as if a stream had brought it. */
  hear(frame: Frame, isTolerant: boolean, now: number): unknown
}

/** Gives a token when none is held. `expired` is the one that the hub no longer takes, if any. */
export type TokenSource = (
  expired: string | undefined,
  signal: AbortSignal,
) => string | Promise<string>

/** What a client needs of a clock; `@headwater/core`'s `Clock` is one. */
export type ClientClock = Pick<Clock, "now" | "elapsed" | "after">
