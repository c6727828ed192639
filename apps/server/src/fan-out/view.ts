import type { EpochState, Lease, Leases, PinnedSnapshot } from "@headwater/cache"
import type { Clock, Revision } from "@headwater/core"
import type { Filter, ViewSums } from "@headwater/core/engine"
import { type ViewFilter, type ViewSpec, viewOf } from "@headwater/protocol"
import type { HubLimits } from "../limits.ts"
import type { HubObserver } from "../observe/hub-observer.ts"
import type { TurnScheduler } from "./turn-scheduler.ts"

/** A reader, as woken when there is something new for it. */
export interface Wakeable {
  wake(): void
}

/** The number of entries in a view, and the digest that proves them. */
export interface Sums {
  readonly entries: number
  readonly digest: string
}

/** The parts of a topic that a view needs. */
export interface ViewContext {
  readonly clock: Clock
  readonly turns: TurnScheduler
  readonly leases: Leases
  readonly limits: HubLimits
  readonly topic: string
  readonly observer: HubObserver
}

/** A step to a newer version that is a single frame: the event `jumped` of a reader. */
export interface Jump {
  readonly type: "jumped"
  readonly since: number
  readonly pinned: PinnedSnapshot
  readonly at: { readonly revision: Revision; readonly id: string }
  /** Nothing where nothing passes the view. */
  readonly bytes: Uint8Array | undefined
  /** True if other readers were served a version between. */
  readonly isConflated: boolean
}

/**
 * The part of one epoch that some readers ask for: the filter, the sums of what it lets through,
 * and the snapshot from which readers that join start.
 *
 * Sums are counted when a `sync` needs them, at the cost of what changed since the last time; an
 * unfiltered view takes them from the snapshot. `Views` disposes of a view when no reader has used
 * it for a while, or when its epoch ends.
 */
export class View {
  /** The view in ids: 8 hex digits, `""` for the unfiltered one. */
  readonly id: string
  /** Unique among the views of its epoch; `id` has 32 bits and is not. */
  readonly number: number
  readonly epochState: EpochState
  readonly filter: Filter | undefined
  /**
   * The step that readers at rest took last. Pins nothing: once its snapshot is released, it is not
   * used.
   */
  jump: Jump | undefined
  /** Readers to be woken when the view changes; of a filtered view only. */
  readonly followers = new Set<Wakeable>()
  /** Prefixes and keys that pass: where a grant cuts the request, those that both have. */
  readonly terms: ViewFilter
  readonly #context: ViewContext
  readonly #sumsAt = new WeakMap<PinnedSnapshot, Sums | Promise<Sums>>()
  #sums: ViewSums | undefined
  #sumsUsed = 0
  #advancing = 0
  #queue: Promise<unknown> = Promise.resolve()
  #known: { readonly version: number; readonly sums: Sums } | undefined
  /** The newest served version that brought a change of the view, or may have. */
  #changedAt = Number.POSITIVE_INFINITY
  /** Served versions, both included, between the two changes before: all alike in this view. */
  #quietFrom = 0
  #quietTo = -1
  #fresh: Lease | undefined
  #disposed = false

  constructor(
    number: number,
    spec: ViewSpec,
    epochState: EpochState,
    context: ViewContext,
    newest: number,
  ) {
    this.number = number
    this.id = viewOf(spec)
    this.epochState = epochState
    const { prefixes, keys } = spec.grant ?? spec
    this.terms = { prefixes, keys }
    this.filter = this.id === "" ? undefined : epochState.engine.filter(this.terms)
    this.#context = context
    if (this.filter !== undefined) this.#changedAt = newest
  }

  /** Notes that `version`, the first one served after `before`, brought a change, or may have. */
  changed(version: number, before: number): void {
    if (this.filter === undefined) return
    this.#quietFrom = this.#changedAt
    this.#quietTo = before
    this.#changedAt = version
  }

  /**
   * The newest version, up to the one served now, in which the view is as it was at `version`. A
   * reader that holds one holds the other: so readers of a view that is quiet cost nothing, stay
   * above the horizon, and take the next frame from one place.
   */
  sameUpTo(version: number, newest: number): number {
    if (version >= this.#changedAt) return newest
    return version >= this.#quietFrom && version <= this.#quietTo ? this.#quietTo : version
  }

  /** True once it cannot be used. */
  get disposed(): boolean {
    return this.#disposed
  }

  /**
   * Returns the snapshot from which a reader that holds nothing starts: the newest one, and for the
   * next ten seconds the same one, so that frames encoded for the first reader serve all that join.
   */
  freshSnapshot(newest: PinnedSnapshot): PinnedSnapshot {
    const shared = this.#fresh?.pinned
    const isShared = shared !== undefined && shared.version >= this.epochState.horizon
    const { topic, observer } = this.#context
    observer.onSnapshot?.({ topic, isShared })
    if (isShared) return shared
    this.#fresh?.end()
    this.#fresh = this.#context.leases.grant(newest, this.#context.limits.frameCacheMs)
    void this.sumsAt(newest)
    return newest
  }

  /**
   * Returns the size and digest of what the view lets through of a snapshot, which the caller pins
   * at the first call; at once for the unfiltered view. Rejects when the view or its epoch ends.
   */
  sumsAt(pinned: PinnedSnapshot): Sums | Promise<Sums> {
    let sums = this.#sumsAt.get(pinned)
    if (sums === undefined) {
      sums = this.#unchanged(pinned) ?? this.#workOut(pinned)
      // The reader that asked may have left before it fails.
      if (sums instanceof Promise) sums.catch(() => {})
      this.#sumsAt.set(pinned, sums)
    }
    return sums
  }

  /**
   * Moves sums that stand on an old version, which they pin, to the newest one: at no cost where
   * the view did not change, else at that of the changes. Sums that no reader asked for lately are
   * forgotten instead, and counted afresh when one asks again.
   */
  freshen(newest: PinnedSnapshot): void {
    const sums = this.#sums
    if (sums === undefined || this.#advancing > 0 || sums.version === newest.version) return
    const { clock, limits } = this.#context
    if (clock.elapsed() - this.#sumsUsed > limits.syncIntervalMs + 2 * limits.frameCacheMs) {
      this.#sums = undefined
      if (!this.epochState.disposed) sums.dispose()
    } else if (this.#isUnchanged(sums.version, newest)) sums.moveUnchanged(newest.snapshot)
    else void this.sumsAt(newest)
  }

  /** Frees the filter and the sums. Twice is harmless. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#fresh?.end()
    if (this.epochState.disposed) return
    this.#sums?.dispose()
    this.filter?.dispose()
  }

  #isUnchanged(version: number, pinned: PinnedSnapshot): boolean {
    return version >= this.#changedAt && version <= pinned.version
  }

  #unchanged(pinned: PinnedSnapshot): Sums | undefined {
    const known = this.#known
    if (known === undefined || !this.#isUnchanged(known.version, pinned)) return undefined
    this.#sumsUsed = this.#context.clock.elapsed()
    return known.sums
  }

  #workOut(pinned: PinnedSnapshot): Sums | Promise<Sums> {
    const { filter } = this
    if (filter === undefined) {
      const { size, digest } = pinned.snapshot
      return { entries: size, digest }
    }
    pinned.retain()
    this.#advancing++
    const advanced = this.#queue.then(() => this.#advance(filter, pinned))
    const sums = advanced.finally(() => {
      this.#advancing--
      this.#sumsUsed = this.#context.clock.elapsed()
      pinned.release()
    })
    this.#queue = sums.catch(() => {})
    return sums
  }

  // One at a time, in order: the sums stand on one version. Sums of an older version are counted
  // afresh, which is rare.
  async #advance(filter: Filter, pinned: PinnedSnapshot): Promise<Sums> {
    if (this.#disposed) throw new ViewGoneError("the view was given up")
    const kept = this.#sums
    if (kept === undefined || kept.version <= pinned.version) {
      this.#sums ??= this.epochState.engine.viewSums(filter)
      return this.#advanceTo(pinned, this.#sums)
    }
    const passing = this.epochState.engine.viewSums(filter)
    try {
      return await this.#advanceTo(pinned, passing)
    } finally {
      if (!this.epochState.disposed) passing.dispose()
    }
  }

  async #advanceTo(pinned: PinnedSnapshot, sums: ViewSums): Promise<Sums> {
    const { turns, limits } = this.#context
    let isThere = false
    while (!isThere) {
      isThere = await turns.run(() => {
        if (this.#disposed) throw new ViewGoneError("the view was given up")
        return sums.advance(pinned.snapshot, limits.visitsMax)
      })
    }
    const { entries, digest } = sums
    if (pinned.version >= (this.#known?.version ?? 0)) {
      this.#known = { version: pinned.version, sums: { entries, digest } }
    }
    return { entries, digest }
  }
}

/** The view or its epoch has ended: look at what is served now. Never leaves the hub. */
export class ViewGoneError extends Error {
  override readonly name = "ViewGoneError"
}
