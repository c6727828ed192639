import {
  type Entry,
  type InvalidEntry,
  type ListPage,
  type ListRequest,
  type Revision,
  SourceError,
} from "@headwater/core"
import { LinkedAbort } from "../../linked-abort.ts"
import { decodeBase64 } from "./base64.ts"
import type { Gateway } from "./gateway.ts"
import type { KeySpace } from "./key-space.ts"
import { type RangeAnswer, revisionOf } from "./messages.ts"

/** What a list of etcd needs. */
export interface ListContext {
  readonly gateway: Gateway
  readonly keys: KeySpace
  /** The cluster that answered when it was asked who it is; `undefined` when it never was. */
  readonly clusterId: () => string | undefined
}

/** A page is asked for by its number of entries, chosen so that reading one is a few ms of work. */
const PAGE_BYTES = 512 * 1_024
const PAGE_ENTRIES_MIN = 10
const PAGE_ENTRIES_FIRST = 500
const PAGE_ENTRIES_MAX = 10_000

/**
 * Reads a range page by page, all as of the revision of the first; see `Source.list`.
 *
 * The first page is linearizable. The next one is on its way while one is used.
 */
export async function* listEtcd(
  context: ListContext,
  request: ListRequest,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const { gateway, keys } = context
  const link = new LinkedAbort(signal)
  const ask = (key: string, limit: number, at: Revision | undefined) => {
    const range = { key, range_end: keys.rangeEnd, limit: String(limit) }
    const body = at === undefined ? range : { ...range, revision: String(at) }
    const answer = gateway.read<RangeAnswer>("/v3/kv/range", body, link.signal)
    // It may fail while a page is in use; who awaits it hears of it, and nobody else need.
    answer.catch(() => {})
    return answer
  }
  try {
    let asked = ask(keys.rangeStart, PAGE_ENTRIES_FIRST, request.at)
    let revision = request.at
    for (let more = true; more; ) {
      const answer = await asked
      checkHeader(context, answer, request)
      revision ??= revisionOf(answer.header.revision)
      const last = answer.kvs?.at(-1)
      more = answer.more === true && last !== undefined
      if (more && last) asked = ask(keys.after(last.key), limitAfter(answer), revision)
      yield pageOf(keys, revision, answer)
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    link.abort()
  }
}

function checkHeader(context: ListContext, { header }: RangeAnswer, request: ListRequest): void {
  const clusterId = context.clusterId()
  if (clusterId !== undefined && header.cluster_id !== clusterId) {
    throw new SourceError(`cluster ${header.cluster_id} answered, not ${clusterId}`)
  }
  const revision = revisionOf(header.revision)
  if (revision < (request.atLeast ?? 0)) {
    throw new SourceError(`etcd is at revision ${revision}, not yet at ${request.atLeast}`)
  }
}

function pageOf(keys: KeySpace, revision: Revision, { kvs = [] }: RangeAnswer): ListPage {
  const entries: Entry[] = []
  const invalid: InvalidEntry[] = []
  for (const kv of kvs) {
    const seen = keys.see(kv.key)
    if (seen.type === "key") {
      const value = decodeBase64(kv.value ?? "")
      entries.push({ key: seen.key, value, revision: revisionOf(kv.mod_revision) })
    } else if (seen.type === "invalid") {
      invalid.push({ key: seen.key, reason: seen.reason })
    }
  }
  return { revision, entries, invalid }
}

function limitAfter({ kvs = [] }: RangeAnswer): number {
  let chars = 0
  for (const { key, value } of kvs) chars += key.length + (value?.length ?? 0)
  const bytesEach = (chars * 0.75) / kvs.length + 1
  return Math.max(PAGE_ENTRIES_MIN, Math.min(Math.ceil(PAGE_BYTES / bytesEach), PAGE_ENTRIES_MAX))
}
