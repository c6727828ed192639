import {
  checkOptions,
  durationRule,
  integerRule,
  type OptionRules,
  VALUE_BYTES_DEFAULT,
} from "@headwater/core"
import {
  AHEAD_WAIT_MS,
  FRAME_BYTES_MAX,
  HEARTBEAT_MS,
  PAGE_KEPT_MS,
  SYNC_INTERVAL_MS,
} from "@headwater/protocol"

/** Every bound of a hub. Each has a reason; none is absent. */
export interface HubLimits {
  /** Open event streams; 10,000 by default. One more gets a `fault ERR_TOO_MANY` and comes back. */
  readonly streamsMax: number
  /**
   * How long a reader stays whose connection takes nothing, in ms; 5 minutes. Then it is cut
   * without a word, and resumes by its id when it comes back. A hub that has `streamsMax` streams
   * gives the place of the longest stalled one away after three heartbeats.
   */
  readonly stalledMs: number
  /**
   * Different filters of one topic at once; 1,000. Each costs up to 64 KiB, and the commits that
   * change what it lets through. There is always room for the unfiltered view.
   */
  readonly viewsMax: number
  /** The same for readers at one address; 200. */
  readonly viewsPerAddressMax: number
  /** Prefixes plus keys of one view; 256. Each entry that changes is compared with all of them. */
  readonly filtersMax: number
  /**
   * Encoded frames kept for other readers of the same, in bytes per topic; 64 MiB. Their forms for
   * a socket and in gzip go with them and are not counted: of large frames a sixth, of small ones
   * up to twice as much again.
   */
  readonly frameCacheBytesMax: number
  /** How long encoded frames, and the snapshot that joiners share, are kept, in ms; 10 s. */
  readonly frameCacheMs: number
  /** How long a reader that stalls in the middle of a walk pins what it was reading, in ms; 1 s. */
  readonly leaseMs: number
  /** The same for a list by `GET entries`, which has no place to go on from, in ms; 30 s. */
  readonly listLeaseMs: number
  /** Lists told in part that are kept for who comes back for more, per topic; 1,000. */
  readonly pagesMax: number
  /** Trie nodes and leaves that one slice of a walk looks at; 5,000, about a millisecond. */
  readonly visitsMax: number
  /** Longest that work of this hub holds up one turn of the event loop, in ms; 4. */
  readonly turnMs: number
  /** Readers in long walks at once, apart from slow ones; 64: the others wait. See `Crowd`. */
  readonly walkersMax: number
  /** Readers woken in one turn; 64, under a millisecond of writing. */
  readonly wakesMax: number
  /** A frame is at most this long, or holds one entry; told in `hello`. */
  readonly frameBytesMax: number
  /** Something is sent at least this often; told in `hello`. */
  readonly heartbeatMs: number
  /** A `sync` comes at least this often. */
  readonly syncIntervalMs: number
  /** How long a stream waits for a hub that has nothing yet or is behind the reader; 10 s. */
  readonly readyWaitMs: number
  /** Under `policy=disconnect`: how far a reader may lag, in ms. */
  readonly lagMs: number
  /** Under `policy=disconnect`: how long after its snapshot a reader may lag, in ms. */
  readonly lagGraceMs: number
  /** Largest value, in bytes; 1 MiB. */
  readonly valueBytesMax: number
  /** Largest body of a batch, in bytes; 4 MiB. */
  readonly batchBytesMax: number
  /** How long the source has to answer a write, in ms; 10 s. After it the outcome is unknown. */
  readonly writeMs: number
}

/** What a hub is bounded by unless its owner says otherwise. */
export const HUB_LIMITS: HubLimits = {
  streamsMax: 10_000,
  stalledMs: 300_000,
  viewsMax: 1_000,
  viewsPerAddressMax: 200,
  filtersMax: 256,
  frameCacheBytesMax: 67_108_864,
  frameCacheMs: 10_000,
  leaseMs: 1_000,
  listLeaseMs: PAGE_KEPT_MS,
  pagesMax: 1_000,
  visitsMax: 5_000,
  turnMs: 4,
  walkersMax: 64,
  wakesMax: 64,
  frameBytesMax: FRAME_BYTES_MAX,
  heartbeatMs: HEARTBEAT_MS,
  syncIntervalMs: SYNC_INTERVAL_MS,
  readyWaitMs: AHEAD_WAIT_MS,
  lagMs: 300_000,
  lagGraceMs: 300_000,
  valueBytesMax: VALUE_BYTES_DEFAULT,
  batchBytesMax: 4_194_304,
  writeMs: 10_000,
}

// A duration of 0 is a limit without patience; `Infinity` is one without end.
const COUNT = integerRule(1)
const DURATION = durationRule()

const RULES: OptionRules<HubLimits> = {
  streamsMax: COUNT,
  stalledMs: durationRule(1),
  viewsMax: COUNT,
  viewsPerAddressMax: COUNT,
  filtersMax: COUNT,
  frameCacheBytesMax: integerRule(0),
  frameCacheMs: DURATION,
  leaseMs: DURATION,
  listLeaseMs: durationRule(1),
  pagesMax: COUNT,
  visitsMax: COUNT,
  turnMs: DURATION,
  walkersMax: COUNT,
  wakesMax: COUNT,
  // A frame has to hold its own brackets, and `hello` names these two as integers.
  frameBytesMax: integerRule(512),
  heartbeatMs: integerRule(1, 3_600_000),
  syncIntervalMs: DURATION,
  readyWaitMs: DURATION,
  lagMs: DURATION,
  lagGraceMs: DURATION,
  valueBytesMax: COUNT,
  batchBytesMax: COUNT,
  writeMs: DURATION,
}

/**
 * Returns all limits of a hub, the given ones in place of the defaults.
 *
 * @throws {OptionError} a limit is unknown, or is no sensible number.
 */
export function limitsWith(given: Partial<HubLimits> = {}): HubLimits {
  checkOptions("createHub: limits", given, RULES)
  const defined = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...HUB_LIMITS, ...Object.fromEntries(defined) }
}

/** What a frame holds beside its body: event, id of at most 128 bytes, revision, brackets. */
export const FRAME_OVERHEAD_BYTES = 320
