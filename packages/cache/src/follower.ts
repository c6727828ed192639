import {
  type Clock,
  DisposedError,
  LaggedError,
  type Position,
  type StatusReport,
  type Waiters,
} from "@headwater/core"
import { type EventCursor, keepsOf, lagsTooFar, type Policy } from "@headwater/stream"
import type { Breadcrumb } from "./breadcrumb.ts"
import type { CacheFrame, ResetReason } from "./cache-frame.ts"
import type { CacheLimits } from "./limits.ts"
import type { Location } from "./location.ts"
import type { CacheObserver } from "./observer.ts"
import { crumbOf } from "./trail.ts"

/** A cache, as who follows it sees it: `SnapshotCache`. */
export interface Followed {
  readonly closed: boolean
  readonly current: Breadcrumb | undefined
  readonly position: Position | undefined
  readonly report: StatusReport
  readonly changes: Waiters
  locate(position: Position): Location
  lagMs(version: number): number
}

/** What a follower asked for. */
export interface FollowRequest {
  readonly from: Position | undefined
  readonly policy: Policy
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly limits: Pick<CacheLimits, "frameEntriesMax">
  readonly observer?: CacheObserver | undefined
  /** Called with 1 when it begins, and with -1 when it ends. */
  readonly onFollow?: (by: 1 | -1) => void
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
    const { policy, clock } = this.#request
    const behindMs = this.#cache.lagMs(since)
    const servedMs = clock.elapsed() - this.#servedSince
    if (policy.type === "disconnect" && lagsTooFar(policy, { behindMs, servedMs })) {
      throw new LaggedError(behindMs, crumb.snapshot.version - since)
    }
    yield* this.#run(crumb, since)
  }

  /** Tells what a breadcrumb has since a version: all of it, or with a `reset`, all there is. */
  async *#run(
    crumb: Breadcrumb,
    since: number,
    reset?: ResetReason,
  ): AsyncGenerator<CacheFrame, void> {
    const { life } = crumb
    const position = this.#cache.position
    if (position === undefined) return
    if (reset !== undefined) this.#beginTrail(crumb)
    // From here on nothing is awaited before both are held.
    const snapshot = crumb.snapshot.retain()
    life.retain()
    try {
      if (reset !== undefined) {
        this.#held = undefined
        this.#told = undefined
        this.#request.observer?.onRun?.(reset)
        yield { type: "reset", reason: reset, epoch: life.epoch }
        for (const { piece } of this.#piecesOf(snapshot.entries())) {
          yield { type: "entries", entries: piece }
        }
      } else {
        for (const { piece, last } of this.#piecesOf(snapshot.changesSince(since))) {
          if (last) this.#told = position
          yield { type: "delta", deltas: piece, ...(last ? { position } : {}) }
        }
      }
      const isFirst = this.#held === undefined
      this.#held = { epoch: life.epoch, version: snapshot.version }
      if (!isFirst) return
      this.#told = position
      const { size: entries, digest } = snapshot
      yield { type: "sync", position, entries, digest }
      this.#report = this.#cache.report
      yield { type: "status", report: this.#report }
    } catch (error) {
      // The life ended under the run: what replaced it is told from the beginning.
      if (!(error instanceof DisposedError)) throw error
      this.#held = { epoch: life.epoch, version: 0 }
    } finally {
      snapshot.dispose()
      life.release()
    }
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

  async #wait(): Promise<void> {
    await this.#cache.changes.wait(this.#request.signal)
  }

  // Reads one piece ahead, to know which is the last.
  *#piecesOf<T>(items: Iterator<T>): Generator<{ piece: T[]; last: boolean }> {
    const countMax = this.#request.limits.frameEntriesMax
    let piece = take(items, countMax)
    while (piece.length > 0) {
      const next = take(items, countMax)
      yield { piece, last: next.length === 0 }
      piece = next
    }
  }
}

function take<T>(items: Iterator<T>, countMax: number): T[] {
  const taken: T[] = []
  while (taken.length < countMax) {
    const { value, done } = items.next()
    if (done) break
    taken.push(value)
  }
  return taken
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
