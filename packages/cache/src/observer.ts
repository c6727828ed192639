import type { Status } from "@headwater/core"
import type { ResetReason } from "./cache-frame.ts"

/**
 * What a cache tells whoever measures it. Every method may be absent, and then costs nothing; none
 * may throw, or call the cache.
 *
 * Source: the meanings of Typha's snapcache metrics, and what they lacked (U38).
 */
export interface CacheObserver {
  /** A chunk of the watch was applied, with so many updates. */
  onApply?(counts: { readonly updates: number }): void
  /** A breadcrumb was made, over so many entries. */
  onBreadcrumb?(crumb: { readonly sequence: number; readonly entries: number }): void
  /** The status of the link to the source changed. */
  onStatus?(status: Status): void
  /** So many waiters were woken. */
  onWake?(waiters: number): void
  /** Somebody began to follow, or ended. */
  onFollowers?(followers: number): void
  /** A follower starts afresh, and why; `resumed` when it goes on where it was. */
  onRun?(how: ResetReason | "resumed"): void
  /** Memory was full: what was to be applied was not. */
  onMemoryFull?(): void
}
