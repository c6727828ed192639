import { SourceError } from "@headwater/core"
import { type ByteCursor, decodeQuotedBase64 } from "./quoted-base64.ts"

/** A key and its value as bytes: views of a buffer that a slice shares. */
export interface Pair {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly revision: number
}

/** About a millisecond of work: some 350 entries of 200 bytes. */
const SLICE_BYTES = 131_072

/**
 * Reads entries as etcd's gateway writes them, a slice at a time, from bytes to bytes: no text is
 * made of what is base64. The pieces that they stand in are let go of as they are read.
 *
 * A slice is `SLICE_BYTES` or a little more. Fields that are not known are skipped; they are
 * strings, numbers or words. Source: etcd's kv.proto in its JSON mapping.
 *
 * Decision: docs/decisions/sources.md, “Entries of etcd are decoded from bytes to bytes”.
 */
export class PairReader {
  /** The bytes to read in all. */
  readonly bytes: number
  /** Those that were read are let go of. */
  readonly #chunks: (Uint8Array | undefined)[]
  #index = 0
  #offset = 0

  /** @param chunks what stands between the brackets of a `kvs`. */
  constructor(chunks: readonly Uint8Array[]) {
    this.bytes = chunks.reduce((bytes, chunk) => bytes + chunk.length, 0)
    this.#chunks = [...chunks]
  }

  /** The key of the last entry, if there is any. Before anything is read; looks at the end. */
  lastKey(): Uint8Array | undefined {
    const parts: Uint8Array[] = []
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index] as Uint8Array
      const start = chunk.lastIndexOf(BRACE)
      parts.unshift(start < 0 ? chunk : chunk.subarray(start))
      if (start < 0) continue
      const pairs: Pair[] = []
      readPairs(join(parts), pairs)
      return pairs.at(-1)?.key
    }
    return undefined
  }

  /**
   * The next slice; `undefined` at the end.
   *
   * @throws {SourceError} these are no entries.
   */
  next(): readonly Pair[] | undefined {
    const pairs: Pair[] = []
    for (let bytes = 0; bytes < SLICE_BYTES; ) {
      const block = this.#nextBlock(SLICE_BYTES - bytes)
      if (block === undefined) break
      readPairs(block, pairs)
      bytes += block.length
    }
    return pairs.length > 0 ? pairs : undefined
  }

  // Whole entries: those of a piece, or the one that is cut by its end, which alone is copied. No
  // more than so many bytes, unless the first entry is larger.
  #nextBlock(bytesMax: number): Uint8Array | undefined {
    const parts: Uint8Array[] = []
    while (this.#index < this.#chunks.length) {
      const rest = (this.#chunks[this.#index] as Uint8Array).subarray(this.#offset)
      const isCut = parts.length > 0
      let end = isCut ? -1 : rest.subarray(0, bytesMax).lastIndexOf(END_BRACE)
      if (end < 0) end = rest.indexOf(END_BRACE, isCut ? 0 : bytesMax)
      if (end >= 0) {
        this.#offset += end + 1
        parts.push(rest.subarray(0, end + 1))
        return join(parts)
      }
      if (rest.length > 0) parts.push(rest)
      this.#chunks[this.#index] = undefined
      this.#index += 1
      this.#offset = 0
    }
    return parts.length > 0 ? join(parts) : undefined
  }
}

// Several whole entries, with commas before, between and after them.
function readPairs(block: Uint8Array, pairs: Pair[]): void {
  const bytes = new Uint8Array(Math.ceil(block.length * 0.75))
  const place = { at: 0, used: 0, start: 0, end: 0 }
  for (let mark = skip(block, place); mark >= 0; mark = skip(block, place)) {
    if (mark === BRACE) pairs.push(readPair(block, bytes, place))
    else if (mark !== COMMA) throw malformed()
    else place.at += 1
  }
}

function readPair(block: Uint8Array, bytes: Uint8Array, place: PairPlace): Pair {
  let key: Uint8Array = EMPTY
  let value: Uint8Array = EMPTY
  let revision = 0
  place.at += 1
  for (let mark = skip(block, place); mark !== END_BRACE; mark = skip(block, place)) {
    if (mark === COMMA) {
      place.at += 1
      continue
    }
    readString(block, place)
    const { start, end, used } = place
    if (skip(block, place) !== COLON) throw malformed()
    place.at += 1
    const isText = skip(block, place) === QUOTE
    const isKey = is(block, start, end, KEY)
    if (isKey || is(block, start, end, VALUE)) {
      if (!isText || !decodeQuotedBase64(block, bytes, place)) throw malformed()
      if (isKey) key = bytes.subarray(used, place.used)
      else value = bytes.subarray(used, place.used)
    } else {
      if (isText) readString(block, place)
      else readWord(block, place)
      if (is(block, start, end, MOD_REVISION)) revision = readInteger(block, place)
    }
  }
  place.at += 1
  return { key, value, revision }
}

/** The reading position, and the bounds of the last string or word. */
interface PairPlace extends ByteCursor {
  start: number
  end: number
}

// The next byte that is no white space; -1 at the end.
function skip(block: Uint8Array, place: PairPlace): number {
  for (; place.at < block.length; place.at++) {
    const byte = block[place.at] as number
    if (byte > SPACE) return byte
  }
  return -1
}

function readString(block: Uint8Array, place: PairPlace): void {
  if (block[place.at] !== QUOTE) throw malformed()
  let at = place.at + 1
  place.start = at
  for (; block[at] !== QUOTE; at++) {
    // Nothing that etcd writes here needs an escape.
    if (at >= block.length || block[at] === BACKSLASH) throw malformed()
  }
  place.end = at
  place.at = at + 1
}

function readWord(block: Uint8Array, place: PairPlace): void {
  let { at } = place
  place.start = at
  for (let byte = block[at]; byte !== COMMA && byte !== END_BRACE; byte = block[++at]) {
    if (byte === undefined || byte === BRACE || byte === QUOTE) throw malformed()
  }
  if (at === place.start) throw malformed()
  place.end = at
  place.at = at
}

function readInteger(block: Uint8Array, { start, end }: PairPlace): number {
  let integer = 0
  for (let at = start; at < end; at++) {
    const digit = (block[at] as number) - ZERO
    if (digit < 0 || digit > 9) throw malformed()
    integer = integer * 10 + digit
  }
  if (integer > Number.MAX_SAFE_INTEGER) {
    throw new SourceError("etcd's revision is beyond 2^53")
  }
  return integer
}

function is(block: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false
  for (let at = 0; at < name.length; at++) if (block[start + at] !== name[at]) return false
  return true
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  const joined = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function malformed(): SourceError {
  return new SourceError("an entry of etcd's answer has an unexpected form")
}

const utf8 = new TextEncoder()
const KEY = utf8.encode("key")
const VALUE = utf8.encode("value")
const MOD_REVISION = utf8.encode("mod_revision")
const EMPTY = new Uint8Array(0)
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const ZERO = 0x30
const COLON = 0x3a
const BACKSLASH = 0x5c
const BRACE = 0x7b
const END_BRACE = 0x7d
