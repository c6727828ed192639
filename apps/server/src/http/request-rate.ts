import type { Clock } from "@headwater/core"
import type { HubLimits } from "../limits.ts"

/** Seconds for which an address may save up requests that it does not send. */
const BURST_SECONDS = 2

/** Addresses that are remembered at once; the one that asked first is forgotten for another. */
const ADDRESSES_MAX = 65_536

interface AddressBucket {
  tokens: number
  at: number
}

/**
 * Requests of each address per second, by token buckets: `requestsPerSecondMax`, and twice as many
 * at once after a rest.
 */
export class RequestRate {
  readonly #clock: Clock
  readonly #limits: HubLimits
  /** In the order in which addresses began: only those that are not full are worth keeping. */
  readonly #buckets = new Map<string, AddressBucket>()

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Takes a request. Returns the seconds to wait for the next one where it is one too many. */
  take(address: string): number | undefined {
    const perSecond = this.#limits.requestsPerSecondMax
    const now = this.#clock.elapsed()
    const bucket = this.#buckets.get(address) ?? this.#begin(address, now)
    const saved = bucket.tokens + ((now - bucket.at) / 1_000) * perSecond
    bucket.tokens = Math.min(perSecond * BURST_SECONDS, saved)
    bucket.at = now
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perSecond)
    bucket.tokens -= 1
    return undefined
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  #begin(address: string, now: number): AddressBucket {
    if (this.#buckets.size >= ADDRESSES_MAX) this.#forget()
    const bucket = { tokens: this.#limits.requestsPerSecondMax * BURST_SECONDS, at: now }
    this.#buckets.set(address, bucket)
    return bucket
  }

  #forget(): void {
    for (const address of this.#buckets.keys()) {
      this.#buckets.delete(address)
      return
    }
  }
}
