import { assert, type CloseReason } from "@headwater/core"
import type { PolicyType } from "./observer.ts"
import { PublisherFullError } from "./publisher-full-error.ts"
import type { Subscription } from "./subscription.ts"

/** The open subscriptions of a publisher: counted by policy, bounded, and found by identity. */
export class Subscribers<Payload> {
  readonly #subscriptionsMax: number
  readonly #byIdentity = new Map<string, Set<Subscription<Payload>>>()
  readonly #byPolicy = { conflate: 0, pin: 0, disconnect: 0 }

  constructor(subscriptionsMax: number) {
    this.#subscriptionsMax = subscriptionsMax
  }

  /** The number of open subscriptions. */
  get size(): number {
    const { conflate, pin, disconnect } = this.#byPolicy
    return conflate + pin + disconnect
  }

  /** The number of open subscriptions by policy. */
  get byPolicy(): Readonly<Record<PolicyType, number>> {
    return { ...this.#byPolicy }
  }

  /** @throws {PublisherFullError} there are `subscriptionsMax` of them. */
  assertRoom(): void {
    if (this.size < this.#subscriptionsMax) return
    throw new PublisherFullError("subscriptions", this.#subscriptionsMax)
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

  /** Asserts what must hold between two calls: see `EventPublisher.assertInvariants`. */
  assertInvariants(): void {
    for (const [identity, known] of this.#byIdentity) {
      assert(known.size > 0, "an identity in the table has subscriptions")
      for (const subscription of known) {
        assert(subscription.identity === identity, "a subscription is found by its identity")
        assert(subscription.closed === undefined, "a subscription in the table is open")
      }
    }
  }

  /** Closes those of an identity. */
  closeFor(identity: string, reason: CloseReason): void {
    for (const subscription of [...(this.#byIdentity.get(identity) ?? [])]) {
      subscription.close(reason)
    }
  }
}
