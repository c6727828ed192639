import { GuardedObserver, type Status } from "@headwater/core"
import type { Policy } from "@headwater/stream"
import type { CacheResetReason } from "./follow/cache-frame.ts"

/**
 * The facts that a cache reports to metrics. Every method may be absent, and then costs nothing.
 * None may call the cache. An error that one throws goes to `onError`, and changes nothing else.
 *
 * Source: the meanings of Typha's snapcache metrics, and what they lacked (U38).
 */
export interface CacheObserver {
  /** A chunk of the watch was applied, with so many updates. */
  onApply?(counts: { readonly updates: number }): void
  /** A list was applied to its end, with so many live entries, in so many ms from its begin. */
  onResync?(list: { readonly entries: number; readonly durationMs: number }): void
  /** A breadcrumb was made, over so many entries. */
  onBreadcrumb?(crumb: { readonly sequence: number; readonly entries: number }): void
  /** A breadcrumb was encoded for `pin` followers: once for all of them. */
  onEncode?(bytes: number): void
  /** The status of the link to the source changed. */
  onStatus?(status: Status): void
  /** So many waiters were woken. */
  onWake?(waiters: number): void
  /** A follower began or ended: the number of all followers, and of those with this policy. */
  onFollowers?(
    followers: number,
    of: { readonly policy: Policy["type"]; readonly followers: number },
  ): void
  /** A follower begins with a snapshot, and why; `resumed` when it goes on where it was. */
  onRun?(how: CacheResetReason | "resumed"): void
  /**
   * A follower receives conflated changes: so many versions at once, after a lag of so many ms.
   */
  onCatchUp?(run: {
    readonly policy: Policy["type"]
    readonly versions: number
    readonly lagMs: number
  }): void
  /** A follower stalled in a run: its lease expired, and it goes on over a later version. */
  onLeaseEnd?(): void
  /** A follower ended: it lagged, it left, it was cancelled, or the cache was closed. */
  onEnd?(end: {
    readonly policy: Policy["type"]
    readonly reason: "lagged" | "cancelled" | "closed" | "left" | "failed"
  }): void
  /** Memory was full: an update was not applied. */
  onMemoryFull?(): void
  /** Another method of the observer threw this. */
  onError?(error: unknown): void
}

/** Counts the followers by policy, for the observer. */
export class FollowerCounts {
  readonly #observer: CacheObserver | undefined
  readonly #counts: Record<Policy["type"], number> = { conflate: 0, pin: 0, disconnect: 0 }

  constructor(observer: CacheObserver | undefined) {
    this.#observer = observer
  }

  /** Adds a follower, or with -1 takes one away. */
  count(policy: Policy["type"], by: 1 | -1): void {
    this.#counts[policy] += by
    const { conflate, pin, disconnect } = this.#counts
    const of = { policy, followers: this.#counts[policy] }
    this.#observer?.onFollowers?.(conflate + pin + disconnect, of)
  }
}

const METHODS: Readonly<Record<Exclude<keyof CacheObserver, "onError">, true>> = {
  onApply: true,
  onResync: true,
  onBreadcrumb: true,
  onEncode: true,
  onStatus: true,
  onWake: true,
  onFollowers: true,
  onRun: true,
  onCatchUp: true,
  onLeaseEnd: true,
  onEnd: true,
  onMemoryFull: true,
}

/** The same observer; an error that one of its methods throws goes to its `onError` alone. */
export function guarded(observer: CacheObserver | undefined): CacheObserver | undefined {
  const names = Object.keys(METHODS) as (keyof typeof METHODS)[]
  return observer && new GuardedObserver(observer, names).tells
}
