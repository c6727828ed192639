import {
  type Clock,
  type Delta,
  type Entry,
  LaggedError,
  type Position,
  type StatusReport,
} from "@headwater/core"
import { type EventCursor, keepsOf, lagsTooFar, type Policy } from "@headwater/stream"
import type { Breadcrumb } from "./breadcrumb.ts"
import type { CacheFrame, ResetReason } from "./cache-frame.ts"
import type { Followed } from "./followed.ts"
import type { Followers } from "./followers.ts"
import { Lease } from "./lease.ts"
import type { CacheLimits } from "./limits.ts"
import type { Location } from "./location.ts"
import type { CacheObserver } from "./observer.ts"
import { piecesOf } from "./pieces.ts"
import { crumbOf } from "./trail.ts"
import { type Whole, walkOn } from "./walk-on.ts"

/** What a follower asked for. */
export interface FollowRequest {
  readonly from: Position | undefined
  readonly policy: Policy
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly limits: Pick<CacheLimits, "frameEntriesMax" | "frameBytesMax" | "leaseMs">
  readonly observer: CacheObserver | undefined
  readonly followers: Followers
}

/** Where a follower stands, and what it does next: see `follow`. One turn at a time. */
export class Follower {
  readonly #cache: Followed
  readonly #request: FollowRequest
  #held: { readonly epoch: string; readonly version: number } | undefined
  #told: Position | undefined
  #report: StatusReport | undefined
  #cursor: EventCursor | undefined
  #servedSince = 0

  constructor(cache: Followed, request: FollowRequest) {
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
    else if (held.epoch !== crumb.life.epoch) yield* this.#run(crumb, 0, "epoch-changed")
    else if (this.#cursor !== undefined) yield* this.#readTrail(this.#cursor, crumb)
    else if (held.version < crumb.life.horizon) yield* this.#run(crumb, 0, "compacted")
    else if (held.version < crumb.snapshot.version) yield* this.#catchUp(crumb, held.version)
    else yield* this.#tellQuiet(crumb)
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

  /** Tells what a breadcrumb has since a version: all of it, or with a `reset`, all there is. */
  async *#run(
    crumb: Breadcrumb,
    since: number,
    reset?: ResetReason,
  ): AsyncGenerator<CacheFrame, void> {
    // The report is of the breadcrumb: a later one may be of data that is told after this run.
    const { position, report } = this.#cache
    if (position === undefined) return
    if (reset !== undefined) this.#beginTrail(crumb)
    const { version, size: entries, digest } = crumb.snapshot
    const { epoch } = crumb.life
    const { frameBytesMax: bytesMax } = this.#request.limits
    // From here on nothing is awaited before both are held.
    const lease = this.#lease(crumb)
    let whole: Whole | undefined = { version, position, entries, digest, report }
    try {
      if (reset !== undefined) {
        this.#held = undefined
        this.#told = undefined
        this.#request.observer?.onRun?.(reset)
        lease.renew()
        yield { type: "reset", reason: reset, epoch }
      }
      const isDone = yield* this.#readHeld(lease, since, position)
      if (!isDone) {
        if (this.#cursor?.over instanceof LaggedError) throw this.#cursor.over
        this.#endIfLagging(version)
        const isServed = this.#cache.current?.life.epoch === epoch
        if (reset !== undefined && isServed) yield { type: "reset", reason: reset, epoch }
        whole = yield* walkOn(this.#cache, { epoch, since, bytesMax })
      }
    } finally {
      lease.end()
    }
    yield* this.#arrive(epoch, whole)
  }

  // What a lease holds, to its end or until it is let go. Answers whether that was all.
  async *#readHeld(
    lease: Lease,
    since: number,
    position: Position,
  ): AsyncGenerator<CacheFrame, boolean> {
    const { frameEntriesMax } = this.#request.limits
    const snapshot = lease.snapshot
    if (snapshot === undefined) return false
    const deltas = snapshot.changesSince(since)
    for (const { items, isLast } of piecesOf(deltas, frameEntriesMax)) {
      if (isLast) lease.end()
      else lease.renew()
      if (since === 0) yield { type: "entries", entries: items.flatMap(entryOf) }
      else {
        if (isLast) this.#told = position
        yield { type: "delta", deltas: items, ...(isLast ? { position } : {}) }
      }
      if (!isLast && lease.snapshot === undefined) return false
    }
    return true
  }

  /** A version is held whole. The first one is said to be so; nothing held means: start afresh. */
  async *#arrive(epoch: string, whole: Whole | undefined): AsyncGenerator<CacheFrame, void> {
    const isFirst = this.#held === undefined
    this.#held = { epoch, version: whole?.version ?? 0 }
    if (whole === undefined) return
    const { position, entries, digest, report } = whole
    if (!isFirst) return
    this.#told = position
    this.#report = report
    yield { type: "sync", position, entries, digest }
    yield { type: "status", report }
  }

  /** One breadcrumb of the trail, or, when it is read, the rest. */
  async *#readTrail(cursor: EventCursor, crumb: Breadcrumb): AsyncGenerator<CacheFrame, void> {
    const item = cursor.advance()
    if (item === undefined) return yield* this.#tellQuiet(crumb)
    const { epoch } = crumb.life
    const { version, reach, deltas } = crumbOf(item)
    this.#held = { epoch, version }
    this.#told = { epoch, revision: reach }
    if (deltas.length > 0) yield { type: "delta", deltas, position: this.#told }
  }

  /** What is to be told beside changes; when there is nothing, waits. */
  async *#tellQuiet(crumb: Breadcrumb): AsyncGenerator<CacheFrame, void> {
    const { position, report } = this.#cache
    const { size: entries, digest } = crumb.snapshot
    if (position !== undefined && position.revision !== this.#told?.revision) {
      this.#told = position
      yield { type: "sync", position, entries, digest }
    } else if (!isSameReport(report, this.#report)) {
      this.#report = report
      yield { type: "status", report }
    } else await this.#wait()
  }

  // From the same moment on as the run that comes first, so that the two join.
  #beginTrail(crumb: Breadcrumb): void {
    const { policy, clock } = this.#request
    this.close()
    if (policy.type === "pin") this.#cursor = crumb.life.trail.follow(keepsOf(policy))
    this.#servedSince = clock.elapsed()
  }

  // Who pins holds what it reads within its bound; of anybody else only the place is kept.
  #lease(crumb: Breadcrumb): Lease {
    const { clock, limits, observer } = this.#request
    return new Lease(crumb, {
      clock,
      ms: limits.leaseMs,
      isKept: () => this.#cursor !== undefined && this.#cursor.over === undefined,
      onExpire: () => observer?.onLeaseEnd?.(),
    })
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

function entryOf(delta: Delta): Entry[] {
  if (delta.op !== "put") return []
  const { key, value, revision } = delta
  return [{ key, value, revision }]
}

// When the source last spoke is in the report, but is no news by itself.
function isSameReport(a: StatusReport, b: StatusReport | undefined): boolean {
  return (
    a.status === b?.status &&
    a.statusSince === b.statusSince &&
    a.code === b.code &&
    a.invalid === b.invalid
  )
}
