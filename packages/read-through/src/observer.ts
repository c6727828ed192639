import { GuardedObserver } from "@headwater/core"

/**
 * Called by a read-through cache, for metrics. Every method may be absent, and then costs nothing.
 * None may call the cache: that throws. An error that a method throws goes to `onError` alone.
 *
 * Source: the meanings of Consul's cache metrics.
 */
export interface ReadThroughObserver {
  /** The number of entries or bytes changed. */
  onSize?(size: { readonly entries: number; readonly bytes: number }): void
  /** A request without a key was read past the cache. */
  onBypass?(type: string): void
  /** A request was answered from the cache. */
  onHit?(type: string): void
  /** A request has to wait: for a `new` entry, or, `block`, for a later position. */
  onMiss?(type: string, why: "new" | "block"): void
  /** A read ended. `isFatal`: it is not tried again by itself. */
  onFetch?(type: string, outcome: FetchOutcome): void
  /** An entry was dropped. */
  onEvict?(type: string, why: "expired" | "bound" | "asked"): void
  /**
   * Another method threw this, or a callback of a type did: `bytesOf`, `isFatal`, or the `close` of
   * its state. When absent, errors of types are written to the console.
   */
  onError?(error: unknown): void
}

/** Guards an observer, if there is one. */
export function guardedObserver(
  observer: ReadThroughObserver | undefined,
): GuardedObserver<ReadThroughObserver> | undefined {
  return observer && new GuardedObserver(observer, METHODS)
}

const METHODS = ["onSize", "onBypass", "onHit", "onMiss", "onFetch", "onEvict"] as const

/** The end of a read. */
export type FetchOutcome =
  | { readonly ok: true; readonly isNotModified: boolean }
  | { readonly ok: false; readonly isFatal: boolean }
