import {
  type Clock,
  type Delta,
  LaggedError,
  type Position,
  type StatusReport,
} from "@headwater/core"
import { type EventCursor, keepsOf, lagsTooFar, type Policy } from "@headwater/stream"
import type { Breadcrumb } from "../breadcrumb.ts"
import type { CacheLimits } from "../limits.ts"
import type { CacheObserver, FollowerCounts } from "../observer.ts"
import type { CacheFrame, CacheResetReason } from "./cache-frame.ts"
import type { FollowedCache } from "./followed-cache.ts"
import type { Lease, Leases } from "./leases.ts"
import type { Location } from "./location.ts"
import { PinnedSnapshot } from "./pinned-snapshot.ts"
import { statusKeyOf } from "./status-key.ts"
import { crumbOf } from "./trail.ts"
import { type CompleteVersion, entryOf, walkOn } from "./walk-on.ts"

/** A request to follow, with the parts of the cache that serve it. */
export interface FollowRequest {
  readonly from: Position | undefined
  readonly policy: Policy
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly limits: Pick<CacheLimits, "frameEntriesMax" | "frameBytesMax" | "leaseMs">
  readonly observer: CacheObserver | undefined
  readonly followers: FollowerCounts
  readonly leases: Leases
}

/** A follower's place in the cache, and its next step: see `follow`. One turn at a time. */
export class CacheFollower {
  readonly #cache: FollowedCache
  readonly #request: FollowRequest
  #held: { readonly epoch: string; readonly version: number } | undefined
  #sent: Position | undefined
  #sentStatus: string | undefined
  #cursor: EventCursor | undefined
  #servedSince = 0

  constructor(cache: FollowedCache, request: FollowRequest) {
    this.#cache = cache
    this.#request = request
  }

  /** Lets go of the trail. */
  close(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }

  /** One run, or the wait for one. */
  async *turn(): AsyncGenerator<CacheFrame, void> {
    const crumb = this.#cache.current
    const held = this.#held
    if (crumb === undefined) await this.#wait()
    else if (held === undefined) yield* this.#begin(crumb)
    else if (held.epoch !== crumb.epochState.epoch) yield* this.#run(crumb, 0, "epoch-changed")
    else if (this.#cursor !== undefined) yield* this.#readTrail(this.#cursor, crumb)
    else if (held.version < crumb.epochState.horizon) yield* this.#run(crumb, 0, "compacted")
    else if (held.version < crumb.snapshot.version) yield* this.#catchUp(crumb, held.version)
    else yield* this.#idle(crumb)
  }

  async *#begin(crumb: Breadcrumb): AsyncGenerator<CacheFrame, void> {
    const { from } = this.#request
    const located: Location = from === undefined ? { type: "fresh" } : this.#cache.locate(from)
    if (located.type === "ahead") await this.#wait()
    else if (located.type === "fresh") yield* this.#run(crumb, 0, "fresh")
    else if (located.type === "reset") yield* this.#run(crumb, 0, located.reason)
    else {
      this.#beginTrail(crumb)
      this.#request.observer?.onRun?.("resumed")
      yield* this.#run(crumb, located.version)
    }
  }

  async *#catchUp(crumb: Breadcrumb, since: number): AsyncGenerator<CacheFrame, void> {
    const { policy, observer } = this.#request
    this.#endIfLagging(since)
    if (observer?.onCatchUp !== undefined) {
      const versions = crumb.snapshot.version - since
      observer.onCatchUp({ policy: policy.type, versions, lagMs: this.#cache.lagMs(since) })
    }
    yield* this.#run(crumb, since)
  }

  /** Sends what changed since a version up to a breadcrumb; with a `reset`, all of its entries. */
  async *#run(
    crumb: Breadcrumb,
    since: number,
    reset?: CacheResetReason,
  ): AsyncGenerator<CacheFrame, void> {
    // The report is that of this breadcrumb: a later one may cover data that comes after this run.
    const { position, report } = this.#cache
    if (position === undefined) return
    if (reset !== undefined) this.#beginTrail(crumb)
    const { version, size: entries, digest } = crumb.snapshot
    const { epoch } = crumb.epochState
    const { frameBytesMax: bytesMax } = this.#request.limits
    // Nothing is awaited between reading the cache and pinning the snapshot.
    const lease = this.#lease(crumb, report)
    let complete: CompleteVersion | undefined = { version, position, entries, digest, report }
    try {
      if (reset !== undefined) {
        this.#held = undefined
        this.#sent = undefined
        this.#request.observer?.onRun?.(reset)
        lease.renew()
        yield { type: "reset", reason: reset, epoch }
      }
      const isDone = yield* this.#readHeld(lease, since, position)
      if (!isDone) {
        if (this.#cursor?.over instanceof LaggedError) throw this.#cursor.over
        this.#endIfLagging(version)
        const isServed = this.#cache.current?.epochState.epoch === epoch
        if (reset !== undefined && isServed) yield { type: "reset", reason: reset, epoch }
        complete = yield* walkOn(this.#cache, { epoch, since, bytesMax })
      }
    } finally {
      lease.end()
    }
    yield* this.#arrive(epoch, complete)
  }

  // Reads the pinned snapshot to its end, or until the lease ends. Returns whether that was all.
  async *#readHeld(
    lease: Lease,
    since: number,
    position: Position,
  ): AsyncGenerator<CacheFrame, boolean> {
    const { frameEntriesMax } = this.#request.limits
    const snapshot = lease.pinned?.snapshot
    if (snapshot === undefined) return false
    const deltas = snapshot.changesSince(since)
    for (const { items, isLast } of piecesOf(deltas, frameEntriesMax)) {
      if (isLast) lease.end()
      else lease.renew()
      if (since === 0) yield { type: "entries", entries: items.flatMap(entryOf) }
      else {
        if (isLast) this.#sent = position
        yield { type: "delta", deltas: items, ...(isLast ? { position } : {}) }
      }
      if (!isLast && lease.pinned === undefined) return false
    }
    return true
  }

  /** Notes the version that is now held whole; the first one is sent as a `sync`. */
  async *#arrive(
    epoch: string,
    complete: CompleteVersion | undefined,
  ): AsyncGenerator<CacheFrame, void> {
    const isFirst = this.#held === undefined
    this.#held = { epoch, version: complete?.version ?? 0 }
    if (complete === undefined) return
    const { position, entries, digest, report } = complete
    if (!isFirst) return
    this.#sent = position
    this.#sentStatus = statusKeyOf(report)
    yield { type: "sync", position, entries, digest }
    yield { type: "status", report }
  }

  /** Sends one breadcrumb of the trail; at its end, what `#idle` sends. */
  async *#readTrail(cursor: EventCursor, crumb: Breadcrumb): AsyncGenerator<CacheFrame, void> {
    const item = cursor.advance()
    if (item === undefined) return yield* this.#idle(crumb)
    const { epoch } = crumb.epochState
    const { version, reach, deltas } = crumbOf(item)
    this.#held = { epoch, version }
    this.#sent = { epoch, revision: reach }
    if (deltas.length > 0) yield { type: "delta", deltas, position: this.#sent }
  }

  /** Sends a position or status that is new although no entry changed; else waits. */
  async *#idle(crumb: Breadcrumb): AsyncGenerator<CacheFrame, void> {
    const { position, report } = this.#cache
    const { size: entries, digest } = crumb.snapshot
    if (position !== undefined && position.revision !== this.#sent?.revision) {
      this.#sent = position
      yield { type: "sync", position, entries, digest }
    } else if (statusKeyOf(report) !== this.#sentStatus) {
      this.#sentStatus = statusKeyOf(report)
      yield { type: "status", report }
    } else await this.#wait()
  }

  // Begins where the run ends that comes first, so that the two join.
  #beginTrail(crumb: Breadcrumb): void {
    const { policy, clock } = this.#request
    this.close()
    if (policy.type === "pin") this.#cursor = crumb.epochState.trail.follow(keepsOf(policy))
    this.#servedSince = clock.elapsed()
  }

  // `pin` keeps the snapshot, within its bound; other policies keep only a place.
  #lease(crumb: Breadcrumb, report: StatusReport): Lease {
    const { leases, limits, observer } = this.#request
    const pinned = new PinnedSnapshot(crumb, report)
    const lease = leases.grant(pinned, limits.leaseMs, {
      isKept: () => this.#cursor !== undefined && this.#cursor.over === undefined,
      onExpire: () => observer?.onLeaseEnd?.(),
    })
    pinned.release()
    return lease
  }

  #endIfLagging(version: number): void {
    const { policy, clock } = this.#request
    if (policy.type !== "disconnect") return
    const behindMs = this.#cache.lagMs(version)
    const servedMs = clock.elapsed() - this.#servedSince
    if (!lagsTooFar(policy, { behindMs, servedMs })) return
    const newest = this.#cache.current?.snapshot.version ?? version
    throw new LaggedError(behindMs, newest - version)
  }

  async #wait(): Promise<void> {
    await this.#cache.changes.wait(this.#request.signal)
  }
}

interface Piece {
  readonly items: readonly Delta[]
  readonly isLast: boolean
}

// Reads one piece ahead, to know which is the last. Of nothing there is no piece.
function* piecesOf(deltas: Iterator<Delta>, countMax: number): Generator<Piece> {
  let piece = take(deltas, countMax)
  while (piece.length > 0) {
    const next = take(deltas, countMax)
    yield { items: piece, isLast: next.length === 0 }
    piece = next
  }
}

function take(deltas: Iterator<Delta>, countMax: number): Delta[] {
  const taken: Delta[] = []
  while (taken.length < countMax) {
    const { value, done } = deltas.next()
    if (done) break
    taken.push(value)
  }
  return taken
}
