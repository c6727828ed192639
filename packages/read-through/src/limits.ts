import type { RateLimit } from "@headwater/core"

/** Bounds of a read-through cache. */
export interface ReadThroughLimits {
  /** Entries. The least recently used goes first, but none that a caller waits for. */
  readonly entriesMax: number
  /** Bytes of keys and values, as types measure them. The newest value always stays. */
  readonly bytesMax: number
  /** The rate of reads of one entry. */
  readonly entryRate: RateLimit
  /** The rate of reads of all entries together. */
  readonly totalRate: RateLimit
}

/** The time that an entry is kept after its last use: 72 h. Source: Consul. */
export const TTL_MS_DEFAULT = 72 * 3_600_000

/** The same for an entry that is refreshed: 20 min. Source: Consul submatview. */
export const REFRESH_TTL_MS_DEFAULT = 1_200_000

/** The wait of a blocking read. Source: Consul. */
export const QUERY_TIMEOUT_MS_DEFAULT = 600_000

/** The longest read of a type that does not block. */
export const FETCH_MS_DEFAULT = 60_000

/** A blocking read is given up so long after its wait and the jitter of its upstream. */
export const FETCH_GRACE_MS = 30_000

/**
 * A blocking refresh in flight for so long has reached its upstream: one second more than the usual
 * keep-alive takes to notice a dead link. Source: Consul.
 */
export const CONTACT_MS = 31_000

/**
 * The pause after an answer that came at once, with nothing new. A blocking upstream that behaves
 * well never causes it; one that does not would be asked without end.
 */
export const COOLING_MS = 1_000

/**
 * Reads in a row by one caller after which other tasks have a turn. An upstream that answers within
 * the turn, and always has news, would freeze the process otherwise.
 */
export const READS_PER_TURN = 16

/** The default of `entriesMax`. */
export const ENTRIES_MAX_DEFAULT = 16_384

/** The default of `bytesMax`: 64 MiB. */
export const BYTES_MAX_DEFAULT = 67_108_864
