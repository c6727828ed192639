import type { Position } from "./position.ts"
import type { Revision } from "./revision.ts"

/**
 * A kind of thing that a read-through cache can hold: how it is read, and how it is kept.
 *
 * The contract between `@headwater/read-through`, which names no wire, and whoever reads over
 * one: `@headwater/client/read-through` has types that read from a hub. Source: Consul
 * `cache.Type`.
 *
 * @typeParam State is the type's own, kept beside the value and never looked into; when it has a
 *   method `close`, that is called once the entry is dropped.
 */
export interface CacheType<Value, Request extends CacheRequest = CacheRequest, State = unknown> {
  /**
   * Reads. A blocking type given `since` answers once there is something newer, or after `waitMs`
   * with what it has. It stops promptly when the signal is aborted: then nobody wants the answer.
   */
  fetch(
    options: FetchOptions<Value, Request, State>,
    signal: AbortSignal,
  ): Promise<FetchResult<Value, State>>
  /** Whether it can wait for what comes after a position. */
  readonly blocking?: boolean
  /** Whether entries are read again by themselves, as long as they are used. */
  readonly refresh?: boolean
  /**
   * How long an entry is kept after its last use, ms. Absent or 0: 20 min for a type that
   * refreshes, as each of its entries goes on costing reads; else 72 h.
   */
  readonly ttlMs?: number
  /** A rest between one refresh and the next, ms. */
  readonly refreshMs?: number
  /** Blocking: how long one read waits; 10 min when absent or 0. Else: when it is given up. */
  readonly queryTimeoutMs?: number
  /** How often one entry may be read; the cache's own limit when absent. */
  readonly rateLimit?: RateLimit
  /** How many bytes a value takes. Strings and bytes are measured when absent; all else is not. */
  bytesOf?(value: Value): number
  /** Whether two values are the same to who is notified; deep equality when absent. */
  isSame?(a: Value, b: Value): boolean
  /** Whether reading again is in vain; `ERR_UNAUTHENTICATED` when absent. */
  isFatal?(error: Error): boolean
}

/** A token bucket: so many a second on average, and so many at once. */
export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
}

/**
 * What is asked of a cache. Types extend it with what else they need to know.
 *
 * Type, partition, token and key together name an entry. The rest is how this one caller wants it,
 * and never reaches `fetch`.
 */
export interface CacheRequest {
  /** Empty: read past the cache, and keep nothing. */
  readonly key: string
  /** Which of several upstreams: a data centre, a peer, a hub. */
  readonly partition?: string | undefined
  /** In whose name. Who has another token never sees what this one was shown. */
  readonly token?: string | undefined
  /** Blocking types: answer once there is something newer than this. */
  readonly since?: Position | undefined
  /** Answer after this, ms, with what there is. */
  readonly timeoutMs?: number | undefined
  /** Types that do not refresh: nothing older than this, ms. */
  readonly maxAgeMs?: number | undefined
  /** Types that do not refresh: read again, unless that is being done. */
  readonly mustRevalidate?: boolean | undefined
}

/** What a read is given. */
export interface FetchOptions<Value, Request extends CacheRequest = CacheRequest, State = unknown> {
  /** The request that made the entry, without how its caller wanted it. */
  readonly request: Request
  /** Blocking types: where the entry is. Absent: answer at once. */
  readonly since: Position | undefined
  /** Blocking types: how long to wait, ms. 0: as long as seems right. */
  readonly waitMs: number
  /** What the entry holds, when it holds anything. */
  readonly last: LastResult<Value, State> | undefined
}

/** What an entry holds. */
export interface LastResult<Value, State = unknown> {
  readonly value: Value
  readonly state: State | undefined
  readonly position: Position
}

/**
 * What a read found. Without a value and `notModified`, what the entry holds stays, but for its
 * state when one is given.
 */
export interface FetchResult<Value, State = unknown> {
  readonly value?: Value
  readonly state?: State
  /** Grows within an epoch. 0: not known, taken as 1, and read again with back-off. */
  readonly revision: Revision
  /** What the revision counts in. Absent where upstream knows none: then going back is a reset. */
  readonly epoch?: string
  /** The value is the one that the entry holds. */
  readonly notModified?: boolean
}

/**
 * What a subscription that feeds a view tells, in order: `reset? events* sync`, then `events`. A
 * `reset` may come at any time. `Subscription` of `@headwater/stream` is one.
 */
export type ViewFrame<Payload> =
  /** What follows replaces everything. */
  | { readonly type: "reset" }
  /** A part of a snapshot, or one commit. */
  | {
      readonly type: "events"
      readonly revision: Revision
      readonly events: readonly Payload[]
    }
  /** The snapshot is whole, as of this revision. */
  | { readonly type: "sync"; readonly revision: Revision }

/** One subscription: its frames, and what their revisions are of. */
export interface ViewFeed<Payload> extends AsyncIterable<ViewFrame<Payload>> {
  readonly epoch?: string
}
