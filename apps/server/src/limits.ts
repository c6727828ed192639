import {
  checkOptions,
  durationRule,
  integerRule,
  type OptionRules,
  VALUE_BYTES_DEFAULT,
  withDefaults,
} from "@headwater/core"
import {
  AHEAD_WAIT_MS,
  FRAME_BYTES_MAX,
  HEARTBEAT_MS,
  PAGE_KEPT_MS,
  SYNC_INTERVAL_MS,
} from "@headwater/protocol"

/** The limits of a hub. Durations are in ms, sizes in bytes. */
export interface HubLimits {
  /** Most open event streams; 10,000. A further one gets `fault ERR_TOO_MANY` and comes back. */
  readonly streamsMax: number
  /**
   * Readers above which the hub sheds some, gradually, so that other hubs take them; 0, which is
   * no ceiling. Meant to be below `streamsMax`, at which readers are refused.
   */
  readonly readersCeiling: number
  /**
   * Longest time for which a reader's connection may accept no bytes; 5 minutes. Then the hub cuts
   * the stream without a word, and the reader resumes by its id. A hub with `streamsMax` streams
   * cuts the longest stalled one for a new reader, after three heartbeats.
   */
  readonly stalledMs: number
  /**
   * Most event streams of one address, of IPv6 of its first 64 bits; 200. Loopback is exempt, as a
   * proxy on this machine stands for all its clients: raise it for a proxy on another one.
   */
  readonly streamsPerAddressMax: number
  /** Most event streams of one identity; 1,000. */
  readonly streamsPerIdentityMax: number
  /**
   * Most different filters of one topic at once; 10,000, one for each stream. Each costs some KiB,
   * and the commits that change entries it lets through. There is always room for the unfiltered
   * view.
   */
  readonly viewsMax: number
  /** Most bytes of the prefixes and keys of these filters together; 64 MiB. */
  readonly viewBytesMax: number
  /** Most different filters of readers at one address; 200. */
  readonly viewsPerAddressMax: number
  /** Most different filters of readers of one identity; 1,000. */
  readonly viewsPerIdentityMax: number
  /** Most prefixes plus keys of one view; 256. Each changed entry is compared with all of them. */
  readonly filtersMax: number
  /**
   * Most bytes of encoded frames that a topic caches for other readers; 64 MiB. Copies of a frame
   * for a socket and in gzip are not counted: they add a sixth to large frames, and up to twice the
   * size to small ones.
   */
  readonly frameCacheBytesMax: number
  /** Time for which encoded frames, and the snapshot that new readers share, are cached; 10 s. */
  readonly frameCacheMs: number
  /** Time for which a reader that stalls in the middle of a walk pins its snapshot; 1 s. */
  readonly leaseMs: number
  /** Time for which a stalled list, or the next page of one, pins its snapshot; 30 s. */
  readonly listLeaseMs: number
  /** Most lists by pages of one topic that are kept for their next page; 1,000. */
  readonly pagesMax: number
  /** Most trie nodes and leaves that one slice of a walk visits; 5,000, about a millisecond. */
  readonly visitsMax: number
  /** Longest time that the hub works in one turn of the event loop; 4 ms. */
  readonly turnMs: number
  /** Readers in long walks at once, apart from slow ones; 64. See `WalkLimiter`. */
  readonly walkersMax: number
  /** Most readers woken in one turn; 64, under a millisecond of writing. */
  readonly wakesMax: number
  /** Most bytes of a frame, unless it holds one entry; 64 KiB. `hello` has it. */
  readonly frameBytesMax: number
  /** Longest silence of a stream: then the hub sends a heartbeat. `hello` has it. */
  readonly heartbeatMs: number
  /** Longest time between two `sync` frames of a stream; 30 s. */
  readonly syncIntervalMs: number
  /** Time that a stream waits while the hub has no state, or is behind the reader; 10 s. */
  readonly readyWaitMs: number
  /** Longest lag of a reader under `policy=disconnect`; 5 minutes. */
  readonly lagMs: number
  /** Time after its snapshot in which such a reader may lag further; 5 minutes. */
  readonly lagGraceMs: number
  /** Most bytes of a value; 1 MiB. */
  readonly valueBytesMax: number
  /** Most bytes of a batch's body; 4 MiB. */
  readonly batchBytesMax: number
  /**
   * Most requests of one address per second, of IPv6 of its first 64 bits; 500. Twice as many are
   * taken at once after a rest. Loopback is exempt.
   */
  readonly requestsPerSecondMax: number
  /** Time for the head of a request to arrive, and for a TLS handshake; 10 s. */
  readonly headMs: number
  /** Time for the body of a request to arrive; 30 s. */
  readonly bodyMs: number
  /**
   * Most connections of one address; 500. Loopback and trusted proxies are exempt. Not on Bun,
   * whose server accepts by itself.
   */
  readonly connectionsPerAddressMax: number
  /** Most entries of a topic that clients may write into; 10 million. */
  readonly topicEntriesMax: number
  /** Most bytes of keys and values of such a topic; 2 GiB. */
  readonly topicBytesMax: number
  /**
   * Most entries of one topic that one identity may have written and that exist; 100,000. Counted
   * since the hub has started.
   */
  readonly identityEntriesMax: number
  /** Most bytes of the keys and values of these; 256 MiB. */
  readonly identityBytesMax: number
  /** Time for the source to answer a write; 10 s. After it the write's outcome is unknown. */
  readonly writeMs: number
}

/** Limits of a hub unless its options name others. */
export const HUB_LIMITS: HubLimits = {
  streamsMax: 10_000,
  readersCeiling: 0,
  streamsPerAddressMax: 200,
  streamsPerIdentityMax: 1_000,
  stalledMs: 300_000,
  viewsMax: 10_000,
  viewBytesMax: 67_108_864,
  viewsPerAddressMax: 200,
  viewsPerIdentityMax: 1_000,
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
  requestsPerSecondMax: 500,
  headMs: 10_000,
  bodyMs: 30_000,
  connectionsPerAddressMax: 500,
  topicEntriesMax: 10_000_000,
  topicBytesMax: 2_147_483_648,
  identityEntriesMax: 100_000,
  identityBytesMax: 268_435_456,
  writeMs: 10_000,
}

/** Limits that streams, epochs and servers have from their beginning: `setLimits` refuses them. */
export const FIXED_LIMITS: readonly (keyof HubLimits)[] = [
  "frameBytesMax",
  "valueBytesMax",
  "turnMs",
  "headMs",
  "bodyMs",
  "connectionsPerAddressMax",
]

// Of a duration, `Infinity` means never.
const COUNT = integerRule(1)
const DURATION = durationRule()

const RULES: OptionRules<HubLimits> = {
  streamsMax: COUNT,
  readersCeiling: integerRule(0),
  streamsPerAddressMax: COUNT,
  streamsPerIdentityMax: COUNT,
  stalledMs: durationRule(1),
  viewsMax: COUNT,
  viewBytesMax: COUNT,
  viewsPerAddressMax: COUNT,
  viewsPerIdentityMax: COUNT,
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
  requestsPerSecondMax: COUNT,
  headMs: integerRule(1, 3_600_000),
  bodyMs: durationRule(1),
  connectionsPerAddressMax: COUNT,
  topicEntriesMax: COUNT,
  topicBytesMax: COUNT,
  identityEntriesMax: COUNT,
  identityBytesMax: COUNT,
  writeMs: DURATION,
}

/**
 * Returns all limits of a hub, the given ones in place of the defaults.
 *
 * @throws {OptionError} a limit is unknown, or is no sensible number.
 */
export function limitsWith(given: Partial<HubLimits> = {}): HubLimits {
  checkOptions("createHub: limits", given, RULES)
  return withDefaults(HUB_LIMITS, given)
}

/** Bytes of a frame beside its body: event, id of at most 128 bytes, revision, brackets. */
export const FRAME_OVERHEAD_BYTES = 320
