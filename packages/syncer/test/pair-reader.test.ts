import { decodeBase64, encodeBase64, SourceError } from "@headwater/core"
import { integerBelow, prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { type Pair, PairReader } from "../src/sources/etcd/pair-reader.ts"
import { AnswerSplitter } from "../src/sources/etcd/split-answer.ts"

const utf8 = new TextEncoder()

/** Bytes cut anywhere, as a connection cuts them. */
function cut(bytes: Uint8Array, random: () => number, pieceMax: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + integerBelow(random, pieceMax) + 1
    pieces.push(bytes.slice(at, end))
    at = end
  }
  return pieces
}

function split(pieces: readonly Uint8Array[]) {
  const splitter = new AnswerSplitter()
  for (const piece of pieces) splitter.push(piece)
  return splitter.end()
}

function read(pairs: PairReader): Pair[] {
  const all: Pair[] = []
  for (let slice = pairs.next(); slice !== undefined; slice = pairs.next()) all.push(...slice)
  return all
}

const NOISE = Uint8Array.from({ length: 100_256 }, (_, at) => (at * at * 31) >> 3)

function answerOf(random: () => number, count: number, bytesMax: number) {
  const kvs = Array.from({ length: count }, (_, number) => {
    const start = integerBelow(random, 256)
    const value = NOISE.slice(start, start + integerBelow(random, bytesMax))
    return {
      key: encodeBase64(utf8.encode(`/${number}/${"k".repeat(integerBelow(random, 5))}`)),
      create_revision: "7",
      mod_revision: String(1 + integerBelow(random, 2 ** 40)),
      version: "1",
      ...(value.length > 0 && { value: encodeBase64(value) }),
      ...(number % 3 === 0 && { lease: "123" }),
    }
  })
  const header = { cluster_id: "1", revision: "9" }
  return { header, kvs, more: true, count: String(count) }
}

describe("PairReader", () => {
  test("reads what JSON.parse() reads, however the answer is cut", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = prng(seed)
      const answer = answerOf(random, integerBelow(random, 30), [4, 300, 100_000][seed % 3] ?? 4)
      const spelled = JSON.stringify(answer, undefined, seed % 5 === 4 ? " " : undefined)
      const bytes = utf8.encode(spelled)

      const { text, arrays } = split(cut(bytes, random, [7, 900, 70_000][seed % 3] ?? 7))

      expect(JSON.parse(text)).toEqual({ ...answer, kvs: [0] })
      const reader = new PairReader(arrays[0] ?? [])
      const last = answer.kvs.at(-1)
      expect(reader.lastKey()).toEqual(last && decodeBase64(last.key))
      const told = read(reader).map(({ key, value, revision }) => {
        return [encodeBase64(key), encodeBase64(value), String(revision)]
      })
      expect(told).toEqual(
        answer.kvs.map(({ key, value = "", mod_revision }) => [key, value, mod_revision]),
      )
    }
  })

  test("reads a page in slices, none of which is much larger than 128 KiB", () => {
    const random = prng(3)
    const answer = answerOf(random, 3_000, 400)
    const { arrays } = split([utf8.encode(JSON.stringify(answer))])
    const reader = new PairReader(arrays[0] ?? [])

    const sizes: number[] = []
    for (let slice = reader.next(); slice !== undefined; slice = reader.next()) {
      sizes.push(slice.reduce((bytes, { key, value }) => bytes + key.length + value.length, 0))
    }

    expect(sizes.length).toBeGreaterThan(7)
    expect(Math.max(...sizes)).toBeLessThan(262_144)
  })

  test.each([
    '{"key":"YQ==","mod_revision":"1","value":"YQ=",}',
    '{"key":"Y","mod_revision":"1"}',
    '{"key":"YQ==","mod_revision":"1","value":"Y\\u0051=="}',
    '{"key":"YQ==","mod_revision":"1","value":null}',
    '{"key":"YQ==","mod_revision":"one"}',
    '{"key":"YQ==","mod_revision":"9007199254740993"}',
    '{"key":"YQ==","mod_revision":"1"',
    '{"key":"YQ==","mod_revision":"1","value":"YQ',
    '{"key":"YQ==","mod_revision":"1","more":{"a":1}}',
    '{"key" "YQ=="}',
    '"YQ=="',
  ])("does not take for an entry: %s", (text) => {
    const reader = new PairReader([utf8.encode(text)])

    expect(() => read(reader)).toThrow(SourceError)
  })
})

describe("AnswerSplitter", () => {
  test("tells a transaction's ranges apart, also where one has found nothing", () => {
    const kv = '{"key":"YQ==","mod_revision":"1"}'
    const found = `{"response_range":{"header":{},"kvs":[${kv},${kv}],"count":"2"}}`
    const nothing = '{"response_range":{"header":{}}}'
    const responses = (text: string) => JSON.parse(text).responses as unknown[]

    const both = split([utf8.encode(`{"header":{},"responses":[${found},${found}]}`)])
    const second = split([utf8.encode(`{"header":{},"responses":[${nothing},${found}]}`)])

    expect(responses(both.text)).toMatchObject([
      { response_range: { kvs: [0] } },
      { response_range: { kvs: [1] } },
    ])
    expect(responses(second.text)).toMatchObject([{}, { response_range: { kvs: [0] } }])
    expect([both.arrays.length, second.arrays.length]).toEqual([2, 1])
  })
})
