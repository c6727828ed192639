import type { Delta, Entry } from "./entry.ts"
import type { Revision } from "./revision.ts"

/**
 * A place that a syncer reads by list and watch and, where it is writable, writes to.
 *
 * A source MUST
 *
 *   - order its commits by revision, and never reuse one within an identity;
 *   - answer all pages of one `list` as of one revision, which the first page names;
 *   - yield to a `watch` from `from` every commit with revision ≥ `from`, whole, once, in order,
 *     and `lost` rather than skip one;
 *   - stop promptly when the signal is aborted, by throwing `signal.reason`, and leave nothing
 *     open.
 *
 * It throws `SourceError` when it cannot be reached or refuses. Any number of calls may run at
 * once. `@headwater/testing/conformance` is the suite that a source passes. Source: Kubernetes list
 * and watch, etcd.
 */
export interface Source {
  /** For logs and errors: `etcd://127.0.0.1:2379/services/`. Never holds a credential. */
  readonly name: string

  /** Distinguishes this source from another at the same address. Compared for equality only. */
  identity(signal: AbortSignal): Promise<string>

  /**
   * True where the identity is the epoch of all entries, which another hub has validated already.
   * Positions of the source then hold here, and positions from here hold there. A hub is such a
   * source.
   */
  readonly namesEpochs?: boolean

  /**
   * True where a list may name another revision for an entry than a watch did, so that two hubs
   * hold different states at one revision. Each hub then has an epoch of its own: a position is
   * good on the hub that gave it, and a reader that moves to another hub gets a snapshot.
   */
  readonly epochPerHub?: boolean

  /** The present revision, linearizable: not below any write that was answered before the call. */
  revision(signal: AbortSignal): Promise<Revision>

  /**
   * Resolves with true once the source has reached a revision, and with false when it never will.
   * For a source that follows another one and has to ask that; others are asked for `revision`.
   */
  readonly reaches?: (revision: Revision, signal: AbortSignal) => Promise<boolean>

  /**
   * The oldest revision that can be listed, and watched from the one after it. Absent where the
   * source does not know. A hub that starts lists there and watches forward, so that it can resume
   * readers of its predecessor.
   */
  readonly oldest?: (signal: AbortSignal) => Promise<Revision>

  /**
   * The highest revision of a present entry. Needed from a source that has `oldest` and whose
   * present revision also rises by changes outside of its watch: a hub that starts is not in sync
   * before the watch has passed this revision.
   */
  readonly lastChange?: (signal: AbortSignal) => Promise<Revision>

  /** All entries as of one revision. At least one page, even when there is no entry. */
  list(request: ListRequest, signal: AbortSignal): AsyncIterable<ListPage>

  /** Every commit from `from` on, until the signal is aborted or `lost` ends the watch. */
  watch(from: Revision, signal: AbortSignal): AsyncIterable<WatchEvent>

  /** Writes all changes in one commit, or none. Absent where the source is read-only. */
  readonly write?: (request: WriteRequest, signal: AbortSignal) => Promise<WriteOutcome>

  /** Closes everything that is open. Later calls reject. */
  close(): Promise<void>
}

/** The revision to list; the present one when no field is set. */
export interface ListRequest {
  /** Answer as of this revision exactly; `SourceError` when it is compacted. */
  readonly at?: Revision
  /** Answer as of this revision or a later one. */
  readonly atLeast?: Revision
  /**
   * Ask a quorum, not the nearest replica: an earlier answer was older than `atLeast`. A source
   * that always does so, or has no replicas, ignores this field.
   */
  readonly linearizable?: true
}

/** A part of a list. Pages hold about 10,000 entries, in no promised order. */
export interface ListPage {
  /** Identity of the source that answered, where it is known: a foreign list is refused. */
  readonly identity?: string
  /** The same in every page of a list. */
  readonly revision: Revision
  readonly entries: readonly Entry[]
  /** Entries of the source that cannot be shown: they count as absent. */
  readonly invalid: readonly InvalidEntry[]
}

/** An entry that cannot be shown: key not UTF-8, empty, or too long; value of the wrong kind. */
export interface InvalidEntry {
  /** The key as far as it can be written as text. */
  readonly key: string
  readonly reason: string
  /**
   * The raw key, however it is written, where `key` is not the whole of it: two raw keys that are
   * the same as text are counted as two, and `Commit.gone` names the one that was deleted.
   */
  readonly id?: string
  /**
   * `key` is the entry's very key, and its value alone is invalid. Without it a key with U+FFFD in
   * it may be the text of other bytes, and then names no entry.
   */
  readonly exact?: true
}

/** A change of one key. */
export type Change =
  | { readonly op: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly op: "delete"; readonly key: string }

/** The changes of the source at one revision, in the source's order. May be empty. */
export interface Commit {
  readonly revision: Revision
  /**
   * Directories that were deleted whole, before `changes`: of each, the key of that name and every
   * key under it. `foo` takes `foo` and `foo/bar`, never `foobar`; a slash at its end is ignored;
   * `""` takes all keys. For a source that does not name the keys inside, as etcd v2: the cache
   * that applies the commit looks at every entry. Absent in a write.
   */
  readonly directories?: readonly string[]
  readonly changes: readonly Change[]
  /**
   * The changes between the previous commit and this one, where the source merges commits: at most
   * one delta a key, at its own revision, not above this one's. Applied after `changes`, in the
   * same step. A `touch` keeps the value as of the previous commit. A `put` may repeat that value,
   * with other values in between. Absent in a write.
   */
  readonly deltas?: readonly Delta[]
  readonly invalid?: readonly InvalidEntry[]
  /** Raw keys (`InvalidEntry.id`) of invalid entries that were deleted. */
  readonly gone?: readonly string[]
}

/** An event of a watch. */
export type WatchEvent =
  /** Whole commits, ascending. */
  | { readonly type: "commits"; readonly commits: readonly Commit[] }
  /** Every commit up to and including `revision` has been yielded. */
  | { readonly type: "progress"; readonly revision: Revision }
  /**
   * The watch ends.
   *
   *   compacted     `from` is no longer kept: list again
   *   closed        the connection ended: watch again from the next revision
   *   replaced      this is another source than before: ask for its identity, and list again
   *   unsupported   this source cannot be watched, or not now: poll its revision and list instead
   */
  | { readonly type: "lost"; readonly reason: LostReason; readonly error?: Error }

/** The reason for which a watch ends; see `WatchEvent`. */
export type LostReason = "compacted" | "closed" | "replaced" | "unsupported"

/** A condition of a write: the key has this revision (0: is absent), or exists. */
export type Condition =
  | { readonly key: string; readonly revision: Revision }
  | { readonly key: string; readonly exists: true }

/** Each key stands at most once in `changes`. 1 to 128 changes. */
export interface WriteRequest {
  readonly conditions: readonly Condition[]
  readonly changes: readonly Change[]
}

/** The outcome of a write that was answered. */
export type WriteOutcome =
  | { readonly written: true; readonly revision: Revision }
  /**
   * Nothing was written. `failed` holds the present revision of each key whose condition failed.
   */
  | {
      readonly written: false
      readonly failed: readonly { readonly key: string; readonly revision: Revision }[]
    }
