import { readUtf8, ValueError } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import { JsonScan, type JsonVerdict, skipSpace } from "./json-scan.ts"

/**
 * The version of the rules below, and part of every epoch: two hubs that call different values
 * valid show different entries. Raise the number when a rule changes.
 */
export const VALIDATOR = "values/2"

/** Arrays and objects that may stand inside of one another in a JSON value. See PROTOCOL.md §3. */
export const VALUE_DEPTH_MAX = 100

/** Bytes that are checked in one slice: well under a millisecond. */
const SLICE_BYTES = 32_768

/**
 * Returns why bytes are no value of a kind; `undefined` when they are one. Pure.
 *
 * Cost: O(length) in one turn, as the cache calls it. A write is checked by `checkValue`.
 */
export function reasonAgainst(kind: ValueKind, value: Uint8Array): string | undefined {
  const checking = check(kind, value, Number.POSITIVE_INFINITY)
  for (;;) {
    const { done, value: reason } = checking.next()
    if (done) return reason
  }
}

/**
 * Checks a value of a write, slice by slice: the owner of the generator shares out the turns.
 *
 * @throws {ValueError} the bytes are no value of the kind, or too many.
 */
export function* checkValue(
  kind: ValueKind,
  value: Uint8Array,
  bytesMax: number,
): Generator<void, void> {
  if (value.length > bytesMax) {
    throw new ValueError(
      `the value has ${value.length} bytes; this hub takes at most ${bytesMax}`,
      "ERR_TOO_LARGE",
    )
  }
  const reason = yield* check(kind, value, SLICE_BYTES)
  if (reason !== undefined) throw new ValueError(reason)
}

/** The reason against a JSON value that is nested too deep. */
export const TOO_DEEP = `the value is nested more than ${VALUE_DEPTH_MAX} deep`

const NOT_JSON = "the value is not JSON"

function* check(
  kind: ValueKind,
  value: Uint8Array,
  sliceBytes: number,
): Generator<void, string | undefined> {
  if (kind === "binary") return undefined
  const text = readUtf8(value)
  if (text === undefined) return "the value is not UTF-8"
  if (kind === "text") return undefined
  // Half the cost of a scan, for the many values that are small and cannot be deep.
  if (value.length <= sliceBytes && !hasManyBrackets(value)) {
    return isJson(text) ? undefined : NOT_JSON
  }
  const scan = new JsonScan(value, 0, VALUE_DEPTH_MAX)
  let verdict: JsonVerdict = scan.run(sliceBytes)
  for (; verdict === "more"; verdict = scan.run(sliceBytes)) yield
  if (verdict === "too deep") return TOO_DEEP
  return verdict === "ended" && skipSpace(value, scan.at) === value.length ? undefined : NOT_JSON
}

// True if so many arrays and objects begin that they may be nested too deep.
function hasManyBrackets(value: Uint8Array): boolean {
  let brackets = 0
  for (let at = 0; at < value.length && brackets <= VALUE_DEPTH_MAX; at++) {
    // `[` and `{`, and no other byte, are 0x5b with or without 0x20.
    if ((value[at]! & 0xdf) === 0x5b) brackets += 1
  }
  return brackets > VALUE_DEPTH_MAX
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
