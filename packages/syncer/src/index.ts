/**
 * Keeps a cache in step with a source of truth: list and watch, merged into one ordered stream.
 * Sources are behind `@headwater/syncer/memory` and `@headwater/syncer/etcd`; any `Source` will do.
 *
 * @example
 * const cache = new SnapshotCache({ clock })
 * const source = etcdSource({ endpoints: ["http://127.0.0.1:2379"], prefix: "/a/", clock })
 * const options = { source, cache, clock, random: Math.random, epochSalt: "/a/ json" }
 * await new Syncer(options).run(signal)
 *
 * @module
 */
export { aggregateStatus } from "./aggregate-status.ts"
export { type Codec, codedSource } from "./coded-source.ts"
export { epochOf, type PastEpoch, type SourceEpoch } from "./epoch.ts"
export { SYNCER_LIMITS, type SyncerLimits } from "./limits.ts"
export { mapSource } from "./map-source.ts"
export type { Answer, Effect, Held, Phase, SyncEvent, SyncState } from "./merge/sync-state.ts"
export type { SyncerObserver } from "./observer.ts"
export { Syncer } from "./syncer.ts"
export type { SyncerLog, SyncerOptions, SyncTarget } from "./syncer-options.ts"
