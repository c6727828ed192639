import { request, topicPath } from "../hub/request.ts"
import type { TopicValues } from "../value/preview.ts"

/** A write of one entry, with the condition under which the hub takes it. */
export interface EntryWrite {
  readonly topic: string
  readonly values: TopicValues
  readonly key: string
  /** Undefined to delete the entry. */
  readonly body: string | Uint8Array<ArrayBuffer> | undefined
  /** The revision that the entry is at; 0 where it must be absent. */
  readonly ifRevision: number
}

/** Longer than the hub gives its source. */
const WRITE_MS = 15_000

const CONTENT_TYPES: Readonly<Record<TopicValues, string>> = {
  json: "application/json",
  text: "text/plain; charset=utf-8",
  binary: "application/octet-stream",
}

/**
 * Puts or deletes an entry if it still is what the page showed. Resolves with the revision that it
 * made.
 *
 * @throws {RequestFailure} `ERR_CONFLICT`: the entry has changed since.
 */
export async function writeEntry(write: EntryWrite): Promise<number> {
  const { topic, values, key, body, ifRevision } = write
  const path = `${topicPath(topic, "entry")}?key=${encodeURIComponent(key)}`
  const condition: Record<string, string> =
    ifRevision === 0 ? { "if-none-match": "*" } : { "if-match": String(ifRevision) }
  const response = await request(path, {
    answerMs: WRITE_MS,
    ...(body === undefined
      ? { method: "DELETE", headers: condition }
      : { method: "PUT", headers: { ...condition, "content-type": CONTENT_TYPES[values] }, body }),
  })
  const { revision } = (await response.json()) as { readonly revision: number }
  return revision
}
