import type { Delta, Entry } from "./entry.ts"
import type { Revision } from "./revision.ts"

/**
 * Where a syncer reads: list and watch, and where it can be written, write.
 *
 * A source MUST
 *
 *   - order its commits by revision, and never reuse one within an identity;
 *   - answer all pages of one `list` as of one revision, which the first page names;
 *   - tell a `watch` from `from` every commit with revision ≥ `from`, whole, once, in order, and
 *     say `lost` rather than skip one;
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

  /** What tells this source from another at the same address. Compared for equality only. */
  identity(signal: AbortSignal): Promise<string>

  /**
   * True where the identity is itself the epoch of all that is told, which was screened already:
   * positions of the source are then good here, and those from here there. So a hub is one.
   */
  readonly namesEpochs?: boolean

  /** The present revision, linearizable: not below any write that was answered before the call. */
  revision(signal: AbortSignal): Promise<Revision>

  /**
   * Whether it has reached a revision, where the source can say so better than by `revision`: one
   * that follows another source asks that. Resolves once it has; `false` is final.
   */
  readonly reaches?: (revision: Revision, signal: AbortSignal) => Promise<boolean>

  /**
   * The oldest revision that can be listed, and watched from the one after it. Absent where the
   * source cannot tell. A hub that starts lists there and watches forward, so that readers of the
   * one before it find their positions.
   */
  readonly oldest?: (signal: AbortSignal) => Promise<Revision>

  /**
   * The highest revision of an entry that is there now. Wanted of a source that tells its `oldest`
   * and whose present revision also rises by what no watch of it is told: a hub that starts is not
   * in sync before this one was told.
   */
  readonly lastChange?: (signal: AbortSignal) => Promise<Revision>

  /** All entries as of one revision. At least one page, even when there is no entry. */
  list(request: ListRequest, signal: AbortSignal): AsyncIterable<ListPage>

  /** Every commit from `from` on, until the signal is aborted or `lost` is told, which is last. */
  watch(from: Revision, signal: AbortSignal): AsyncIterable<WatchEvent>

  /** Writes all changes in one commit, or none. Absent where the source is read-only. */
  readonly write?: (request: WriteRequest, signal: AbortSignal) => Promise<WriteOutcome>

  /** Lets go of everything that is open. Calls after it reject. */
  close(): Promise<void>
}

/** As of which revision to list; as of the present one when it says nothing. */
export interface ListRequest {
  /** Answer as of this revision exactly; `SourceError` when it is compacted. */
  readonly at?: Revision
  /** Answer as of this revision or a later one. */
  readonly atLeast?: Revision
  /**
   * Ask a quorum, not the nearest replica: an answer before this one was older than `atLeast`. A
   * source that always does so, or has no replicas, need not look at it.
   */
  readonly linearizable?: true
}

/** A part of a list. Pages hold about 10,000 entries, in no promised order. */
export interface ListPage {
  /** What the source is that answered, where an answer says so: another one's list is refused. */
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

/** What a commit does to one key. */
export type Change =
  | { readonly op: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly op: "delete"; readonly key: string }

/** What the source changed at one revision, in the source's order. May be empty. */
export interface Commit {
  readonly revision: Revision
  /**
   * Directories that were deleted whole, before `changes`: of each, the key of that name and every
   * key under it. `foo` takes `foo` and `foo/bar`, never `foobar`; a slash at its end says nothing;
   * `""` takes all keys. For a source that does not name what was in them, as etcd v2: who applies
   * the commit knows, and looks at every entry for it. Absent from what is written.
   */
  readonly directories?: readonly string[]
  readonly changes: readonly Change[]
  /**
   * What changed between the commit told before and this one, where the source merges commits: at
   * most one delta a key, at its own revision, not above this one's. Applied after `changes`, and
   * seen with them in one step. A `touch` is of the value as of the commit before. A `put` may be
   * of the value that was held then, with others in between. Absent from what is written.
   */
  readonly deltas?: readonly Delta[]
  readonly invalid?: readonly InvalidEntry[]
  /** Raw keys (`InvalidEntry.id`) of invalid entries that were deleted. */
  readonly gone?: readonly string[]
}

/** What a watch tells. */
export type WatchEvent =
  /** Whole commits, ascending. */
  | { readonly type: "commits"; readonly commits: readonly Commit[] }
  /** Every commit up to and including `revision` has been told. */
  | { readonly type: "progress"; readonly revision: Revision }
  /**
   * The watch ends.
   *
   *   compacted     `from` is no longer kept: list again
   *   closed        the connection ended: watch again from the next revision
   *   replaced      this is another source than before: ask for its identity, and list again
   *   unsupported   changes are not told here, or not now: ask and list every so often instead
   */
  | { readonly type: "lost"; readonly reason: LostReason; readonly error?: Error }

/** Why a watch ends; see `WatchEvent`. */
export type LostReason = "compacted" | "closed" | "replaced" | "unsupported"

/** What must hold for a write to happen: the key's revision, 0 for absent; or that it exists. */
export type Condition =
  | { readonly key: string; readonly revision: Revision }
  | { readonly key: string; readonly exists: true }

/** Each key stands at most once in `changes`. 1 to 128 changes. */
export interface WriteRequest {
  readonly conditions: readonly Condition[]
  readonly changes: readonly Change[]
}

/** What became of a write that was answered. */
export type WriteOutcome =
  | { readonly written: true; readonly revision: Revision }
  /**
   * Nothing was written. `failed` holds the present revision of each key whose condition failed.
   */
  | {
      readonly written: false
      readonly failed: readonly { readonly key: string; readonly revision: Revision }[]
    }
