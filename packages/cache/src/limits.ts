import { VALUE_BYTES_DEFAULT } from "@headwater/core"

/** The bounds of a cache. */
export interface CacheLimits {
  /**
   * Updates applied as one version, 100 by default: Typha's. Readers are woken once for each.
   */
  readonly chunkUpdatesMax: number
  /** Longest turn of the event loop for applying or compacting, in ms; 5 by default. */
  readonly sliceMs: number
  /** Age up to which positions can be resumed, in ms; an hour by default. */
  readonly historyMs: number
  /** Memory for tombstones, which resuming needs; beyond it history is shortened. 64 MiB. */
  readonly tombstoneBytesMax: number
  /** Rows of the table of versions; 4,096 by default. Fewer rows resend more, never less. */
  readonly tableRowsMax: number
  /** Gaps in the table; 256 by default. Beyond it the floor rises over the oldest. */
  readonly gapsMax: number
  /** Invalid keys remembered with a reason; 4,096 by default, 16 MiB at most. */
  readonly invalidKeysMax: number
  /** Largest value, in bytes; 1 MiB by default. A larger one is invalid. */
  readonly valueBytesMax: number
  /** Past epochs kept for readers that still hold them; 3 by default. The oldest is freed. */
  readonly epochsMax: number
  /** Entries or deltas in one frame of `follow`; 1,000 by default. */
  readonly frameEntriesMax: number
  /** Bytes of a frame for a follower without a lease; 65,536, as much as on the wire. */
  readonly frameBytesMax: number
  /** Time for which a follower that stalls in a run pins its snapshot, in ms; 1,000. */
  readonly leaseMs: number
}

/** The default bounds of a cache. */
export const CACHE_LIMITS: CacheLimits = {
  chunkUpdatesMax: 100,
  sliceMs: 5,
  historyMs: 3_600_000,
  tombstoneBytesMax: 67_108_864,
  tableRowsMax: 4_096,
  gapsMax: 256,
  invalidKeysMax: 4_096,
  valueBytesMax: VALUE_BYTES_DEFAULT,
  epochsMax: 3,
  frameEntriesMax: 1_000,
  frameBytesMax: 65_536,
  leaseMs: 1_000,
}

/** Invalid entries in a sample: enough to see what they have in common. */
export const INVALID_SAMPLE_MAX = 10
