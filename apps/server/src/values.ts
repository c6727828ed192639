import { ValueError } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"

/**
 * Part of every epoch: two hubs that call different values valid show different entries. Raise the
 * number when a rule below changes.
 */
export const VALIDATOR = "values/1"

// A byte order mark stays, and so is no JSON: the bytes are passed on as they are.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Says why bytes are no value of a kind, or nothing. Pure. Cost: parses the whole value. */
export function reasonAgainst(kind: ValueKind, value: Uint8Array): string | undefined {
  if (kind === "binary") return undefined
  let text: string
  try {
    text = utf8.decode(value)
  } catch {
    return "the value is not UTF-8"
  }
  if (kind === "text") return undefined
  try {
    JSON.parse(text)
    return undefined
  } catch {
    return "the value is not JSON"
  }
}

/** @throws {ValueError} when the bytes are no value of the kind, or too many. */
export function checkValue(kind: ValueKind, value: Uint8Array, bytesMax: number): void {
  if (value.length > bytesMax) {
    throw new ValueError(`a value has at most ${bytesMax} bytes`, "ERR_TOO_LARGE")
  }
  const reason = reasonAgainst(kind, value)
  if (reason !== undefined) throw new ValueError(reason)
}
