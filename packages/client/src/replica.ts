// Projects that compile for ES2022 have no `AsyncDisposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Position, StatusReport } from "@headwater/core"
import type { ClientState } from "./client-state.ts"
import type { ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"

/**
 * A live copy of a topic, or of a part of it: read at memory speed, always whole, and proven.
 *
 * Its entries are the hub's state at `position`, never more, never less. It moves from id to id in
 * one step, survives every loss of the link, and after a reset is replaced in one step too. Made by
 * `connect`.
 */
export interface Replica<Value = unknown> extends AsyncDisposable {
  /** Resolves with the first whole state; rejects when the replica is closed before. */
  readonly ready: Promise<void>

  /** The number of entries. */
  readonly size: number

  /** The entries are the hub's state here; undefined before the first whole state. */
  readonly position: Position | undefined

  /** 16 hex digits over the entries: PROTOCOL.md §7. */
  readonly digest: string

  /** The link to the hub, and the hub's to its source. The same object until it changes. */
  readonly status: ReplicaStatus

  /** The proofs so far: equal digests of hub and replica. The same object until the next one. */
  readonly proven: Proof

  /** The value under a key, or `undefined`. */
  get(key: string): Value | undefined

  /** The entry under a key, or `undefined`. */
  getEntry(key: string): ReplicaEntry<Value> | undefined

  /** True when there is an entry under a key. */
  has(key: string): boolean

  /** All entries of one state, in no promised order. O(size), at the call. */
  entries(): IterableIterator<ReplicaEntry<Value>>

  /**
   * The present state, immutable: the same object until an entry changes. Bound to the replica.
   *
   * Its `position` is that of the last change, which the replica's own may since have passed.
   */
  readonly getSnapshot: () => ReplicaSnapshot<Value>

  /**
   * Calls a listener at once, and then after every commit that changed anything for a consumer.
   * Bound to the replica. An error of a listener is printed, and harms nothing else.
   *
   * @returns a function that ends it; calling it again is harmless.
   */
  readonly subscribe: (listener: ReplicaListener<Value>) => () => void

  /** Calls a listener whenever `status` or `proven` is another object. Returns its cancellation. */
  readonly subscribeStatus: (listener: () => void) => () => void

  /** Lets go of the link. The entries stay readable. Resolves when nothing is open any more. */
  close(): Promise<void>
}

/** A change as a consumer of the replica sees it. A `touch` is none. */
export type EntryChange<Value = unknown> =
  | { readonly type: "new"; readonly entry: ReplicaEntry<Value> }
  | {
      readonly type: "updated"
      readonly entry: ReplicaEntry<Value>
      readonly previous: ReplicaEntry<Value>
    }
  | { readonly type: "deleted"; readonly previous: ReplicaEntry<Value> }

/** One step of a replica, from one id to another: one or more commits of the source, whole. */
export interface ReplicaCommit<Value = unknown> {
  /** The position of the replica after it. */
  readonly position: Position
  /** At most one for each key. */
  readonly changes: readonly EntryChange<Value>[]
}

/** Takes the state after every change, and the commit; no commit in the first call. */
export type ReplicaListener<Value = unknown> = (
  snapshot: ReplicaSnapshot<Value>,
  commit?: ReplicaCommit<Value>,
) => void

/** The link to the hub, and the hub's own to its source. A new object for every change. */
export interface ReplicaStatus {
  readonly state: ClientState
  /** The hub's last report of its link to its source; kept while the link to the hub is lost. */
  readonly hub: StatusReport | undefined
  /** The reason for the last loss of the link, or for the end; `undefined` while it is live. */
  readonly error: Error | undefined
}

/** The comparisons of the hub's digest with the replica's. */
export interface Proof {
  readonly count: number
  /** Milliseconds since 1970; `undefined` before the first. */
  readonly lastAt: number | undefined
  /** The position of the last proof. */
  readonly position: Position | undefined
  /** The number of mismatches. Each was reported. */
  readonly mismatches: number
}
