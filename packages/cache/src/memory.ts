import type { Engine } from "@headwater/core/engine"

/** The linear memory that a cache uses, over all epochs that it holds. */
export interface CacheMemory {
  /** Bytes in use. */
  readonly bytesLive: number
  /** Linear memory so far; it never shrinks while its epoch lasts. */
  readonly bytesReserved: number
  /** The most that one epoch may reserve; 0 before there is one. */
  readonly bytesMax: number
  /** Deleted keys that are remembered. */
  readonly tombstones: number
  readonly tombstoneBytes: number
  /** Versions that are held. */
  readonly snapshots: number
}

/** Returns the sums over engines, each of which has a memory of its own. */
export function memoryOf(engines: Iterable<Engine>): CacheMemory {
  const sums = {
    bytesLive: 0,
    bytesReserved: 0,
    bytesMax: 0,
    tombstones: 0,
    tombstoneBytes: 0,
    snapshots: 0,
  }
  for (const engine of engines) {
    const stats = engine.stats()
    sums.bytesLive += stats.bytesLive
    sums.bytesReserved += stats.bytesReserved
    sums.bytesMax = Math.max(sums.bytesMax, stats.bytesMax)
    sums.tombstones += stats.tombstones
    sums.tombstoneBytes += stats.tombstoneBytes
    sums.snapshots += stats.snapshots
  }
  return sums
}
