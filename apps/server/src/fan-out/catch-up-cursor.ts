import {
  type CatchUp,
  type Lease,
  NOTHING_HELD,
  type PinnedSnapshot,
  plan,
  walked,
} from "@headwater/cache"
import { assert, DisposedError, type Revision, type StatusReport } from "@headwater/core"
import { formatStreamId, type GrantedFilter, type ViewFilter } from "@headwater/protocol"
import type { CurrentVersion, FanOut } from "./fan-out.ts"
import type { FrameRequest, WalkFrame } from "./frames.ts"
import { type Jump, type Sums, type View, ViewGoneError, type Wakeable } from "./view.ts"
import type { ViewHolder } from "./views.ts"

/** The result of one step. */
export type CursorStep =
  /** The reader holds the newest version. */
  | { readonly type: "idle" }
  /**
   * A slice of a walk. Nothing to send when nothing in it passes the view. `whole`: the reader now
   * holds exactly one version, so it may be told where it is.
   */
  | { readonly type: "slice"; readonly bytes: Uint8Array | undefined; readonly whole: boolean }
  /** The state of the reader is void. */
  | { readonly type: "reset"; readonly reason: "epoch-changed" | "compacted" }

/** The version that a reader holds whole. */
interface Standing {
  readonly version: number
  readonly reach: Revision
  /** The hub's link to its source as of that version. */
  readonly report: StatusReport
}

/** Time to write a frame of 64 KiB to a connection, about. */
const WRITE_MS = 0.05

/**
 * The place of one reader: takes it from the version that it holds to the newest, slice by slice.
 *
 * Between two steps it is a few numbers, a handle on a view, and for about a second after the last
 * step of an unfinished walk a lease on the snapshot of that walk; see `CatchUp` for what it does
 * then.
 */
export class CatchUpCursor {
  readonly #fanOut: FanOut
  readonly #view: View
  #state: CatchUp = NOTHING_HELD
  #lease: Lease | undefined
  #sums: Sums | Promise<Sums> | undefined
  #standing: Standing | undefined
  #floor: Revision = 0
  readonly #closers: (() => void)[] = []

  /**
   * There must be a current version.
   *
   * @param follower is woken when the view changes.
   * @throws {TooManyError} too many views are in use.
   */
  constructor(fanOut: FanOut, request: GrantedFilter & ViewHolder, follower: Wakeable) {
    const { views } = fanOut
    assert(views !== undefined, "readers walk once there is something to walk")
    this.#fanOut = fanOut
    const { prefixes, keys, grant, address, identity } = request
    const holder = { address, identity }
    this.#view = views.retain({ prefixes, keys, grant, values: fanOut.values, ...holder })
    this.#closers.push(() => views.release(this.#view, holder))
    this.#closers.push(fanOut.watch(follower, this.#view))
  }

  /** The epoch that it walks. */
  get epoch(): string {
    return this.#view.epochState.epoch
  }

  /** The prefixes and keys that pass; `undefined` where everything does. */
  get terms(): ViewFilter | undefined {
    return this.#view.filter && this.#view.terms
  }

  /** The view in ids. */
  get viewId(): string {
    return this.#view.id
  }

  /** The version that the reader holds whole, or held before the walk that it is in. */
  get held(): number {
    return this.#state.held
  }

  /** Unique among the views of its epoch. */
  get viewNumber(): number {
    return this.#view.number
  }

  /** Status to be told with the data that the reader holds. */
  get report(): StatusReport {
    return this.#newest?.pinned.report ?? this.#standing?.report ?? this.#fanOut.report
  }

  /**
   * True when the reader stands on the newest version. Only there, or at the end of a catch-up, its
   * sums are known: a newer snapshot may have come while a step was waited for.
   */
  get isAtNewest(): boolean {
    return this.#newest !== undefined
  }

  /** The revision in the id of a delta that has just made the reader whole. */
  get reach(): Revision {
    return Math.max(this.#standing?.reach ?? 0, this.#floor)
  }

  /** Size and digest of what the reader holds, once a step was `idle` or `whole`. */
  get sums(): Sums | Promise<Sums> {
    const newest = this.#newest
    const sums = newest === undefined ? this.#sums : this.#view.sumsAt(newest.pinned)
    assert(sums !== undefined, "sums are asked for where the reader stands")
    return sums
  }

  /** The highest revision of which the reader has been told everything. */
  get revision(): Revision {
    return Math.max(this.#newest?.position.revision ?? 0, this.reach)
  }

  /** Starts from a version, or from nothing (0). `floor`: see `StartPoint`. */
  begin(version: number, floor: Revision): void {
    this.#floor = floor
    this.#state = { held: version }
    this.#standing = undefined
    this.#endLease()
    const pinned = this.#fanOut.current?.pinned
    if (version > 0 || pinned?.epochState !== this.#view.epochState) return
    this.#lease = this.#fanOut.leases.grant(
      this.#view.freshSnapshot(pinned),
      this.#fanOut.limits.leaseMs,
    )
  }

  /** Notes that an id of this revision was sent: no later one goes below it. */
  told(revision: Revision): void {
    this.#floor = Math.max(this.#floor, revision)
  }

  /** Returns the id of a revision, in this reader's view. */
  idOf(revision: Revision): string {
    return formatStreamId({ epoch: this.epoch, revision, view: this.#view.id })
  }

  /**
   * Goes on by one slice.
   *
   * @param live deltas that end a walk get ids; else they are all partial, and a `sync` follows.
   */
  step(live: boolean): CursorStep | Promise<CursorStep> {
    const { current, frames, turns, leases, limits, values } = this.#fanOut
    const { topic, observer, versionBefore } = this.#fanOut
    const view = this.#view
    if (current?.pinned.epochState !== view.epochState)
      return { type: "reset", reason: "epoch-changed" }
    if (this.#lease?.pinned === undefined) this.#lease = undefined
    this.#passQuiet(current.pinned)
    const pinned = this.#lease?.pinned ?? current.pinned
    const next = plan(this.#state, { version: pinned.version, horizon: view.epochState.horizon })
    if (next.type === "reset") return { type: "reset", reason: "compacted" }
    if (next.type === "idle") {
      if (!live) this.#sums = view.sumsAt(pinned)
      this.#stand(pinned)
      return next
    }

    if (this.#state.walk === undefined && !live) this.#sums = view.sumsAt(pinned)
    const { since, began, after } = next
    const isPlaced = live && since > 0
    if (isPlaced && this.#state.walk === undefined && since < versionBefore) {
      observer.onConflation?.({ topic })
    }
    const revision = since > 0 ? Math.max(pinned.reach, this.#floor) : 0
    const id = isPlaced ? this.idOf(revision) : undefined
    const slice: FrameRequest = { view, pinned, since, began, after, revision, id }
    const kept = frames.kept(slice)
    // Rounds divide the writing of live frames; a reader that catches up has many large ones.
    if (kept !== undefined && live) {
      frames.shared++
      return this.#take(slice, kept, live)
    }
    this.#lease ??= leases.grant(pinned, limits.leaseMs)
    const lease = this.#lease
    const made = turns.run(() => {
      // After waiting for a turn, the snapshot may be gone.
      if (view.disposed || lease.pinned === undefined) return undefined
      return frames.make(slice, values)
    }, WRITE_MS)
    return made instanceof Promise
      ? made.then((frame) => this.#take(slice, frame, live))
      : this.#take(slice, made, live)
  }

  /**
   * Goes to the newest snapshot by a single frame if that can be had in this turn; otherwise
   * returns `undefined` and changes nothing. For resting readers: those at one version share it.
   */
  jump(): Jump | undefined {
    const { current, frames, turns, values } = this.#fanOut
    const view = this.#view
    const pinned = current?.pinned
    if (pinned !== undefined) this.#passQuiet(pinned)
    const since = this.#state.held
    if (pinned?.epochState !== view.epochState || this.#state.walk !== undefined || this.#lease)
      return undefined
    if (since === 0 || since >= pinned.version || this.#floor > pinned.reach) return undefined
    if (view.jump?.since !== since || view.jump.pinned !== pinned) {
      if (since < view.epochState.horizon || view.disposed) return undefined
      const revision = pinned.reach
      const id = this.idOf(revision)
      const slice: FrameRequest = { view, pinned, since, began: pinned.version, revision, id }
      // Work for a later turn would need a lease: a newer commit may release the snapshot first.
      const kept = frames.kept(slice)
      if (kept !== undefined) frames.shared++
      const frame = kept ?? turns.runNow(() => frames.make(slice, values))
      if (frame === undefined || !frame.ended) return undefined
      const isConflated = since < this.#fanOut.versionBefore
      const at = { revision, id }
      view.jump = { type: "jumped", since, pinned, at, bytes: frame.bytes, isConflated }
    } else frames.shared++
    this.#state = { held: pinned.version }
    this.#stand(pinned)
    return view.jump
  }

  /** @throws an invariant error: the cursor is in no state that a reader can be in. */
  assertInvariants(): void {
    const { held, walk } = this.#state
    const pinned = this.#lease?.pinned
    assert(pinned === undefined || pinned.epochState === this.#view.epochState, "one epoch")
    if (walk !== undefined) {
      assert(walk.since === held || walk.since > held, "a walk counts from a version that is held")
      assert(walk.began >= walk.since, "a walk ends above the version that it counts from")
    }
    const standing = this.#standing
    assert(standing === undefined || standing.version >= 0, "a reader stands on a version")
    assert(this.#floor >= 0, "no id is below 0")
  }

  /**
   * Revisions between what the reader was told and the served position; 0 when nothing in its view
   * changed between them.
   */
  get lagRevisions(): number {
    const { current } = this.#fanOut
    if (current === undefined || this.#isUpToDate) return 0
    return Math.max(0, current.position.revision - this.revision)
  }

  /** Age of the first change that the reader lacks, in ms. */
  get lagMs(): number {
    return this.#isUpToDate ? 0 : this.#fanOut.cache.lagMs(this.#state.held)
  }

  /** Releases everything. */
  close(): void {
    this.#endLease()
    for (const close of this.#closers.splice(0)) close()
  }

  /** True if an error only means that the epoch has ended meanwhile. */
  isOver(error: unknown): boolean {
    if (!(error instanceof DisposedError) && !(error instanceof ViewGoneError)) return false
    this.#fanOut.refresh()
    return this.#fanOut.current?.pinned.epochState !== this.#view.epochState
  }

  get #isUpToDate(): boolean {
    const { current } = this.#fanOut
    const { held } = this.#state
    const newest =
      current?.pinned.epochState === this.#view.epochState ? current.pinned.version : held
    return this.#view.sameUpTo(held, newest) >= newest
  }

  /** The current version, if the reader stands on it. */
  get #newest(): CurrentVersion | undefined {
    const { current } = this.#fanOut
    const isThere =
      current !== undefined &&
      current.pinned.epochState === this.#view.epochState &&
      current.pinned.version === this.#standing?.version
    return isThere ? current : undefined
  }

  // Skips versions that changed nothing in the view, at no cost.
  #passQuiet(newest: PinnedSnapshot): void {
    const { held, walk } = this.#state
    if (
      held === 0 ||
      walk !== undefined ||
      this.#lease ||
      newest.epochState !== this.#view.epochState
    )
      return
    const same = this.#view.sameUpTo(held, newest.version)
    if (same > held) this.#state = { held: same }
  }

  #take(slice: FrameRequest, frame: WalkFrame | undefined, live: boolean): CursorStep {
    if (frame === undefined) return { type: "slice", bytes: undefined, whole: false }
    const { pinned } = slice
    this.#state = walked(this.#state, pinned.version, frame)
    const { walk } = this.#state
    if (walk === undefined) {
      this.#stand(pinned)
      return { type: "slice", bytes: frame.bytes, whole: true }
    }
    this.#lease ??= this.#fanOut.leases.grant(pinned, this.#fanOut.limits.leaseMs)
    this.#lease.renew()
    if (walk.place === undefined && !live) this.#sums = this.#view.sumsAt(pinned)
    return { type: "slice", bytes: frame.bytes, whole: false }
  }

  #stand(pinned: PinnedSnapshot): void {
    const { version, reach, report } = pinned
    if (this.#standing?.version !== version) this.#standing = { version, reach, report }
    this.#endLease()
  }

  #endLease(): void {
    this.#lease?.end()
    this.#lease = undefined
  }
}
