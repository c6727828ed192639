import type {
  Commit,
  ListPage,
  ListRequest,
  LostReason,
  Recovery,
  Revision,
  Status,
  SyncErrorCode,
} from "@headwater/core"
import type { KnownEpochs, PastEpoch, SourceEpoch } from "../epoch.ts"

/**
 * The state of a syncer: its knowledge of the source, and its present activity.
 *
 *   idle       not started
 *   asking     asks the source who it is and how far, then goes on to list or to watch
 *   pausing    backs off, then asks
 *   listing    reads a list; the watch that goes on from it may be open already
 *   watching   hears what is committed
 *   stopped    for ever
 */
export interface SyncState {
  readonly held: Held
  readonly phase: Phase
}

/** The knowledge of a syncer, in every phase. */
export interface Held {
  /** The epoch that is followed; absent until the source is asked for the first time. */
  readonly sourceEpoch: SourceEpoch | undefined
  /** Lives before, with how far they had come. */
  readonly past: readonly PastEpoch[]
  /** Everything up to here was handed to the cache in this epoch; 0 before its first list ended. */
  readonly contiguous: Revision
  /** The highest revision that the source named in this epoch. Below it, its history went back. */
  readonly observed: Revision
  /** True once anything was whole, in any epoch. */
  readonly served: boolean
  /** The status that the cache was last given. */
  readonly status: Status
  readonly code: SyncErrorCode | undefined
  /** Watches and lists that failed since one worked, and whether any did since all was well. */
  readonly attempts: number
  /** Questions in a row that were not answered. */
  readonly unanswered: number
  /** Lists made since a watch stood for a while. For all three see `failAgain`. */
  readonly relists: number
  /** Watches lost since the link was healthy or a commit was told: failures at one position. */
  readonly errors: number
  /** Lists that were older than asked for, one after the other: a replica lags. */
  readonly staleReads: number
  /**
   * True for a source that reports no changes and is listed every so often: in sync all the same.
   */
  readonly polling: boolean
  /** The failure since it was last in sync, and whether that is long enough ago to be reported. */
  readonly unresolved: { readonly code: SyncErrorCode; readonly isOverdue: boolean } | undefined
}

/** The activity of a syncer, with the facts that it alone needs. */
export type Phase =
  | { readonly name: "idle" }
  | { readonly name: "asking"; readonly goal: "list" | "watch" }
  | { readonly name: "pausing"; readonly goal: "list" | "watch" }
  | {
      readonly name: "listing"
      readonly request: ListRequest
      /** Of the list; absent until its first page. */
      readonly revision: Revision | undefined
      readonly watchOpen: boolean
    }
  | {
      readonly name: "watching"
      /** The source's revision when it was last asked: not in-sync before that is told. */
      readonly target: Revision
      /** `contiguous` when it was last awaited that the watch has nothing more to tell. */
      readonly settlingFrom: Revision
      /** True while the source is asked about a silent watch. */
      readonly probing: boolean
      /** The past is told again after a start: not in sync before this, however long it takes. */
      readonly replays?: Revision
    }
  | { readonly name: "stopped" }

/** A source's answer to the question for its identity and revision. */
export interface Answer {
  readonly identity: string
  readonly revision: Revision
  /** `Held.observed` when the question began: a lower answer says that its history went back. */
  readonly floor: Revision
  /** See `Source.oldest`; asked where a first epoch begins. */
  readonly oldest?: Revision
  /** See `Source.lastChange`; asked when a first list has ended. */
  readonly lastChange?: Revision
  /** A fresh text, for the name of a new epoch in case one begins. */
  readonly incarnation: string
}

/** An event of a syncer. Events of an activity that was replaced are dropped. */
export type SyncEvent =
  /**
   * Set when the cache already has a state: the known epochs, and the revision that the newest had
   * reached; 0 when the cache's state is of an earlier one. See `Answer.incarnation`.
   */
  | {
      readonly type: "start"
      readonly kept?: KnownEpochs & { readonly contiguous: Revision; readonly incarnation: string }
    }
  /** The answer to `ask` and `probe`. */
  | ({ readonly type: "asked" } & Answer)
  /** The question, the list or the watch failed. Here and below, `error` is for the log. */
  | {
      readonly type: "refused"
      readonly code: SyncErrorCode
      readonly recovery: Recovery
      readonly error?: unknown
    }
  | { readonly type: "page"; readonly page: ListPage }
  /** The list has ended, and this is what the source answered after that. */
  | ({ readonly type: "listed" } & Answer)
  /**
   * The watch is about to say its first word, and this is what the source answered after that.
   *
   * What a watch says is told in the phase `watching` alone; until then it waits in its queue.
   */
  | ({ readonly type: "verified" } & Answer)
  | { readonly type: "commits"; readonly commits: readonly Commit[] }
  | { readonly type: "progress"; readonly revision: Revision }
  | {
      readonly type: "lost"
      readonly reason: LostReason
      /** The code of the failure; `ERR_SOURCE_FAILED` by default. */
      readonly code?: SyncErrorCode
      readonly error?: unknown
    }
  /** The watch has said nothing for too long. */
  | { readonly type: "silence" }
  /** Something failed `staleAfterMs` ago, and it has not been in sync since. */
  | { readonly type: "overdue" }
  /** The watch has been open for `settleMs`, for `healthyMs`. */
  | { readonly type: "settled" }
  | { readonly type: "healthy" }
  /** The pause is over. */
  | { readonly type: "resumed" }
  /** A reader stands at a revision that the source has reached and the watch has not told. */
  | { readonly type: "requested"; readonly revision: Revision }
  /** The cache could not take what it was given: what it holds is whole, but not `contiguous`. */
  | { readonly type: "failed"; readonly code: SyncErrorCode; readonly error?: unknown }
  | { readonly type: "stop" }

/** An action that follows from an event. Actions are done in order. */
export type Effect =
  /** These five replace each other, and the first four end the watch. */
  | { readonly type: "ask" }
  | { readonly type: "pause"; readonly attempt: number; readonly of?: "question" }
  /** Until it is time to look again at a source that tells no changes. */
  | { readonly type: "rest" }
  | { readonly type: "list"; readonly request: ListRequest }
  /** Beside a list that is being read; else it replaces whatever is done. */
  | { readonly type: "watch"; readonly from: Revision }
  /** Asks beside the watch. */
  | { readonly type: "probe" }
  /** From now on `settled` and `healthy` are awaited. */
  | { readonly type: "arm-health-timers" }
  /** From now on `settled` alone is awaited anew. */
  | { readonly type: "arm-settle-timer" }
  /** From now on `overdue` is awaited, or no longer. */
  | { readonly type: "arm-stale-timer" }
  | { readonly type: "disarm-stale-timer" }
  | { readonly type: "end" }
  /** It ends with this error, which nothing can be done about. */
  | { readonly type: "fail"; readonly code: SyncErrorCode; readonly error: unknown }
  | CacheEffect

/** An action on the cache. */
export type CacheEffect =
  /** `memo`: see `memoOf`. */
  | { readonly type: "renew"; readonly epoch: string; readonly memo: string }
  | { readonly type: "begin-resync" }
  | { readonly type: "apply-list"; readonly page: ListPage }
  | { readonly type: "apply-commits"; readonly commits: readonly Commit[] }
  | { readonly type: "end-resync"; readonly revision: Revision }
  | { readonly type: "progress"; readonly revision: Revision }
  | {
      readonly type: "status"
      readonly status: Status
      readonly code: SyncErrorCode | undefined
    }

/** Before the start. */
export const IDLE: SyncState = {
  held: {
    sourceEpoch: undefined,
    past: [],
    contiguous: 0,
    observed: 0,
    served: false,
    status: "waiting",
    code: undefined,
    attempts: 0,
    unanswered: 0,
    relists: 0,
    errors: 0,
    staleReads: 0,
    polling: false,
    unresolved: undefined,
  },
  phase: { name: "idle" },
}
