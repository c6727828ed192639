import {
  type Change,
  type Condition,
  decodeBase64,
  encodeUtf8,
  isWellFormed,
  KEY_BYTES_MAX,
  KeyError,
  readUtf8,
  ValueError,
  type WriteRequest,
} from "@headwater/core"
import { BATCH_OPERATIONS_MAX, type ValueKind } from "@headwater/protocol"
import { invalid } from "../errors.ts"
import { checkValue, TOO_DEEP, VALUE_DEPTH_MAX } from "../values.ts"
import { JsonReader } from "./json-reader.ts"
import { checkKey } from "./query.ts"

/** The longest that strings and numbers are in JSON, where a byte may be written `\u0041`. */
const KEY_JSON_BYTES_MAX = 2 + 6 * KEY_BYTES_MAX
const NAME_JSON_BYTES_MAX = 64
const REVISION_JSON_BYTES_MAX = 32

/**
 * Reads the body of a batch, slice by slice: the owner of the generator shares out the turns.
 *
 *     { "if": [{ key, revision }], "changes": [{ op: "put", key, value } | { op: "delete", key }] }
 *
 * A JSON value is cut out of the body as it stands there, so that big integers, duplicate keys and
 * spelling survive; a text is a JSON string, a binary value a base64 string with padding.
 *
 * Reading ends at the first fault, such as a bound that is exceeded. Each byte is read once.
 *
 * @throws {RequestError | KeyError | ValueError} the fault.
 */
export function* readBatch(
  body: Uint8Array,
  kind: ValueKind,
  valueBytesMax: number,
): Generator<void, WriteRequest> {
  const json = new JsonReader(body)
  const conditions = new Map<string, Condition>()
  const changes = new Map<string, Change>()
  const keep = <Item extends Change | Condition>(items: Map<string, Item>, item: Item) => {
    const { key } = item
    if (items.has(key))
      throw invalid(`a list of the batch has the key ${JSON.stringify(key)} twice`)
    items.set(key, item)
    if (conditions.size + changes.size > BATCH_OPERATIONS_MAX) {
      throw invalid(`a batch has at most ${BATCH_OPERATIONS_MAX} conditions and changes`)
    }
  }
  yield* readObject(json, "a batch", {
    *if() {
      yield* readArray(json, "if", function* () {
        keep(conditions, yield* readCondition(json))
      })
    },
    *changes() {
      yield* readArray(json, "changes", function* () {
        keep(changes, yield* readChange(json, kind, valueBytesMax))
      })
    },
  })
  if (!json.isEnded) throw invalid("the body is not JSON: something follows the batch")
  if (changes.size === 0) throw invalid("a batch has at least one change")
  return { conditions: [...conditions.values()], changes: [...changes.values()] }
}

function* readCondition(json: JsonReader): Generator<void, Condition> {
  let key: string | undefined
  let revision: unknown
  yield* readObject(json, "a condition", {
    *key() {
      key = yield* readKey(json)
    },
    *revision() {
      revision = yield* json.scalar(REVISION_JSON_BYTES_MAX)
    },
  })
  if (!Number.isSafeInteger(revision) || (revision as number) < 0) {
    throw invalid("a condition has a revision: an integer, 0 for an absent entry")
  }
  return { key: checkKey(key), revision: revision as number }
}

function* readChange(
  json: JsonReader,
  kind: ValueKind,
  valueBytesMax: number,
): Generator<void, Change> {
  let op: string | undefined
  let key: string | undefined
  let value: Uint8Array | undefined
  yield* readObject(json, "a change", {
    *op() {
      op = yield* json.string(NAME_JSON_BYTES_MAX)
    },
    *key() {
      key = yield* readKey(json)
    },
    *value() {
      value = yield* readValue(json, kind, valueBytesMax)
    },
  })
  if (op === "delete" && value === undefined) return { op, key: checkKey(key) }
  if (op === "put" && value !== undefined) return { op, key: checkKey(key), value }
  throw invalid('a change is a "put" with a key and a value, or a "delete" with a key')
}

function* readKey(json: JsonReader): Generator<void, string> {
  const key = yield* json.string(KEY_JSON_BYTES_MAX)
  if (key === undefined) throw new KeyError(`a key is a string of 1 to ${KEY_BYTES_MAX} bytes`)
  return key
}

function* readValue(
  json: JsonReader,
  kind: ValueKind,
  bytesMax: number,
): Generator<void, Uint8Array> {
  if (kind === "json") {
    const raw = yield* json.raw(bytesMax, VALUE_DEPTH_MAX)
    if (raw === "too deep") throw new ValueError(TOO_DEEP)
    if (raw === "too long") throw tooLarge(bytesMax)
    // It is JSON: of UTF-8 inside its strings nothing is known yet.
    yield* checkValue("text", raw, bytesMax)
    return raw
  }
  const raw = yield* json.raw(2 + 6 * bytesMax, 0)
  if (raw === "too long") throw tooLarge(bytesMax)
  const text = raw === "too deep" ? undefined : stringIn(raw)
  if (text === undefined) throw invalid(`in a batch, a ${kind} value is a string of UTF-8`)
  const value = kind === "text" ? encodeUtf8(text) : bytesOf(text)
  yield* checkValue(kind, value, bytesMax)
  return value
}

// The text of a JSON string; `undefined` for a number or word, and for what is not UTF-8.
function stringIn(raw: Uint8Array): string | undefined {
  const json = readUtf8(raw)
  const value: unknown = json === undefined ? undefined : JSON.parse(json)
  return typeof value === "string" && isWellFormed(value) ? value : undefined
}

function bytesOf(base64: string): Uint8Array {
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    return decodeBase64(base64)
  }
  throw invalid("in a batch, a binary value is base64 with padding")
}

// Reads the fields of an object, each by its own reader, once at most.
function* readObject<Name extends string>(
  json: JsonReader,
  what: string,
  readers: Readonly<Record<Name, () => Generator<void, void>>>,
): Generator<void, void> {
  if (!json.take("{")) throw invalid(`${what} is an object`)
  if (json.take("}")) return
  const left = new Map(Object.entries<() => Generator<void, void>>(readers))
  do {
    const name = (yield* json.string(NAME_JSON_BYTES_MAX)) ?? ""
    const read = left.get(name)
    if (read === undefined) {
      throw invalid(`${what} has ${Object.keys(readers).join(", ")}, each at most once`)
    }
    left.delete(name)
    json.expect(":")
    yield* read()
  } while (json.take(","))
  json.expect("}")
}

function* readArray(
  json: JsonReader,
  what: string,
  readItem: () => Generator<void, void>,
): Generator<void, void> {
  if (!json.take("[")) throw invalid(`${what} is an array`)
  if (json.take("]")) return
  do {
    yield* readItem()
    yield
  } while (json.take(","))
  json.expect("]")
}

function tooLarge(bytesMax: number): ValueError {
  return new ValueError(`a value has at most ${bytesMax} bytes`, "ERR_TOO_LARGE")
}
