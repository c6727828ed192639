/** The answer to a position: how its reader goes on. See `SnapshotCache.locate`. */
export type Location =
  /** Changes since `version` bring the reader to the present. */
  | { readonly type: "resume"; readonly version: number }
  /** The reader holds nothing: a snapshot, without a `reset`. */
  | { readonly type: "fresh" }
  | { readonly type: "reset"; readonly reason: "epoch-changed" | "compacted" }
  /** The hub is not there yet: wait, and ask the source for its revision. */
  | { readonly type: "ahead" }
