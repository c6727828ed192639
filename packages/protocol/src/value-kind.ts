/**
 * The kind of all values of a topic.
 *
 *   json     validated, kept as the bytes that were put; inline JSON on the wire
 *   text     UTF-8; a JSON string on the wire
 *   binary   any bytes; base64 with padding in a JSON string on the wire
 */
export type ValueKind = "json" | "text" | "binary"

/** The content type of a value by itself, on GET and PUT of an entry. */
export const CONTENT_TYPES: Readonly<Record<ValueKind, string>> = {
  json: "application/json",
  text: "text/plain; charset=utf-8",
  binary: "application/octet-stream",
}

/** True when a text names a kind of value. */
export function isValueKind(text: unknown): text is ValueKind {
  return text === "json" || text === "text" || text === "binary"
}
