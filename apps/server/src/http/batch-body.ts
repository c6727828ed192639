import type { Change, Condition, WriteRequest } from "@headwater/core"
import { BATCH_OPERATIONS_MAX, type ValueKind } from "@headwater/protocol"
import type { Node } from "jsonc-parser"
import { RequestError } from "../errors.ts"
import { checkValue } from "../values.ts"
import { parseOutline } from "./outline.ts"
import { checkKey, isWellFormed } from "./query.ts"

/**
 * Reads the body of a batch.
 *
 *     { "if": [{ key, revision }], "changes": [{ op: "put", key, value } | { op: "delete", key }] }
 *
 * A json value is cut out of the body as it stands there, so that big integers, duplicate keys and
 * spelling survive; a text is a JSON string, a binary value a base64 string with padding.
 *
 * `JSON.parse` says whether it is JSON; the positions come from a second, tolerant parser, which
 * does not look into values.
 *
 * @throws {RequestError | KeyError | ValueError} with what is wrong. Cost: parses the body twice.
 */
export function readBatch(body: Uint8Array, kind: ValueKind, valueBytesMax: number): WriteRequest {
  const text = textOf(body)
  const fields = fieldsOf(treeOf(text), ["if", "changes"], "a batch")
  const conditions = itemsOf(fields.get("if")).map(conditionOf)
  const changes = itemsOf(fields.get("changes")).map((node) =>
    changeOf(node, text, kind, valueBytesMax),
  )
  if (changes.length === 0) throw invalid("a batch has at least one change")
  if (conditions.length + changes.length > BATCH_OPERATIONS_MAX) {
    throw invalid(`a batch has at most ${BATCH_OPERATIONS_MAX} conditions and changes`)
  }
  for (const keys of [conditions, changes]) {
    if (new Set(keys.map(({ key }) => key)).size < keys.length) {
      throw invalid("each key stands once in if, and once in changes")
    }
  }
  return { conditions, changes }
}

function textOf(body: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body)
    JSON.parse(text)
    return text
  } catch {
    throw invalid("the body is not JSON")
  }
}

function treeOf(text: string): Node | undefined {
  try {
    return parseOutline(text, VALUE_DEPTH)
  } catch {
    // It recurses: nesting of some thousands is more than the stack holds.
    throw invalid("the body is nested too deep")
  }
}

function conditionOf(node: Node): Condition {
  const fields = fieldsOf(node, ["key", "revision"], "a condition")
  const revision: unknown = fields.get("revision")?.value
  if (!Number.isSafeInteger(revision) || (revision as number) < 0) {
    throw invalid("a condition has a revision, 0 for absent")
  }
  return { key: keyOf(fields.get("key")), revision: revision as number }
}

function changeOf(node: Node, text: string, kind: ValueKind, valueBytesMax: number): Change {
  const fields = fieldsOf(node, ["op", "key", "value"], "a change")
  const op: unknown = fields.get("op")?.value
  const key = keyOf(fields.get("key"))
  const value = fields.get("value")
  if (op === "delete" && value === undefined) return { op, key }
  if (op !== "put" || value === undefined) {
    throw invalid("a change is a put with key and value, or a delete with a key")
  }
  const bytes = bytesOf(value, text, kind)
  checkValue(kind, bytes, valueBytesMax)
  return { op, key, value: bytes }
}

function bytesOf(node: Node, text: string, kind: ValueKind): Uint8Array {
  if (kind === "json") {
    return utf8.encode(text.slice(node.offset, node.offset + node.length))
  }
  if (node.type !== "string") throw invalid(`a ${kind} value is a string here`)
  const value = node.value as string
  if (kind === "text") {
    if (!isWellFormed(value)) throw invalid("a text value is UTF-8")
    return utf8.encode(value)
  }
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
    throw invalid("a binary value is base64 with padding")
  }
  return Uint8Array.from(atob(value), (char) => char.charCodeAt(0))
}

function keyOf(node: Node | undefined): string {
  return checkKey(node?.type === "string" ? (node.value as string) : undefined)
}

const utf8 = new TextEncoder()

/** Of a batch, its list, a change: what is inside of a value is not looked at. */
const VALUE_DEPTH = 3

/** The properties of an object, each once and none but the known. */
function fieldsOf(node: Node | undefined, known: readonly string[], what: string) {
  if (node?.type !== "object") throw invalid(`${what} is an object`)
  const fields = new Map<string, Node>()
  for (const property of node.children ?? []) {
    const [name, value] = property.children ?? []
    const key = String(name?.value)
    if (!known.includes(key) || fields.has(key) || value === undefined) {
      throw invalid(`${what} has ${known.join(", ")}, each at most once`)
    }
    fields.set(key, value)
  }
  return fields
}

function itemsOf(node: Node | undefined): Node[] {
  if (node === undefined) return []
  if (node.type !== "array") throw invalid("if and changes are arrays")
  return node.children ?? []
}

function invalid(message: string): RequestError {
  return new RequestError("ERR_REQUEST_INVALID", message)
}
