import type { Position } from "./position.ts"
import type { Revision } from "./revision.ts"

/**
 * A type of entry that a read-through cache can hold: how the cache reads and keeps it.
 *
 * The contract between `@headwater/read-through`, which has no wire, and packages that read over
 * one: `@headwater/client/read-through` has types that read from a hub. Source: Consul
 * `cache.Type`.
 *
 * @typeParam State belongs to the type. The cache keeps it beside the value, never reads it, and
 *   calls its method `close`, if there is one, when it drops the entry.
 */
export interface CacheType<Value, Request extends CacheRequest = CacheRequest, State = unknown> {
  /**
   * Reads. A blocking type given `since` answers once there is a newer value, or after `waitMs`
   * with the present one. It stops promptly when the signal is aborted.
   */
  fetch(
    options: FetchOptions<Value, Request, State>,
    signal: AbortSignal,
  ): Promise<FetchResult<Value, State>>
  /** True when `fetch` can wait for a value after a position. */
  readonly blocking?: boolean
  /** True when the cache reads entries again by itself, as long as they are used. */
  readonly refresh?: boolean
  /**
   * An entry is kept this long after its last use, ms. Absent or 0: 20 min for a type that
   * refreshes, as each of its entries goes on costing reads; else 72 h.
   */
  readonly ttlMs?: number
  /** A rest between one refresh and the next, ms. */
  readonly refreshMs?: number
  /** Blocking: the wait of one read, 10 min when absent or 0. Else: the timeout of a read. Ms. */
  readonly queryTimeoutMs?: number
  /** Rate limit of reads of one entry; the cache's own limit when absent. */
  readonly rateLimit?: RateLimit
  /** Bytes of a value. When absent, strings and byte arrays are measured, other values are not. */
  bytesOf?(value: Value): number
  /** True when a change from `a` to `b` needs no notification; deep equality when absent. */
  isSame?(a: Value, b: Value): boolean
  /** True when reading again cannot succeed; `ERR_UNAUTHENTICATED` when absent. */
  isFatal?(error: Error): boolean
}

/** A token bucket: reads per second on average, and at once. */
export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
}

/**
 * A request to a cache. Types extend it with fields of their own.
 *
 * Type, partition, token and key together name an entry. The other fields are the wishes of this
 * caller, and never reach `fetch`.
 */
export interface CacheRequest {
  /** Empty: read past the cache, and keep nothing. */
  readonly key: string
  /** Which of several upstreams: a data centre, a peer, a hub. */
  readonly partition?: string | undefined
  /** The caller's token. A caller with another token never sees this entry. */
  readonly token?: string | undefined
  /** Blocking types: answer once there is something newer than this. */
  readonly since?: Position | undefined
  /** Answer after this, ms, with the present value. */
  readonly timeoutMs?: number | undefined
  /** Types that do not refresh: nothing older than this, ms. */
  readonly maxAgeMs?: number | undefined
  /** Types that do not refresh: read again, unless that is being done. */
  readonly mustRevalidate?: boolean | undefined
}

/** The arguments of a read. */
export interface FetchOptions<Value, Request extends CacheRequest = CacheRequest, State = unknown> {
  /** The request that made the entry, without its caller's wishes. */
  readonly request: Request
  /** Blocking types: the position of the entry. Absent: answer at once. */
  readonly since: Position | undefined
  /** Blocking types: the wait, ms. 0: the type's own choice. */
  readonly waitMs: number
  /** The entry's last result, if there is one. */
  readonly last: LastResult<Value, State> | undefined
}

/** The last result of an entry. */
export interface LastResult<Value, State = unknown> {
  readonly value: Value
  readonly state: State | undefined
  readonly position: Position
}

/**
 * The result of a read. Without a value and `notModified`, the entry keeps its value, and takes the
 * state if one is given.
 */
export interface FetchResult<Value, State = unknown> {
  readonly value?: Value
  readonly state?: State
  /** Grows within an epoch. 0: not known, taken as 1, and read again with back-off. */
  readonly revision: Revision
  /** The epoch of the revision. Absent where upstream has none: then going back is a reset. */
  readonly epoch?: string
  /** The value is the one that the entry holds. */
  readonly notModified?: boolean
}

/**
 * A frame of a subscription that feeds a view, in the order `reset? events* sync`, then `events`. A
 * `reset` may come at any time. `Subscription` of `@headwater/stream` yields them.
 */
export type ViewFrame<Payload> =
  /** The frames that follow replace everything. */
  | { readonly type: "reset" }
  /** A part of a snapshot, or one commit. */
  | {
      readonly type: "events"
      readonly revision: Revision
      readonly events: readonly Payload[]
    }
  /** The snapshot is whole, as of this revision. */
  | { readonly type: "sync"; readonly revision: Revision }

/** One subscription: its frames, and the epoch of their revisions. */
export interface ViewFeed<Payload> extends AsyncIterable<ViewFrame<Payload>> {
  readonly epoch?: string
}
