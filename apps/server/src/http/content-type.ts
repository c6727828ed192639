import { CONTENT_TYPES, type ValueKind, valueKindOf } from "@headwater/protocol"
import { invalid, RequestError } from "../errors.ts"

/**
 * Checks the headers that describe a body. The hub stores and parses bodies as they arrive, so it
 * refuses a coded or partial one, and one of another type.
 *
 * A form of a foreign page can send text/plain, but with it the browser sends an Origin.
 *
 * @throws {RequestError} 415: another type, charset or coding; 400: a part of a body.
 */
export function checkContent(headers: Headers, kind: ValueKind): void {
  const type = headers.get("content-type") ?? ""
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1] ?? "utf-8"
  if (valueKindOf(type) !== kind || charset.toLowerCase() !== "utf-8") {
    const given = type === "" ? "there is none" : `not ${type}`
    throw unsupported(`the content-type of this body must be ${CONTENT_TYPES[kind]}; ${given}`)
  }
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity"
  if (coding !== "identity" && coding !== "") {
    const message = `the body has content-encoding ${coding}: send it without a coding`
    throw unsupported(message, { "accept-encoding": "identity" })
  }
  const transfer = headers.get("transfer-encoding")?.trim().toLowerCase() ?? "chunked"
  if (transfer !== "chunked") {
    throw invalid(`the body has transfer-encoding ${transfer}: this hub takes chunked alone`)
  }
  if (headers.has("content-range")) {
    throw invalid("a body is a whole value: no content-range")
  }
}

function unsupported(message: string, headers: Readonly<Record<string, string>> = {}) {
  return new RequestError("ERR_MEDIA_TYPE", message, { headers })
}
