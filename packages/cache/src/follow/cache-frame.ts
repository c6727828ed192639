import type { Delta, Entry, Position, StatusReport } from "@headwater/core"

/** What a follower gets, one at a time; see `follow` for the order. */
export type CacheFrame =
  /** What follows replaces all that the follower holds. */
  | { readonly type: "reset"; readonly reason: ResetReason; readonly epoch: string }
  /** A part of a snapshot. */
  | { readonly type: "entries"; readonly entries: readonly Entry[] }
  /** Changes. With a position: everything up to there has been told. */
  | { readonly type: "delta"; readonly deltas: readonly Delta[]; readonly position?: Position }
  /** Everything up to here has been told, and this is what it adds up to. */
  | {
      readonly type: "sync"
      readonly position: Position
      readonly entries: number
      /** 16 hex digits; see `protocol.md` §5. */
      readonly digest: string
    }
  /** The link to the source, after the data that it covers. */
  | { readonly type: "status"; readonly report: StatusReport }

/** `fresh`: the follower gave no position. */
export type ResetReason = "fresh" | "epoch-changed" | "compacted"
