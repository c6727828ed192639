/**
 * A check of JSON (RFC 8259) that reads bytes in slices, so that a long text blocks no other work.
 *
 * Its verdict is the same on all runtimes, whose `JSON.parse` allow different depths. It makes no
 * objects; it finds the end of a value. It does not check UTF-8 inside strings.
 *
 * @module
 */

/** Byte of a text, by its name. */
const QUOTE = 0x22
const ZERO = 0x30
const COMMA = 0x2c
const MINUS = 0x2d
const COLON = 0x3a
const ARRAY = 0x5b
const BACKSLASH = 0x5c
const ARRAY_END = 0x5d
const OBJECT = 0x7b
const OBJECT_END = 0x7d

/** The token that the grammar allows next; `in …`: the scan is inside of a string. */
type Expected =
  | "value"
  | "item or end"
  | "name"
  | "name or end"
  | "colon"
  | "comma or end"
  | "in name"
  | "in string"

/** Result of a slice: `more` until the value has ended, or is found to be wrong. */
export type JsonVerdict = "more" | "ended" | "not JSON" | "too deep"

/** The state of a check of one JSON value. */
export class JsonScan {
  /** The next byte to look at; once ended, the one after the value. */
  at: number
  readonly #bytes: Uint8Array
  /** Open arrays and objects, outermost first. */
  readonly #open: Uint8Array
  #depth = 0
  #expected: Expected = "value"

  /** @param depthMax arrays and objects that may stand inside of one another. */
  constructor(bytes: Uint8Array, at: number, depthMax: number) {
    this.#bytes = bytes
    this.at = at
    this.#open = new Uint8Array(depthMax)
  }

  /** Looks at `bytesMax` bytes more, or a few beyond: an escape or number is not cut. */
  run(bytesMax: number): JsonVerdict {
    const bytes = this.#bytes
    const until = Math.min(this.at + bytesMax, bytes.length)
    while (this.at < until) {
      const verdict = this.#step(until)
      if (verdict !== "more") return verdict
    }
    return this.at < bytes.length ? "more" : "not JSON"
  }

  // Takes one token; of white space and of a string, what stands before `until`.
  #step(until: number): JsonVerdict {
    const expected = this.#expected
    if (expected === "in string" || expected === "in name") return this.#takeString(until)
    const byte = this.#bytes[this.at]!
    if (isSpace(byte)) {
      do this.at += 1
      while (this.at < until && isSpace(this.#bytes[this.at]))
      return "more"
    }
    switch (expected) {
      case "colon":
        return byte === COLON ? this.#expect("value") : "not JSON"
      case "comma or end":
        if (byte !== COMMA) return this.#close(byte)
        return this.#expect(this.#open[this.#depth - 1] === OBJECT ? "name" : "value")
      case "name":
      case "name or end":
        if (byte === QUOTE) return this.#expect("in name")
        return expected === "name or end" && byte === OBJECT_END ? this.#close(byte) : "not JSON"
      default:
        if (byte === QUOTE) return this.#expect("in string")
        if (byte === ARRAY || byte === OBJECT) return this.#begin(byte)
        if (byte === ARRAY_END && expected === "item or end") return this.#close(byte)
        return this.#end(this.#scanWord(byte))
    }
  }

  // Passes one byte.
  #expect(expected: Expected): JsonVerdict {
    this.#expected = expected
    this.at += 1
    return "more"
  }

  #takeString(until: number): JsonVerdict {
    const bytes = this.#bytes
    let { at } = this
    for (; at < until; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) break
      if (byte < 0x20) return "not JSON"
      if (byte !== BACKSLASH) continue
      at = skipEscape(bytes, at)
      if (at < 0) return "not JSON"
    }
    this.at = at
    if (at >= until) return "more"
    if (this.#expected === "in name") return this.#expect("colon")
    return this.#end(at + 1)
  }

  #begin(byte: number): JsonVerdict {
    if (this.#depth === this.#open.length) return "too deep"
    this.#open[this.#depth++] = byte
    return this.#expect(byte === ARRAY ? "item or end" : "name or end")
  }

  #close(byte: number): JsonVerdict {
    // In ASCII, a closing bracket stands two after its opening one.
    if (this.#depth === 0 || byte !== this.#open[this.#depth - 1]! + 2) return "not JSON"
    this.#depth -= 1
    return this.#end(this.at + 1)
  }

  #end(at: number): JsonVerdict {
    if (at < 0) return "not JSON"
    this.at = at
    this.#expected = "comma or end"
    return this.#depth === 0 ? "ended" : "more"
  }

  #scanWord(byte: number): number {
    if (byte === MINUS || isDigit(byte)) return scanNumber(this.#bytes, this.at)
    const word = WORDS.find(([first]) => first === byte)
    return word?.every((part, n) => part === this.#bytes[this.at + n]) ? this.at + word.length : -1
  }
}

const WORDS = ["true", "false", "null"].map((word) => [...word].map((char) => char.charCodeAt(0)))

/** Returns the place of the first byte that is no white space; the length when there is none. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from
  while (isSpace(bytes[at])) at += 1
  return at
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

// The place of the last byte of the escape that begins at a backslash; -1 when it is none.
function skipEscape(bytes: Uint8Array, from: number): number {
  const escaped = bytes[from + 1]
  if (escaped !== 0x75) return escaped !== undefined && ESCAPES.includes(escaped) ? from + 1 : -1
  for (let at = from + 2; at < from + 6; at++) if (!isHex(bytes[at])) return -1
  return from + 5
}

const ESCAPES = [...'"\\/bfnrt'].map((char) => char.charCodeAt(0))

// The place after the number that begins at a minus or digit; -1 when it is none.
function scanNumber(bytes: Uint8Array, from: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from
  // A zero stands alone.
  let at = bytes[first] === ZERO ? first + 1 : skipDigits(bytes, first)
  if (bytes[at] === 0x2e) at = skipDigits(bytes, at + 1)
  if (at >= 0 && (bytes[at]! | 0x20) === 0x65) {
    const sign = bytes[at + 1]
    at = skipDigits(bytes, sign === MINUS || sign === 0x2b ? at + 2 : at + 1)
  }
  return at
}

// At least one digit; -1 when there is none.
function skipDigits(bytes: Uint8Array, from: number): number {
  let at = from
  while (isDigit(bytes[at])) at += 1
  return at === from ? -1 : at
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}
