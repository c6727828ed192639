/** Where a position leads; see `SnapshotCache.locate`. */
export type Location =
  /** Changes since `version` bring the reader to the present. */
  | { readonly type: "resume"; readonly version: number }
  /** The reader holds nothing: a snapshot, without a `reset`. */
  | { readonly type: "fresh" }
  | { readonly type: "reset"; readonly reason: "epoch-changed" | "compacted" }
  /** Not here yet: wait, and ask the source whether it is there. */
  | { readonly type: "ahead" }
