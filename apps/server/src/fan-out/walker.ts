import { type CatchUp, NOTHING_HELD, plan, walked } from "@headwater/cache"
import { assert, DisposedError, type Revision, type StatusReport } from "@headwater/core"
import { formatStreamId, type ViewFilter } from "@headwater/protocol"
import type { FanOut, Moment } from "./fan-out.ts"
import type { Frame, Slice } from "./frames.ts"
import type { Lease } from "./leases.ts"
import type { Root, Sums } from "./root.ts"
import { type Follower, type Hop, type View, ViewGoneError } from "./view.ts"

/** What a walker comes to, one step at a time. */
export type Step =
  /** The reader holds the newest version. */
  | { readonly type: "idle" }
  /**
   * A slice of a walk. Nothing to send when nothing in it passes the view. `whole`: the reader now
   * holds exactly one version, so it may be told where it is.
   */
  | { readonly type: "slice"; readonly bytes: Uint8Array | undefined; readonly whole: boolean }
  /** What the reader holds is void. */
  | { readonly type: "reset"; readonly reason: "epoch-changed" | "compacted" }

/** Where a reader stands: the version that it holds whole. */
interface Standing {
  readonly version: number
  readonly reach: Revision
  /** The hub's link to its source as of that version. */
  readonly report: StatusReport
}

/** What it costs to write a frame of 64 KiB to a connection, about. */
const WRITE_MS = 0.05

/**
 * Takes one reader from what it holds to what is newest, slice by slice.
 *
 * Between two steps it is a few numbers, a handle on a view, and for about a second after the last
 * step of an unfinished walk a lease on the root of that walk; see `CatchUp` for what it does then.
 */
export class Walker {
  readonly #fanOut: FanOut
  readonly #view: View
  #state: CatchUp = NOTHING_HELD
  #lease: Lease | undefined
  #sums: Sums | Promise<Sums> | undefined
  #standing: Standing | undefined
  #floor: Revision = 0
  readonly #closers: (() => void)[] = []

  /**
   * There must be a moment.
   *
   * @param follower is woken when the view changes.
   * @throws {TooManyError} too many views are in use.
   */
  constructor(
    fanOut: FanOut,
    filter: ViewFilter & { readonly address?: string | undefined },
    follower: Follower,
  ) {
    const { views } = fanOut
    assert(views !== undefined, "readers walk once there is something to walk")
    this.#fanOut = fanOut
    const { prefixes, keys, address } = filter
    this.#view = views.retain({ prefixes, keys, values: fanOut.values, address })
    this.#closers.push(() => views.release(this.#view, address))
    this.#closers.push(fanOut.watch(follower, this.#view))
  }

  /** The epoch of the life that it walks. */
  get epoch(): string {
    return this.#view.life.epoch
  }

  /** As in ids. */
  get viewId(): string {
    return this.#view.id
  }

  /** The version that the reader holds whole, or held before the walk that it is in. */
  get held(): number {
    return this.#state.held
  }

  /** Tells its view from others of its life. */
  get viewNumber(): number {
    return this.#view.number
  }

  /** Status to be told with the data that the reader holds. */
  get report(): StatusReport {
    return this.#newest?.root.report ?? this.#standing?.report ?? this.#fanOut.report
  }

  /**
   * Whether the reader stands on what is newest. Only there, or at the end of a catch-up, its sums
   * are known: a newer root may have come while a step was waited for.
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
    const sums = newest === undefined ? this.#sums : this.#view.sumsAt(newest.root)
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
    const root = this.#fanOut.moment?.root
    if (version > 0 || root?.life !== this.#view.life) return
    this.#lease = this.#fanOut.leases.grant(this.#view.freshRoot(root), this.#fanOut.limits.leaseMs)
  }

  /** An id of this revision was sent: no later one goes below it. */
  told(revision: Revision): void {
    this.#floor = Math.max(this.#floor, revision)
  }

  /** The id of a revision, in this reader's view. */
  idOf(revision: Revision): string {
    return formatStreamId({ epoch: this.epoch, revision, view: this.#view.id })
  }

  /**
   * Goes on.
   *
   * @param live deltas that end a walk get ids; else they are all partial, and a `sync` follows.
   */
  step(live: boolean): Step | Promise<Step> {
    const { moment, frames, turns, leases, limits, values } = this.#fanOut
    const view = this.#view
    if (moment?.root.life !== view.life) return { type: "reset", reason: "epoch-changed" }
    if (this.#lease?.root === undefined) this.#lease = undefined
    this.#passQuiet(moment.root)
    const root = this.#lease?.root ?? moment.root
    const next = plan(this.#state, { version: root.version, horizon: view.life.horizon })
    if (next.type === "reset") return { type: "reset", reason: "compacted" }
    if (next.type === "idle") {
      if (!live) this.#sums = view.sumsAt(root)
      this.#stand(root)
      return next
    }

    if (this.#state.walk === undefined && !live) this.#sums = view.sumsAt(root)
    const { since, began, after } = next
    const isPlaced = live && since > 0
    const revision = since > 0 ? Math.max(root.reach, this.#floor) : 0
    const id = isPlaced ? this.idOf(revision) : undefined
    const slice: Slice = { view, root, since, began, after, revision, id }
    const kept = frames.kept(slice)
    // Rounds share out the writing of live frames; who catches up has many large ones.
    if (kept !== undefined && live) return this.#take(slice, kept, live)
    this.#lease ??= leases.grant(root, limits.leaseMs)
    const lease = this.#lease
    const made = turns.run(() => {
      // Whoever waited for a turn may find that what it wanted to read is gone.
      if (view.disposed || lease.root === undefined) return undefined
      return frames.make(slice, values)
    }, WRITE_MS)
    return made instanceof Promise
      ? made.then((frame) => this.#take(slice, frame, live))
      : this.#take(slice, made, live)
  }

  /**
   * Goes to the newest root in one step, where that takes one frame which can be had now; else
   * nothing, and nothing has changed. For readers at rest: those who rest on one version share it.
   */
  hop(): Hop | undefined {
    const { moment, frames, turns, values } = this.#fanOut
    const view = this.#view
    const root = moment?.root
    if (root !== undefined) this.#passQuiet(root)
    const since = this.#state.held
    if (root?.life !== view.life || this.#state.walk !== undefined || this.#lease) return undefined
    if (since === 0 || since >= root.version || this.#floor > root.reach) return undefined
    if (view.hop?.since !== since || view.hop.root !== root) {
      if (since < view.life.horizon || view.disposed) return undefined
      const revision = root.reach
      const id = this.idOf(revision)
      const slice: Slice = { view, root, since, began: root.version, revision, id }
      // Work for a later turn would need a lease: a newer commit may release the root before that.
      const frame = frames.kept(slice) ?? turns.runNow(() => frames.make(slice, values))
      if (frame === undefined || !frame.ended) return undefined
      view.hop = { type: "jumped", since, root, at: { revision, id }, bytes: frame.bytes }
    }
    this.#state = { held: root.version }
    this.#stand(root)
    return view.hop
  }

  /** How long ago the first change was made that the reader lacks, in ms. */
  get lagMs(): number {
    const { moment, cache } = this.#fanOut
    const { held } = this.#state
    const newest = moment?.root.life === this.#view.life ? moment.root.version : held
    const isUpToDate = this.#view.sameUpTo(held, newest) >= newest
    return isUpToDate ? 0 : cache.lagMs(held)
  }

  /** Lets go of everything. */
  close(): void {
    this.#endLease()
    for (const close of this.#closers.splice(0)) close()
  }

  /** Tells whether an error only says that the life has ended meanwhile. */
  isOver(error: unknown): boolean {
    if (!(error instanceof DisposedError) && !(error instanceof ViewGoneError)) return false
    this.#fanOut.refresh()
    return this.#fanOut.moment?.root.life !== this.#view.life
  }

  /** The moment, if the reader stands on its root. */
  get #newest(): Moment | undefined {
    const { moment } = this.#fanOut
    const isThere =
      moment !== undefined &&
      moment.root.life === this.#view.life &&
      moment.root.version === this.#standing?.version
    return isThere ? moment : undefined
  }

  // Over versions that changed nothing in the view, a reader that holds one of them gets for free.
  #passQuiet(newest: Root): void {
    const { held, walk } = this.#state
    if (held === 0 || walk !== undefined || this.#lease || newest.life !== this.#view.life) return
    const same = this.#view.sameUpTo(held, newest.version)
    if (same > held) this.#state = { held: same }
  }

  #take(slice: Slice, frame: Frame | undefined, live: boolean): Step {
    if (frame === undefined) return { type: "slice", bytes: undefined, whole: false }
    const { root } = slice
    this.#state = walked(this.#state, root.version, frame)
    const { walk } = this.#state
    if (walk === undefined) {
      this.#stand(root)
      return { type: "slice", bytes: frame.bytes, whole: true }
    }
    this.#lease ??= this.#fanOut.leases.grant(root, this.#fanOut.limits.leaseMs)
    this.#lease.renew()
    if (walk.place === undefined && !live) this.#sums = this.#view.sumsAt(root)
    return { type: "slice", bytes: frame.bytes, whole: false }
  }

  #stand(root: Root): void {
    const { version, reach, report } = root
    if (this.#standing?.version !== version) this.#standing = { version, reach, report }
    this.#endLease()
  }

  #endLease(): void {
    this.#lease?.end()
    this.#lease = undefined
  }
}
