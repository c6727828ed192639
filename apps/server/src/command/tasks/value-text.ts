import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"

/** Writes the bytes of a value as the protocol's JSON has it: PROTOCOL.md §3, “Values”. */
export function valueJson(value: Uint8Array, kind: ValueKind): string {
  if (kind === "json") return decodeUtf8(value)
  return JSON.stringify(kind === "text" ? decodeUtf8(value) : encodeBase64(value))
}

/**
 * Reads the bytes of a value from its JSON text.
 *
 * @throws {TypeError} the text is not of the kind.
 */
export function valueBytes(json: string, kind: ValueKind): Uint8Array {
  if (kind === "json") return encodeUtf8(json)
  const text: unknown = JSON.parse(json)
  if (typeof text !== "string") throw new TypeError(`a ${kind} value is a string, not ${json}`)
  return kind === "text" ? encodeUtf8(text) : decodeBase64(text)
}

/** A value in one line for a person: text that could move the cursor is escaped. */
export function valueLine(value: Uint8Array, kind: ValueKind, columns?: number): string {
  const text = kind === "text" ? plainText(decodeUtf8(value)) : valueJson(value, kind)
  const line = plainText(text.replace(/\s*[\r\n]\s*/g, " "))
  const points = columns === undefined ? [] : [...line.slice(0, columns * 2)]
  return columns !== undefined && points.length > columns
    ? `${points.slice(0, Math.max(1, columns - 1)).join("")}…`
    : line
}

/** A text without control characters: each is escaped as in JSON. */
export function plainText(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to escape.
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
