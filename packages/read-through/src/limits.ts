import type { RateLimit } from "@headwater/core"

/** Bounds of a read-through cache. */
export interface ReadThroughLimits {
  /** Entries; the least recently used goes first, but none that somebody waits for. */
  readonly entriesMax: number
  /** Bytes of keys and values, as far as types tell; the newest value always stays. */
  readonly bytesMax: number
  /** How often one entry may be read. */
  readonly entryRate: RateLimit
  /** How often entries may be read, all together. */
  readonly totalRate: RateLimit
}

/** How long an entry that is not refreshed is kept after its last use. Source: Consul. */
export const TTL_MS_DEFAULT = 72 * 3_600_000

/** How long an entry is refreshed after its last use: 20 min. Source: Consul submatview. */
export const REFRESH_TTL_MS_DEFAULT = 1_200_000

/** How long a blocking read waits. Source: Consul. */
export const QUERY_TIMEOUT_MS_DEFAULT = 600_000

/** A read that does not wait is given up after this. */
export const FETCH_MS_DEFAULT = 60_000

/** A blocking read is given up when its time, and the jitter of who answers, is over by this. */
export const FETCH_GRACE_MS = 30_000

/**
 * A blocking refresh that is out for so long has reached its upstream: a second more than what the
 * usual keep-alive takes to notice a dead link. Source: Consul.
 */
export const CONTACT_MS = 31_000

/**
 * Who answers at once, and with nothing new, is not asked again before this. A well-behaved
 * upstream never meets it; without it, one that is not would be asked without end.
 */
export const COOLING_MS = 1_000

/**
 * Reads in a row by one caller after which other tasks have a turn: an upstream that answers within
 * the turn, and always has news, would else hold the process for itself.
 */
export const READS_PER_TURN = 16

/** Entries, unless said otherwise. */
export const ENTRIES_MAX_DEFAULT = 16_384

/** Bytes, unless said otherwise: 64 MiB. */
export const BYTES_MAX_DEFAULT = 67_108_864
