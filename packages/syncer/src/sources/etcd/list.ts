import {
  type Clock,
  type Entry,
  type InvalidEntry,
  LinkedAbort,
  type ListPage,
  type ListRequest,
  type Revision,
  SourceError,
} from "@headwater/core"
import { CallFailure } from "./call-failure.ts"
import type { EpochMarker } from "./epoch-marker.ts"
import type { Gateway } from "./gateway.ts"
import type { KeySpace } from "./key-space.ts"
import { type MarkedRange, readMarkedRange } from "./marked-range.ts"
import { revisionOf } from "./messages.ts"
import type { Pair } from "./pair-reader.ts"

/** The parts of a source that a list uses. */
export interface ListContext {
  readonly gateway: Gateway
  readonly keys: KeySpace
  readonly clock: Clock
  /** Read in the same revision as the entries, where there is one. */
  readonly marker: EpochMarker | undefined
  /** True when any member may answer by what it has. */
  readonly serializable: boolean
  readonly pace: ListPace
  /** The cluster that answered when it was asked who it is; `undefined` when it never was. */
  readonly clusterId: () => string | undefined
  readonly identityOf: (clusterId: string | undefined, id: string | undefined) => string
}

/** The size of pages, which follows from how earlier lists went. */
export interface ListPace {
  /** A multiple of the usual size; above 1 after compaction overtook a list. */
  factor: number
}

/**
 * Of the answer, in which an entry of 200 bytes takes 370. For each page etcd looks at the whole
 * rest of the range, so small ones cost it more than what they bring. A large one is read in
 * slices.
 */
const PAGE_BYTES = 4 * 1_048_576
const PAGE_ENTRIES_MIN = 10
const PAGE_ENTRIES_FIRST = 500
const PAGE_ENTRIES_MAX = 16_384

/**
 * Most bytes of one page: compaction cannot overtake a single request. 256 MiB, which etcd
 * and this process have to hold. Each list that does end makes the next one's pages smaller.
 */
const PACE_MAX = 64
const PACE_STEP = 8

/** Without a word. etcd writes a page whole, some 25 MiB a second, before it sends any of it. */
const PAGE_MS = 10_000
const LARGE_PAGE_MS = 60_000

/** A replica that is behind is asked so often, with pauses that double, then its leader is. */
const STALE_READS_MAX = 3
const STALE_PAUSE_MS = 100

/**
 * Reads a range page by page, all as of the revision of the first; see `Source.list`.
 *
 * The first page is linearizable, or from a replica that is not behind what was asked for. The next
 * one is on its way while one is used. A list that is overtaken by compaction fails; the next one
 * takes larger pages.
 *
 * Decision: docs/decisions/sources.md, “When compaction overtakes a list”.
 */
export async function* listEtcd(
  context: ListContext,
  request: ListRequest,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const { keys, pace } = context
  const link = new LinkedAbort(signal)
  let revision = request.at
  let isUnderWay = false
  try {
    // As they are before the question: an answer is older than a marker that is made meanwhile.
    let isMarked = context.marker?.mark !== undefined
    let asked = firstPage(context, request, link.signal)
    let limit = PAGE_ENTRIES_FIRST
    for (let more = true; more; ) {
      const answer = await asked
      checkLife(context, answer, isMarked)
      revision ??= revisionOf(answer.header.revision)
      more = answer.more
      if (more) {
        const key = keys.after(lastKeyOf(answer))
        limit = limitAfter(answer, limit, pace)
        isMarked = context.marker?.mark !== undefined
        asked = nextPage(context, { key, limit, at: revision }, link.signal)
        // It may fail while a page is in use; the caller that awaits it gets the error.
        asked.catch(() => {})
      }
      isUnderWay = true
      yield* slicesOf(context, revision, answer)
    }
    pace.factor = Math.max(1, pace.factor / PACE_STEP)
  } catch (error) {
    signal.throwIfAborted()
    if (isUnderWay && isCompacted(error)) pace.factor = PACE_MAX
    throw error
  } finally {
    link.abort()
  }
}

interface Page {
  readonly key: string
  readonly limit: number
  readonly at: Revision | undefined
}

async function firstPage(
  context: ListContext,
  request: ListRequest,
  signal: AbortSignal,
): Promise<MarkedRange> {
  const { keys, clock } = context
  // Small, whatever the pace: with it the revision is known, from which a watch can be opened.
  const page = { key: keys.rangeStart, limit: PAGE_ENTRIES_FIRST, at: request.at }
  const reads = context.serializable && !request.linearizable ? STALE_READS_MAX : 0
  for (let read = 0; read < reads; read++) {
    const answer = await unlessFuture(ask(context, page, true, signal))
    if (answer !== undefined && !isStale(context, answer, request)) return answer
    await clock.sleep(STALE_PAUSE_MS * 2 ** read, signal)
  }
  const answer = await ask(context, page, false, signal)
  const revision = revisionOf(answer.header.revision)
  if (revision < (request.atLeast ?? 0)) {
    throw new SourceError(`etcd is at revision ${revision}, not yet at ${request.atLeast}`)
  }
  return answer
}

async function nextPage(
  context: ListContext,
  page: Page,
  signal: AbortSignal,
): Promise<MarkedRange> {
  if (context.serializable) {
    const answer = await unlessFuture(ask(context, page, true, signal))
    if (answer !== undefined) return answer
  }
  return ask(context, page, false, signal)
}

function ask(
  context: ListContext,
  { key, limit, at }: Page,
  serializable: boolean,
  signal: AbortSignal,
): Promise<MarkedRange> {
  const { keys, pace } = context
  const range = { key, range_end: keys.rangeEnd, limit: String(limit), serializable }
  const body = at === undefined ? range : { ...range, revision: String(at) }
  return readMarkedRange(context, body, pace.factor > 1 ? LARGE_PAGE_MS : PAGE_MS, signal)
}

/** The answer, or nothing where the replica has not come to the revision asked for. */
async function unlessFuture(answer: Promise<MarkedRange>): Promise<MarkedRange | undefined> {
  try {
    return await answer
  } catch (error) {
    const cause = error instanceof SourceError ? error.cause : undefined
    if (cause instanceof CallFailure && cause.future) return undefined
    throw error
  }
}

function isStale(
  { marker }: ListContext,
  { header, id }: MarkedRange,
  { atLeast = 0 }: ListRequest,
): boolean {
  return revisionOf(header.revision) < atLeast || (marker?.mark && id !== marker.mark.id) === true
}

function isCompacted(error: unknown): boolean {
  const cause = error instanceof SourceError ? error.cause : undefined
  return cause instanceof CallFailure && cause.compacted
}

function checkLife(context: ListContext, { header, id }: MarkedRange, isMarked: boolean): void {
  if (isMarked && id === undefined) throw new SourceError(`${context.marker?.key} is gone`)
  const clusterId = context.clusterId()
  if (clusterId !== undefined && header.cluster_id !== clusterId) {
    throw new SourceError(`cluster ${header.cluster_id} answered, not ${clusterId}`)
  }
}

// One page of etcd's is several of a list: each slice is decoded in a turn of its own.
async function* slicesOf(
  context: ListContext,
  revision: Revision,
  { header, id, pairs }: MarkedRange,
): AsyncGenerator<ListPage> {
  const { keys, clock, marker, identityOf } = context
  // `list` may run before `identity`; then there is no epoch marker to compare.
  const isNamed = marker === undefined || id !== undefined
  const head = { revision, ...(isNamed && { identity: identityOf(header.cluster_id, id) }) }
  yield { ...head, ...entriesOf(keys, pairs.next() ?? []) }
  for (let slice = pairs.next(); slice !== undefined; slice = pairs.next()) {
    yield { ...head, ...entriesOf(keys, slice) }
    await clock.yield()
  }
}

function entriesOf(
  keys: KeySpace,
  pairs: readonly Pair[],
): { readonly entries: Entry[]; readonly invalid: InvalidEntry[] } {
  const entries: Entry[] = []
  const invalid: InvalidEntry[] = []
  for (const { key, value, revision } of pairs) {
    const seen = keys.see(key)
    if (seen.type === "key") entries.push({ key: seen.key, value, revision })
    else if (seen.type === "invalid") {
      invalid.push({ key: seen.key, reason: seen.reason, id: seen.id })
    }
  }
  return { entries, invalid }
}

function lastKeyOf({ pairs }: MarkedRange): Uint8Array {
  const key = pairs.lastKey()
  if (key === undefined) throw new SourceError("etcd says that there is more, after nothing")
  return key
}

// A page after which there is more has as many entries as were asked for.
function limitAfter({ pairs }: MarkedRange, limit: number, { factor }: ListPace): number {
  const wanted = Math.ceil((PAGE_BYTES * factor * limit) / pairs.bytes)
  return Math.max(PAGE_ENTRIES_MIN, Math.min(wanted, PAGE_ENTRIES_MAX * factor))
}
