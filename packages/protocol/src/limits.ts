/**
 * The numbers and names of protocol 1 that both sides must agree on, or that a hub uses unless it
 * is configured otherwise. Durations in milliseconds, sizes in bytes.
 *
 * @module
 */

/** The number in `hello.protocol`. A reader stops at a higher number than its own. */
export const PROTOCOL_VERSION = 1

/** A topic's name, as it stands in a path. */
export const TOPIC_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** Longest `id:`, `since=` or `Last-Event-ID`. The longest that a hub issues has 90. */
export const STREAM_ID_BYTES_MAX = 128

/** Most prefixes and keys of one view that every hub takes. */
export const VIEW_TERMS_MAX = 256

/**
 * Longest part of a query that names a view, as it stands in the URL: Node and Bun take a head of
 * 16 KiB, and this leaves 4 KiB of it to the token and the other headers.
 */
export const VIEW_QUERY_BYTES_MAX = 12_288

/** Most views of one multiplexed stream that every hub takes. */
export const MULTIPLEX_VIEWS_MAX = 64

/**
 * Something is sent at least this often. Three widely used clients give up after 5 s of silence,
 * and Bun drops a stream that was quiet for 9.5 s.
 */
export const HEARTBEAT_MS = 4_000

/** A link that was silent for this many heartbeats is dead to a reader. */
export const HEARTBEATS_MISSED_MAX = 3

/**
 * A `sync` comes at least this often, so that a quiet reader's id never falls below the horizon.
 */
export const SYNC_INTERVAL_MS = 30_000

/** A frame is at most this long, or holds one entry. */
export const FRAME_BYTES_MAX = 65_536

/** The `retry:` that opens a stream is drawn from this range, so that readers spread. */
export const RETRY_MS_MIN = 1_000

/** See `RETRY_MS_MIN`. */
export const RETRY_MS_MAX = 3_000

/** No `retryMs` of a hub, and no back-off of our client, is below this. */
export const RETRY_MS_FLOOR = 250

/** A stream or an `at-least` waits this long for a position that the hub has not reached. */
export const AHEAD_WAIT_MS = 10_000

/** A blocking query waits this long when `wait` is not given. */
export const WAIT_MS_DEFAULT = 50_000

/** The longest `wait`. */
export const WAIT_MS_MAX = 600_000

/** A blocking query ends up to a sixteenth of its `wait` early, so that readers spread. */
export const WAIT_JITTER_DIVISOR = 16

/** The `next` of a page is kept this long. */
export const PAGE_KEPT_MS = 30_000

/** Most conditions plus changes of a batch: etcd's default for a transaction. */
export const BATCH_OPERATIONS_MAX = 128
