import type { CloseReason } from "@headwater/core"
import type { PolicyType } from "./observer.ts"
import type { Subscription } from "./subscription.ts"
import { TooManyError } from "./too-many-error.ts"

/** The open subscriptions of a publisher: counted by policy, bounded, and found by identity. */
export class Subscribers<Payload> {
  readonly #subscriptionsMax: number
  readonly #byIdentity = new Map<string, Set<Subscription<Payload>>>()
  readonly #byPolicy = { conflate: 0, pin: 0, disconnect: 0 }

  constructor(subscriptionsMax: number) {
    this.#subscriptionsMax = subscriptionsMax
  }

  /** How many there are. */
  get size(): number {
    const { conflate, pin, disconnect } = this.#byPolicy
    return conflate + pin + disconnect
  }

  /** How many there are of each policy. */
  get byPolicy(): Readonly<Record<PolicyType, number>> {
    return { ...this.#byPolicy }
  }

  /** @throws {TooManyError} there are `subscriptionsMax` of them. */
  assertRoom(): void {
    if (this.size < this.#subscriptionsMax) return
    throw new TooManyError("subscriptions", this.#subscriptionsMax)
  }

  add(subscription: Subscription<Payload>, policy: PolicyType): void {
    this.#byPolicy[policy]++
    const { identity } = subscription
    if (identity === undefined) return
    const known = this.#byIdentity.get(identity)
    if (known === undefined) this.#byIdentity.set(identity, new Set([subscription]))
    else known.add(subscription)
  }

  remove(subscription: Subscription<Payload>, policy: PolicyType): void {
    this.#byPolicy[policy]--
    const { identity } = subscription
    if (identity === undefined) return
    const known = this.#byIdentity.get(identity)
    known?.delete(subscription)
    if (known?.size === 0) this.#byIdentity.delete(identity)
  }

  /** Closes those of an identity. */
  closeFor(identity: string, reason: CloseReason): void {
    for (const subscription of [...(this.#byIdentity.get(identity) ?? [])]) {
      subscription.close(reason)
    }
  }
}
