import type { Delta, Entry, Position, StatusReport } from "@headwater/core"

/** A frame of `follow`; see there for the order. */
export type CacheFrame =
  /** The frames that follow replace all that the follower holds. */
  | { readonly type: "reset"; readonly reason: CacheResetReason; readonly epoch: string }
  /** A part of a snapshot. */
  | { readonly type: "entries"; readonly entries: readonly Entry[] }
  /** Changes. With a position: the follower then holds everything up to there. */
  | { readonly type: "delta"; readonly deltas: readonly Delta[]; readonly position?: Position }
  /** The follower holds everything up to here: so many entries, with this digest. */
  | {
      readonly type: "sync"
      readonly position: Position
      readonly entries: number
      /** 16 hex digits; see `protocol.md` §5. */
      readonly digest: string
    }
  /** The link to the source, after the data that it covers. */
  | { readonly type: "status"; readonly report: StatusReport }

/** The reason of a `reset`. `fresh`: the follower gave no position. */
export type CacheResetReason = "fresh" | "epoch-changed" | "compacted"
