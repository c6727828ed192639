import { type CacheRequest, type CacheType, checkOptions, type Position } from "@headwater/core"
import { HubReadError } from "./hub-read-error.ts"
import {
  bodyOf,
  HUB_TTL_MS,
  HUB_WAIT_MS,
  type HubEntry,
  type HubTypeOptions,
  hubReader,
  POLL_RULES,
} from "./hub-reader.ts"

interface AskedUpTo {
  readonly upTo: Position
}

/**
 * All entries with a prefix, kept fresh by blocking GETs, in the order of their keys. The request's
 * key is the prefix with a `*` after it, as in `web-*`; `*` alone is the whole topic.
 *
 * Values are as in the hub's JSON: those of a `binary` topic are base64. Cost: every answer with
 * news is the whole list; for a list that changes often, `liveListType` gets the changes alone.
 */
export function listType<Value = unknown>(
  options: HubTypeOptions,
): CacheType<readonly HubEntry<Value>[], CacheRequest, AskedUpTo> {
  checkOptions("listType", options, POLL_RULES)
  const read = hubReader(options)
  return {
    blocking: true,
    refresh: true,
    ttlMs: options.ttlMs ?? HUB_TTL_MS,
    queryTimeoutMs: options.waitMs ?? HUB_WAIT_MS,
    async fetch({ request, since, waitMs, last }, signal) {
      const prefix = prefixOf(request.key)
      const query = {
        path: `entries?prefix=${encodeURIComponent(prefix)}`,
        request,
        since: since && (last?.state?.upTo ?? since),
        waitMs,
        etag: "",
      }
      const { response, position } = await read(query, signal)
      const body = (await bodyOf(response.json(), signal)) as { entries: HubEntry<Value>[] }
      const { entries } = body
      const { epoch } = position
      const state = { upTo: position }
      entries.sort((a, b) => (a.key < b.key ? -1 : 1))
      if (last && last.position.epoch === epoch && isSameList(last.value, entries)) {
        return { notModified: true, revision: last.position.revision, epoch, state }
      }
      return { value: entries, revision: position.revision, epoch, state }
    },
  }
}

/** The prefix that a key like `web-*` stands for. @throws {HubReadError} it has no `*`. */
export function prefixOf(key: string): string {
  if (key.endsWith("*")) return key.slice(0, -1)
  throw new HubReadError(
    `the key ${JSON.stringify(key)} of a list does not end with *, as in web-*`,
    "ERR_REQUEST_INVALID",
    "stop",
  )
}

// Within an epoch, key and revision determine the value.
function isSameList(a: readonly HubEntry[], b: readonly HubEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ key, revision }, at) => key === b[at]!.key && revision === b[at]!.revision)
  )
}
