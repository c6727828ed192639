import { VALUE_BYTES_DEFAULT } from "@headwater/core"

/** Every bound of a cache. Each has a reason; none is absent. */
export interface CacheLimits {
  /**
   * Updates applied as one version, 100 by default: Typha's, a commit's worth of reader wake-ups.
   */
  readonly chunkUpdatesMax: number
  /** Longest turn of the event loop that applying or tidying takes, in ms; 5 by default. */
  readonly sliceMs: number
  /** How long a position stays resumable, in ms; an hour by default. */
  readonly historyMs: number
  /** Memory for tombstones, which resuming needs; beyond it history is shortened. 64 MiB. */
  readonly tombstoneBytesMax: number
  /** Rows of the table of versions; 4,096 by default. Fewer rows resend more, never less. */
  readonly tableRowsMax: number
  /** Gaps that the table remembers; 256 by default. The oldest gives way, and the floor rises. */
  readonly gapsMax: number
  /** Invalid keys remembered with a reason; 4,096 by default, 16 MiB at most. */
  readonly invalidKeysMax: number
  /** Largest value, in bytes; 1 MiB by default. A larger one is invalid. */
  readonly valueBytesMax: number
  /** Past epochs kept for readers that still hold them; 3 by default. The oldest is freed. */
  readonly epochsMax: number
  /** Entries or deltas in one frame of `follow`; 1,000 by default. */
  readonly frameEntriesMax: number
  /** Bytes of a frame for a follower that goes on by its place; 65,536, as much as on the wire. */
  readonly frameBytesMax: number
  /** How long a follower may stall in a run and still hold what it reads, in ms; 1,000. */
  readonly leaseMs: number
}

/** What a cache is bounded by unless its owner says otherwise. */
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

/** Entries found invalid that a report names: enough to see what they have in common. */
export const INVALID_SAMPLE_MAX = 10
