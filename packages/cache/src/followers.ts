import type { Policy } from "@headwater/stream"
import type { CacheObserver } from "./observer.ts"

/** Counts who follows, by policy, for the observer. */
export class Followers {
  readonly #observer: CacheObserver | undefined
  readonly #counts: Record<Policy["type"], number> = { conflate: 0, pin: 0, disconnect: 0 }

  constructor(observer: CacheObserver | undefined) {
    this.#observer = observer
  }

  /** Somebody begins, or with -1 ends, to follow. */
  count(policy: Policy["type"], by: 1 | -1): void {
    this.#counts[policy] += by
    const { conflate, pin, disconnect } = this.#counts
    const of = { policy, followers: this.#counts[policy] }
    this.#observer?.onFollowers?.(conflate + pin + disconnect, of)
  }
}
