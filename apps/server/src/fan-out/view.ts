import type { EpochState } from "@headwater/cache"
import type { Clock, Revision } from "@headwater/core"
import type { Filter, ViewSums } from "@headwater/core/engine"
import { type ValueKind, type ViewFilter, viewOf } from "@headwater/protocol"
import type { HubLimits } from "../limits.ts"
import type { Lease, Leases } from "./leases.ts"
import type { Root, Sums } from "./root.ts"
import type { Turns } from "./turns.ts"

/** A reader, as woken when there is something new for it. */
export interface Follower {
  wake(): void
}

/** What a view needs of its topic. */
export interface ViewHost {
  readonly clock: Clock
  readonly turns: Turns
  readonly leases: Leases
  readonly limits: HubLimits
}

/** A step to a newer version that is a single frame: the event `jumped` of a reader. */
export interface Hop {
  readonly type: "jumped"
  readonly since: number
  readonly root: Root
  readonly at: { readonly revision: Revision; readonly id: string }
  /** Nothing where nothing passes the view. */
  readonly bytes: Uint8Array | undefined
}

/**
 * What some readers want to see of one life: the filter, how much it lets through, and the root
 * from which those who join start.
 *
 * Sums are worked out when a `sync` needs them, at the cost of what changed since the last time; an
 * unfiltered view has them from the snapshot. Disposed of by `Views`, when nobody has used it for a
 * while or its life is over.
 */
export class View {
  /** As it stands in ids: 8 hex digits, `""` for the unfiltered one. */
  readonly id: string
  /** Tells it from every other view of its life; an id, being 32 bits, does not. */
  readonly number: number
  readonly life: EpochState
  readonly filter: Filter | undefined
  /**
   * The step that readers at rest took last. Pins nothing: a root that was let go of is not used.
   */
  hop: Hop | undefined
  /** Readers to be woken when the view changes; of a filtered view only. */
  readonly followers = new Set<Follower>()
  /** Prefixes and keys, as the index of terms has them. */
  readonly terms: ViewFilter
  readonly #host: ViewHost
  readonly #sumsAt = new WeakMap<Root, Sums | Promise<Sums>>()
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
    spec: ViewFilter & { readonly values: ValueKind },
    life: EpochState,
    host: ViewHost,
    newest: number,
  ) {
    this.number = number
    this.id = viewOf(spec)
    this.life = life
    this.terms = { prefixes: spec.prefixes, keys: spec.keys }
    this.filter = this.id === "" ? undefined : life.engine.filter(this.terms)
    this.#host = host
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

  /** Whether it can no longer be used. */
  get disposed(): boolean {
    return this.#disposed
  }

  /**
   * The root from which a reader that holds nothing starts: the newest one, and for the next ten
   * seconds the same one, so that what was encoded for the first serves all who join.
   */
  freshRoot(newest: Root): Root {
    const shared = this.#fresh?.root
    if (shared !== undefined && shared.version >= this.life.horizon) return shared
    this.#fresh?.end()
    this.#fresh = this.#host.leases.grant(newest, this.#host.limits.frameCacheMs)
    void this.sumsAt(newest)
    return newest
  }

  /**
   * Size and digest of what the view lets through of a root, which the caller holds at the first
   * call. At once for the unfiltered view. Rejects when the view is given up or its life ends.
   */
  sumsAt(root: Root): Sums | Promise<Sums> {
    let sums = this.#sumsAt.get(root)
    if (sums === undefined) {
      sums = this.#unchanged(root) ?? this.#workOut(root)
      // Nobody may be left to hear that it failed.
      if (sums instanceof Promise) sums.catch(() => {})
      this.#sumsAt.set(root, sums)
    }
    return sums
  }

  /**
   * Moves sums that stand on an old version, which they pin, to the newest one: at no cost where
   * the view did not change, else at that of the changes. Sums that no reader asked for lately are
   * forgotten instead, and counted afresh when one asks again.
   */
  freshen(newest: Root): void {
    const sums = this.#sums
    if (sums === undefined || this.#advancing > 0 || sums.version === newest.version) return
    const { clock, limits } = this.#host
    if (clock.elapsed() - this.#sumsUsed > limits.syncIntervalMs + 2 * limits.frameCacheMs) {
      this.#sums = undefined
      if (!this.life.disposed) sums.dispose()
    } else if (this.#isUnchanged(sums.version, newest)) sums.moveUnchanged(newest.snapshot)
    else void this.sumsAt(newest)
  }

  /** Frees the filter and the sums. Twice is harmless. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#fresh?.end()
    if (this.life.disposed) return
    this.#sums?.dispose()
    this.filter?.dispose()
  }

  #isUnchanged(version: number, root: Root): boolean {
    return version >= this.#changedAt && version <= root.version
  }

  #unchanged(root: Root): Sums | undefined {
    const known = this.#known
    if (known === undefined || !this.#isUnchanged(known.version, root)) return undefined
    this.#sumsUsed = this.#host.clock.elapsed()
    return known.sums
  }

  #workOut(root: Root): Sums | Promise<Sums> {
    const { filter } = this
    if (filter === undefined) {
      const { size, digest } = root.snapshot
      return { entries: size, digest }
    }
    root.retain()
    this.#advancing++
    const advanced = this.#queue.then(() => this.#advance(filter, root))
    const sums = advanced.finally(() => {
      this.#advancing--
      this.#sumsUsed = this.#host.clock.elapsed()
      root.release()
    })
    this.#queue = sums.catch(() => {})
    return sums
  }

  // One at a time, in the order asked for: the sums stand on one version. What was asked for an
  // older version than they stand on is counted afresh, which is rare and never wrong.
  async #advance(filter: Filter, root: Root): Promise<Sums> {
    if (this.#disposed) throw new ViewGoneError("the view was given up")
    const kept = this.#sums
    if (kept === undefined || kept.version <= root.version) {
      this.#sums ??= this.life.engine.viewSums(filter)
      return this.#advanceTo(root, this.#sums)
    }
    const passing = this.life.engine.viewSums(filter)
    try {
      return await this.#advanceTo(root, passing)
    } finally {
      if (!this.life.disposed) passing.dispose()
    }
  }

  async #advanceTo(root: Root, sums: ViewSums): Promise<Sums> {
    const { turns, limits } = this.#host
    let isThere = false
    while (!isThere) {
      isThere = await turns.run(() => {
        if (this.#disposed) throw new ViewGoneError("the view was given up")
        return sums.advance(root.snapshot, limits.visitsMax)
      })
    }
    const { entries, digest } = sums
    if (root.version >= (this.#known?.version ?? 0)) {
      this.#known = { version: root.version, sums: { entries, digest } }
    }
    return { entries, digest }
  }
}

/** The view's life is over, or nobody used it: look at what is served now. Never leaves the hub. */
export class ViewGoneError extends Error {
  override readonly name = "ViewGoneError"
}
