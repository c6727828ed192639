/**
 * The WebAssembly engine: a persistent byte map with O(1) snapshots and changes since any version,
 * and a linked event buffer, both off the JavaScript heap.
 *
 * @example
 * import { createEngine } from "@headwater/core/engine"
 *
 * const trie = createEngine().trie()
 * trie.put("node/1", new TextEncoder().encode("up"), 1)
 * using snapshot = trie.commit({ reach: 1, complete: true })
 *
 * @module
 */
export type { EngineBuild } from "./abi.ts"
export { Buffer, Cursor, type Item, type ItemKind } from "./buffer.ts"
export type { Difference } from "./diff.ts"
export { createEngine, Engine, type EngineOptions, type EngineStats } from "./engine.ts"
export { Filter, type FilterSpec } from "./filter.ts"
export type { Leak } from "./handles.ts"
export { type LoadedEngine, loadEngine } from "./image-load.ts"
export { Snapshot, type SnapshotWalk } from "./snapshot.ts"
export { Trie, type TrieUpdate } from "./trie.ts"
export { ViewSums } from "./view-sums.ts"
export type { DeltaSlice, Place, WalkRequest, WalkResult, WireValues } from "./walk.ts"
