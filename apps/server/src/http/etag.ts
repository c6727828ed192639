import type { Condition, Position } from "@headwater/core"
import { formatPosition, parsePosition, type ViewSpec, viewOf } from "@headwater/protocol"
import { digestOf } from "../access/token.ts"
import { invalid, RequestError } from "../errors.ts"

/** The headers that decide about an answer, for caches. */
export const VARY = "accept, accept-encoding, authorization, cookie, origin"

/** Returns the ETag of an entry: `"<epoch>.<revision>"`. */
export function etagOf(position: Position): string {
  return `"${formatPosition(position)}"`
}

/**
 * Returns the ETag of a list: `"<epoch>.<revision>-<format>"`, with the view before the format
 * unless that is the unfiltered one. The 8 digits of a view can be searched for a match, so 16
 * digits of a SHA-256 follow them: a list of one identity must not pass for that of another.
 */
export function listEtagOf(position: Position, spec: ViewSpec, format: "json" | "ndjson"): string {
  const view = viewOf(spec)
  const { prefixes, keys, grant = null } = spec
  const name = view && `-${view}${digestOf(JSON.stringify([prefixes, keys, grant])).slice(0, 16)}`
  return `"${formatPosition(position)}${name}-${format}"`
}

/** Compares `If-None-Match` with an ETag, weakly. If it is true, a GET answers 304. */
export function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch.trim() === "*") return true
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag)
}

/**
 * Returns the condition of a write: `If-None-Match: *` requires that the entry is absent,
 * `If-Match` that it is at a revision (an ETag, weak or strong, or a revision), or exists (`*`).
 *
 * @throws {RequestError} 400 for anything else; 412 for an ETag of another epoch.
 */
export function conditionOf(headers: Headers, key: string, epoch: string): Condition | undefined {
  const ifMatch = headers.get("if-match")?.trim()
  const ifNoneMatch = headers.get("if-none-match")?.trim()
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw invalid("send If-Match or If-None-Match, not both")
  }
  if (ifMatch === undefined) {
    if (ifNoneMatch === "*") return { key, revision: 0 }
    throw invalid("the If-None-Match of a write is *, not an ETag")
  }
  if (ifMatch === "*") return { key, exists: true }
  const bare = /^("?)([1-9][0-9]{0,15})\1$/.exec(ifMatch)?.[2]
  if (bare !== undefined) return { key, revision: revisionOf(`e.${bare}`).revision }
  const tag = /^(?:W\/)?"([^"]*)"$/.exec(ifMatch)?.[1]
  if (tag === undefined) throw invalid("If-Match is one ETag, one revision, or *")
  const position = revisionOf(tag)
  if (position.epoch !== epoch) {
    const message = `the ETag is of epoch ${position.epoch}; the topic is in ${epoch}`
    throw new RequestError("ERR_CONFLICT", message, { facts: { epoch } })
  }
  return { key, revision: position.revision }
}

function revisionOf(text: string): Position {
  try {
    return parsePosition(text)
  } catch {
    throw invalid("If-Match is one ETag, one revision, or *")
  }
}
