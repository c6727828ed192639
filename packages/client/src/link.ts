import type { Clock } from "@headwater/core"

/** How a replica reaches its hub, for who writes through it. */
export interface Link {
  /** The streams', the one in use first. Changed in place by who runs the link. */
  readonly urls: readonly URL[]
  readonly token?: string | TokenSource | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
}

/** Gives a token when none is held. `expired` is the one that the hub no longer takes, if any. */
export type TokenSource = (
  expired: string | undefined,
  signal: AbortSignal,
) => string | Promise<string>

/** What a client needs of a clock; `@headwater/core`'s `Clock` is one. */
export type ClientClock = Pick<Clock, "now" | "elapsed" | "after">
