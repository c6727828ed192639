import {
  type CacheRequest,
  type CacheType,
  checkOptions,
  decodeUtf8,
  type Position,
} from "@headwater/core"
import { formatPosition, valueKindOf } from "@headwater/protocol"
import {
  bodyOf,
  HUB_TTL_MS,
  HUB_WAIT_MS,
  type HubAnswer,
  type HubEntry,
  type HubTypeOptions,
  hubReader,
  POLL_RULES,
} from "./hub-reader.ts"

/** The hub's position when it last answered, which is past the entry's own revision. */
interface AskedUpTo {
  readonly upTo: Position
}

/**
 * Single entries of a topic, each kept fresh by blocking GETs. The request's key is the entry's;
 * `null` for one that is absent.
 *
 * Cost: one GET that waits, for each entry in use. The revision of a value is the entry's, and of
 * an absent one that of the hub when it was first seen to be.
 */
export function entryType<Value = unknown>(
  options: HubTypeOptions,
): CacheType<HubEntry<Value> | null, CacheRequest, AskedUpTo> {
  checkOptions("entryType", options, POLL_RULES)
  const read = hubReader(options)
  return {
    blocking: true,
    refresh: true,
    ttlMs: options.ttlMs ?? HUB_TTL_MS,
    queryTimeoutMs: options.waitMs ?? HUB_WAIT_MS,
    async fetch({ request, since, waitMs, last }, signal) {
      const { key } = request
      const entry = last?.value
      const query = {
        path: `entry?key=${encodeURIComponent(key)}`,
        request,
        // Since the hub's position: the entry's own revision may be too old to be asked about.
        since: since && (last?.state?.upTo ?? since),
        waitMs,
        etag:
          entry && last ? `"${formatPosition({ ...last.position, ...revisionOf(entry) })}"` : "",
      }
      const answer = await read(query, signal)
      const state = { upTo: answer.position }
      const { epoch } = answer.position
      const isSameEpoch = last?.position.epoch === epoch
      if (answer.status === 304 && last) {
        return { notModified: true, revision: last.position.revision, epoch, state }
      }
      if (answer.status === 404) {
        // It may have come and gone meanwhile, which no answer shows.
        const notModified = entry === null && isSameEpoch
        const revision = notModified ? last!.position.revision : answer.position.revision
        return { value: null, notModified, revision, epoch, state }
      }
      const value = (await bodyOf(valueIn(answer), signal)) as Value
      const { revision } = answer
      return { value: { key, value, revision }, revision, epoch, state }
    },
  }
}

function revisionOf({ revision }: HubEntry): { readonly revision: number } {
  return { revision }
}

async function valueIn({ response }: HubAnswer): Promise<unknown> {
  const kind = valueKindOf(response.headers.get("content-type") ?? "")
  if (kind !== "text" && kind !== "binary") return response.json()
  const bytes = new Uint8Array(await response.arrayBuffer())
  // Not `response.text()`, which takes a leading U+FEFF away.
  return kind === "text" ? decodeUtf8(bytes) : bytes
}
