import { GuardedObserver, type SyncErrorCode } from "@headwater/core"

/**
 * The facts that a syncer reports to metrics. Every method may be absent. None may call the syncer.
 * An error that one throws goes to `onError`, and changes nothing else.
 */
export interface SyncerObserver {
  /** A watch was opened: the first one, or again after the one before was lost. */
  onWatch?(): void
  /** A question, a list or a watch failed, or the cache refused what the source sent. */
  onFailure?(code: SyncErrorCode): void
  /** An epoch began: the source is another one, or its history is. */
  onEpoch?(epoch: string): void
  /** Another method of the observer threw this. */
  onError?(error: unknown): void
}

const METHODS: Readonly<Record<Exclude<keyof SyncerObserver, "onError">, true>> = {
  onWatch: true,
  onFailure: true,
  onEpoch: true,
}

/** The same observer; an error that one of its methods throws goes to its `onError` alone. */
export function guarded(observer: SyncerObserver | undefined): SyncerObserver | undefined {
  const names = Object.keys(METHODS) as (keyof typeof METHODS)[]
  return observer && new GuardedObserver(observer, names).tells
}
