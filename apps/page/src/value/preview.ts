import type { JsonKind } from "./json-text.ts"

/** The beginning of a value on one line, with the kind that colours it. */
export interface Preview {
  readonly kind: JsonKind | "text" | "bytes"
  readonly text: string
}

/** The kinds of values that a topic may have. */
export type TopicValues = "json" | "text" | "binary"

/** Bytes of a binary value that a preview shows. */
const BYTES_SHOWN_MAX = 12

/**
 * Returns the beginning of a value such that different values look different: of a `json` topic its
 * JSON, so that `"1"` has quotes and `1` has none. The cost goes with `lengthMax`, not with the
 * value.
 */
export function previewOf(value: unknown, values: TopicValues, lengthMax: number): Preview {
  if (value instanceof Uint8Array) {
    const shown = Array.from(value.subarray(0, BYTES_SHOWN_MAX), (byte) =>
      byte.toString(16).padStart(2, "0"),
    )
    const rest = value.length > BYTES_SHOWN_MAX ? " …" : ""
    return { kind: "bytes", text: `${shown.join(" ")}${rest}` }
  }
  if (values === "text") {
    return { kind: "text", text: cut(String(value).slice(0, lengthMax + 1), lengthMax) }
  }
  return { kind: kindOf(value), text: cut(jsonStart(value, lengthMax + 1), lengthMax) }
}

/** Returns the type of a value in words: `string`, `object of 3`. */
export function typeOf(value: unknown, values: TopicValues): string {
  if (value instanceof Uint8Array) return "binary"
  if (values === "text") return "text"
  if (value === null) return "null"
  if (Array.isArray(value)) return `array of ${value.length}`
  if (typeof value === "object") return `object of ${Object.keys(value).length}`
  return typeof value
}

function kindOf(value: unknown): JsonKind {
  if (typeof value === "string") return "string"
  if (typeof value === "number") return "number"
  return typeof value === "object" && value !== null ? "mark" : "word"
}

// JSON up to about a length: what follows is left out.
function jsonStart(value: unknown, lengthMax: number): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, lengthMax))
  if (typeof value !== "object" || value === null) return String(value)
  const isList = Array.isArray(value)
  let text = isList ? "[" : "{"
  for (const name in value) {
    if (text.length > 1) text += ", "
    const label = isList ? "" : `${name}: `
    text += label + jsonStart((value as Record<string, unknown>)[name], lengthMax - text.length)
    if (text.length > lengthMax) return text
  }
  return text + (isList ? "]" : "}")
}

function cut(text: string, lengthMax: number): string {
  const line = text.replace(/\s+/g, " ")
  return line.length > lengthMax ? `${line.slice(0, lengthMax)}…` : line
}
