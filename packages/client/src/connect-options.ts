import type { Mismatch } from "./assembly.ts"
import type { ClientClock, ReplicaStore, TokenSource } from "./link.ts"

/**
 * What a client tells beside the data, for logs and counters.
 *
 *   mismatch   the replica was not what the hub holds; see `FRESH_INTERVAL_MS` for the answer
 *   reset      the hub could not resume
 *   lost       the link was lost, and is tried again after `delayMs`
 */
export type Report =
  | {
      readonly type: "mismatch"
      readonly mismatch: Mismatch
      /** Followed on with, as the last fresh snapshot was asked for less than 10 min ago. */
      readonly isTolerated: boolean
    }
  | { readonly type: "reset"; readonly reason: string; readonly epoch: string }
  | { readonly type: "lost"; readonly error: Error; readonly delayMs: number }

/** What to follow, and with what. */
export interface ConnectOptions {
  /**
   * Where the hub is: `http://127.0.0.1:8080`. In a page, a path is enough. Of several, hubs of one
   * source, each loss of the link leads to the next, and from the last to the first.
   */
  readonly url: string | URL | readonly (string | URL)[]
  readonly topic: string
  /** Follow only keys with one of these prefixes, or of `keys`. */
  readonly prefix?: string | readonly string[] | undefined
  /** Follow only these keys, and those with a prefix of `prefix`. */
  readonly keys?: readonly string[] | undefined
  readonly token?: string | TokenSource | undefined
  /** Closes the replica when aborted. */
  readonly signal?: AbortSignal | undefined
  /** Called for what an operator wants to know. */
  readonly report?: ((report: Report) => void) | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
  /** Keeps what is held beyond this process: `stored` of `@headwater/client/store` makes one. */
  readonly store?: ReplicaStore | undefined
  /** As `Math.random`; draws the back-off. */
  readonly random?: (() => number) | undefined
}
