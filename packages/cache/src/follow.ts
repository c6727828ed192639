import {
  assert,
  ClosedError,
  type Clock,
  type Delta,
  type Entry,
  LaggedError,
  type Position,
  type StatusReport,
} from "@headwater/core"
import { type EventCursor, keepsOf, type Policy } from "@headwater/stream"
import type { Breadcrumb } from "./breadcrumb.ts"
import type { CacheLimits } from "./limits.ts"
import type { SnapshotCache } from "./snapshot-cache.ts"
import { crumbOf } from "./trail.ts"

/** What a follower gets, one at a time; see `follow` for the order. */
export type CacheFrame =
  /** What follows replaces all that the follower holds. */
  | { readonly type: "reset"; readonly reason: ResetReason; readonly epoch: string }
  /** A part of a snapshot. */
  | { readonly type: "entries"; readonly entries: readonly Entry[] }
  /** Changes. With a position: everything up to there has been told. */
  | { readonly type: "delta"; readonly deltas: readonly Delta[]; readonly position?: Position }
  /** Everything up to here has been told, and this is what it adds up to. */
  | {
      readonly type: "sync"
      readonly position: Position
      readonly entries: number
      /** 16 hex digits; see `protocol.md` §5. */
      readonly digest: string
    }
  /** The link to the source, after the data that it covers. */
  | { readonly type: "status"; readonly report: StatusReport }

/** `fresh`: the follower gave no position. */
export type ResetReason = "fresh" | "epoch-changed" | "compacted"

/** What a follower asked for. */
export interface FollowRequest {
  readonly from: Position | undefined
  readonly policy: Policy
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly limits: Pick<CacheLimits, "frameEntriesMax">
}

/**
 * Follows a cache in this process.
 *
 *     stream = (fresh | resume) status live*
 *     fresh  = reset entries* sync
 *     resume = delta* sync
 *     live   = delta | sync | status | fresh
 *
 * A delta with a position ends a run: everything since the position before belongs together, and a
 * follower that stops elsewhere may hold half a commit. Under `conflate` and `disconnect` a run is
 * everything since the last one, one delta per key; under `pin` it is one breadcrumb.
 *
 * A run longer than `frameEntriesMax` holds its snapshot while the follower stops in the middle of
 * it; nobody else is delayed, and nothing is held between runs but, under `pin`, what is unread.
 *
 * @throws {LaggedError} in the loop, under `pin` and `disconnect`: start afresh.
 * @throws {ClosedError} in the loop: the cache was closed.
 */
export async function* follow(
  cache: SnapshotCache,
  request: FollowRequest,
): AsyncGenerator<CacheFrame, never> {
  const follower = new Follower(cache, request)
  try {
    for (;;) yield* follower.turn()
  } finally {
    follower.close()
  }
}

/** Where a follower stands, and what it does next. One call of `turn` at a time. */
class Follower {
  readonly #cache: SnapshotCache
  readonly #request: FollowRequest
  #held: { readonly epoch: string; readonly version: number } | undefined
  #told: Position | undefined
  #report: StatusReport | undefined
  #cursor: EventCursor | undefined
  #servedSince = 0

  constructor(cache: SnapshotCache, request: FollowRequest) {
    this.#cache = cache
    this.#request = request
  }

  close(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }

  /** One run, or the wait for one. */
  async *turn(): AsyncGenerator<CacheFrame, void> {
    if (this.#cache.closed) throw new ClosedError("shutdown")
    const crumb = this.#cache.current
    if (crumb === undefined || this.#isAhead()) return await this.#wait()
    if (this.#held?.epoch !== crumb.life.epoch || this.#isCompacted(crumb)) {
      yield* this.#begin(crumb)
    } else if (this.#cursor !== undefined) {
      yield* this.#readTrail(this.#cursor, crumb)
    } else if (this.#held.version < crumb.snapshot.version) {
      yield* this.#catchUp(crumb, this.#held.version)
    } else {
      yield* this.#tellQuiet(crumb)
    }
  }

  // The first run in a life: from the position asked for, or from nothing.
  async *#begin(crumb: Breadcrumb): AsyncGenerator<CacheFrame, void> {
    const { from, policy, clock } = this.#request
    const { epoch } = crumb.life
    const returning = this.#held !== undefined
    const located = from === undefined || returning ? undefined : this.#cache.locate(from)
    const since = located?.type === "resume" ? located.version : 0
    this.close()
    if (policy.type === "pin") this.#cursor = crumb.life.trail.follow(keepsOf(policy))
    this.#servedSince = clock.elapsed()
    if (since === 0) {
      let reason: ResetReason = located?.type === "reset" ? located.reason : "fresh"
      if (returning) reason = this.#held?.epoch === epoch ? "compacted" : "epoch-changed"
      this.#held = undefined
      yield { type: "reset", reason, epoch }
    }
    yield* this.#run(crumb, since)
    yield* this.#tellQuiet(crumb)
  }

  async *#catchUp(crumb: Breadcrumb, since: number): AsyncGenerator<CacheFrame, void> {
    const { policy, clock } = this.#request
    if (policy.type === "disconnect") {
      const lagMs = this.#cache.lagMs(since)
      const servedMs = clock.elapsed() - this.#servedSince
      const unread = { items: crumb.snapshot.version - since, bytes: 0, behindMs: lagMs, servedMs }
      if (!keepsOf(policy)(unread)) throw new LaggedError(lagMs, unread.items)
    }
    yield* this.#run(crumb, since)
  }
}
