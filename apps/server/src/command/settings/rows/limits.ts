import { HUB_LIMITS, type HubLimits } from "../../../limits.ts"
import type { Setting, SettingGroup } from "../setting.ts"
import { count, duration, type SettingType, size } from "../setting-type.ts"

/** A setting that is one bound of `HubLimits`. Its default is the one of `HUB_LIMITS`. */
export interface Bound extends Setting<number> {
  readonly limit: keyof HubLimits
  readonly initial: string
}

const MOST = Number.MAX_SAFE_INTEGER
const COUNT = count({ least: 1, most: MOST })
const SIZE = size({ least: 1, most: MOST })
/** 24 days: a timer of a runtime cannot be longer. */
const LONGEST_MS = 24 * 86_400_000
const DURATION = duration({ least: 0, most: LONGEST_MS })
const POSITIVE_DURATION = duration({ least: 1, most: LONGEST_MS })

function bound(
  limit: keyof HubLimits,
  group: SettingGroup,
  type: SettingType<number>,
  help: string,
): Bound & { readonly reloads: true } {
  return { limit, group, type, help, initial: type.format(HUB_LIMITS[limit]), reloads: true }
}

// Frames, epochs and servers that exist already have these: a running hub cannot change them.
function fixed(...args: Parameters<typeof bound>): Bound {
  const { reloads: _, ...setting } = bound(...args)
  return setting
}

/**
 * Settings of the bounds of a hub: one for each of `HubLimits`. A bound on a number is the plural
 * of what it counts, a duration ends in `-time` or `-interval`, a size in `-size`.
 */
export const LIMITS = {
  streams: {
    ...bound("streamsMax", "Readers", COUNT, "most event streams at once"),
    initially: "10000, or nine tenths of what the limit on open files leaves,",
  },
  "readers-ceiling": bound(
    "readersCeiling",
    "Readers",
    count({ least: 0, most: MOST }),
    "above so many readers, send some to other hubs, gradually; 0 for no ceiling",
  ),
  "streams-per-address": bound(
    "streamsPerAddressMax",
    "Readers",
    COUNT,
    "most event streams of one address, of IPv6 of its first 64 bits; loopback is exempt",
  ),
  "streams-per-identity": bound(
    "streamsPerIdentityMax",
    "Readers",
    COUNT,
    "most event streams of one identity",
  ),
  heartbeat: bound(
    "heartbeatMs",
    "Readers",
    duration({ least: 1, most: 3_600_000 }),
    "longest silence of a stream, then a heartbeat; some clients need 5s or less",
  ),
  "sync-interval": bound(
    "syncIntervalMs",
    "Readers",
    DURATION,
    "longest time between two proofs of a stream (sync frames)",
  ),
  "ready-time": bound(
    "readyWaitMs",
    "Readers",
    DURATION,
    "time that a stream waits while the hub has no state, or is behind the reader",
  ),
  "stalled-time": bound(
    "stalledMs",
    "Readers",
    POSITIVE_DURATION,
    "a reader whose connection accepts no byte for so long is cut",
  ),
  "lag-time": bound(
    "lagMs",
    "Readers",
    DURATION,
    "longest lag of a reader that asked for policy=disconnect",
  ),
  "lag-grace-time": bound(
    "lagGraceMs",
    "Readers",
    DURATION,
    "time after its snapshot in which such a reader may lag further",
  ),
  views: bound("viewsMax", "Readers", COUNT, "most different filters of one topic at once"),
  "view-size": bound(
    "viewBytesMax",
    "Readers",
    SIZE,
    "most bytes of the prefixes and keys of these filters together",
  ),
  "views-per-address": bound(
    "viewsPerAddressMax",
    "Readers",
    COUNT,
    "most different filters of readers at one address",
  ),
  "views-per-identity": bound(
    "viewsPerIdentityMax",
    "Readers",
    COUNT,
    "most different filters of readers of one identity",
  ),
  filters: bound("filtersMax", "Readers", COUNT, "most prefixes and keys of one filter"),
  "frame-size": fixed(
    "frameBytesMax",
    "Readers",
    size({ least: 512, most: MOST }),
    "most bytes of a frame, unless it holds one entry",
  ),
  "frame-cache-size": bound(
    "frameCacheBytesMax",
    "Topics and memory",
    size({ least: 0, most: MOST }),
    "most bytes of encoded frames that one topic caches for other readers",
  ),
  "frame-cache-time": bound(
    "frameCacheMs",
    "Topics and memory",
    DURATION,
    "time for which frames, and the snapshot that new readers share, are cached",
  ),
  "value-size": fixed(
    "valueBytesMax",
    "Topics and memory",
    SIZE,
    "most bytes of a value; the same on all hubs of a source, as it is part of the epoch",
  ),
  "entries-per-topic": bound(
    "topicEntriesMax",
    "Topics and memory",
    COUNT,
    "most entries of a topic that clients may write into",
  ),
  "topic-size": bound(
    "topicBytesMax",
    "Topics and memory",
    SIZE,
    "most bytes of keys and values of a topic that clients may write into",
  ),
  "entries-per-identity": bound(
    "identityEntriesMax",
    "Topics and memory",
    COUNT,
    "most entries of a topic that one identity may have written",
  ),
  "identity-size": bound(
    "identityBytesMax",
    "Topics and memory",
    SIZE,
    "most bytes of keys and values of these",
  ),
  "batch-size": bound("batchBytesMax", "Requests", SIZE, "most bytes of the body of a batch"),
  "requests-per-second": bound(
    "requestsPerSecondMax",
    "Requests",
    COUNT,
    "most requests of one address per second; loopback is exempt",
  ),
  "connections-per-address": fixed(
    "connectionsPerAddressMax",
    "Requests",
    COUNT,
    "most connections of one address (not on Bun); loopback and trusted proxies are exempt",
  ),
  "head-time": fixed(
    "headMs",
    "Requests",
    duration({ least: 1, most: 3_600_000 }),
    "time for the head of a request to arrive, and for a TLS handshake",
  ),
  "body-time": fixed(
    "bodyMs",
    "Requests",
    POSITIVE_DURATION,
    "time for the body of a request to arrive",
  ),
  "write-time": bound(
    "writeMs",
    "Requests",
    DURATION,
    "time for the source to answer a write; after it the outcome is unknown",
  ),
  pages: bound("pagesMax", "Requests", COUNT, "most lists of one topic kept for their next page"),
  "page-time": bound(
    "listLeaseMs",
    "Requests",
    POSITIVE_DURATION,
    "time for which a stalled list, or the next page of one, is kept",
  ),
  "lease-time": bound(
    "leaseMs",
    "Scheduling",
    DURATION,
    "time for which a reader that stalls in the middle of a walk keeps its snapshot",
  ),
  walkers: bound(
    "walkersMax",
    "Scheduling",
    COUNT,
    "readers that get a snapshot or a long catch-up at once; the others wait",
  ),
  visits: bound("visitsMax", "Scheduling", COUNT, "most nodes that one slice of a walk visits"),
  wakes: bound("wakesMax", "Scheduling", COUNT, "most readers woken in one turn of the event loop"),
  "turn-time": fixed(
    "turnMs",
    "Scheduling",
    DURATION,
    "longest time that the hub works in one turn of the event loop",
  ),
} as const

type LimitValues = Partial<Readonly<Record<keyof typeof LIMITS, number>>>

/** Returns the bounds of a hub that these settings give. */
export function limitsOf(values: LimitValues): Partial<HubLimits> {
  const rows = Object.entries(LIMITS) as [keyof LimitValues, Bound][]
  return Object.fromEntries(rows.map(([name, { limit }]) => [limit, values[name]]))
}
