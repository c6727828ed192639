import type { RequestFailure } from "../hub/request.ts"
import { fromBase64, toBase64, toText } from "../value/byte-text.ts"
import { compactJson, prettyJson } from "../value/json-text.ts"
import type { TopicValues } from "../value/preview.ts"
import { count } from "../value/quantity.ts"

/** Returns a value as text to edit: JSON with a member a line, binary in base64. */
export function editableText(values: TopicValues, bytes: Uint8Array): string {
  if (values === "binary") return toBase64(bytes)
  const text = toText(bytes) ?? ""
  return values === "json" ? prettyJson(text) : text
}

/**
 * Returns the body of the write that a draft makes, or the reason against it. JSON that had one
 * line is written as one line, with the spelling of the draft.
 *
 * @param before the value that the draft replaces; undefined for a new entry.
 */
export function bodyOfDraft(
  values: TopicValues,
  draft: string,
  before: Uint8Array | undefined,
): string | Uint8Array<ArrayBuffer> | Error {
  if (values === "text") return draft
  if (values === "binary") return fromBase64(draft) ?? new Error("This is not base64.")
  try {
    JSON.parse(draft)
  } catch (error) {
    return new Error(`This is not JSON: ${(error as Error).message}`)
  }
  const isOneLine = before === undefined || !toText(before)?.trim().includes("\n")
  return isOneLine ? compactJson(draft) : draft
}

/** Returns the reason in words why a write was not made. */
export function failureText({ code, message, revision }: RequestFailure): string {
  if (code === "ERR_KEY_ABSENT") return "Not written: the entry is not there any more."
  if (code !== "ERR_CONFLICT") return `Not written: ${message}.`
  return revision === undefined || revision === 0
    ? "Not written: the entry is not there any more."
    : `Not written: the entry is at revision ${count(revision)} now.`
}
