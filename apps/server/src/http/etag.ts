import type { Condition, Position } from "@headwater/core"
import { formatPosition, parsePosition } from "@headwater/protocol"
import { RequestError } from "../errors.ts"

/** The ETag of an entry: `"<epoch>.<revision>"`. */
export function etagOf(position: Position): string {
  return `"${formatPosition(position)}"`
}

/** Whether `If-None-Match` names an ETag, weakly, as HTTP says: the answer to a GET is 304. */
export function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch.trim() === "*") return true
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag)
}

/**
 * What must hold for a write of `key`: by `If-None-Match: *` that it is absent, by `If-Match` that
 * it is at a revision (an ETag, weak or strong, or a bare revision) or there at all (`*`).
 *
 * @throws {RequestError} 400 for anything else; 412 for an ETag of another epoch.
 */
export function conditionOf(headers: Headers, key: string, epoch: string): Condition | undefined {
  const ifMatch = headers.get("if-match")?.trim()
  const ifNoneMatch = headers.get("if-none-match")?.trim()
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw invalid("give If-Match or If-None-Match, not both")
  }
  if (ifMatch === undefined) {
    if (ifNoneMatch === "*") return { key, revision: 0 }
    throw invalid("a write takes If-None-Match: * alone")
  }
  if (ifMatch === "*") return { key, exists: true }
  const bare = /^("?)([1-9][0-9]{0,15})\1$/.exec(ifMatch)?.[2]
  if (bare !== undefined) return { key, revision: revisionOf(`e.${bare}`).revision }
  const tag = /^(?:W\/)?"([^"]*)"$/.exec(ifMatch)?.[1]
  if (tag === undefined) throw invalid("If-Match takes one ETag, a revision, or *")
  const position = revisionOf(tag)
  if (position.epoch !== epoch) {
    throw new RequestError("ERR_CONFLICT", "the ETag is of another epoch", { facts: { epoch } })
  }
  return { key, revision: position.revision }
}

function revisionOf(text: string): Position {
  try {
    return parsePosition(text)
  } catch {
    throw invalid("If-Match takes one ETag, a revision, or *")
  }
}

function invalid(message: string): RequestError {
  return new RequestError("ERR_REQUEST_INVALID", message)
}
