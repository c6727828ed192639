import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { xxHash32 } from "../src/index.ts"

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
const hashOf = (text: string, seed: number) =>
  xxHash32(viewOf(new TextEncoder().encode(text)), seed)

describe("xxHash32()", () => {
  test.each([
    ["", 0, 0x02cc5d05],
    ["abc", 0, 0x32d153ff],
    ["Nobody inspects the spammish repetition", 0, 0xe2293b2f],
    ["", 0x9e3779b1, 0x36b78ae7],
  ])("of %j with seed %i is the published value", (text, seed, hash) => {
    expect(hashOf(text, seed)).toBe(hash)
  })

  test("is the specification, step by step, for any bytes and seed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(0xffffffff), (bytes, seed) => {
        expect(xxHash32(viewOf(bytes), seed)).toBe(specification(bytes, seed))
      }),
      { numRuns: 500 },
    )
  })

  test("reads the first `length` bytes only", () => {
    const bytes = new TextEncoder().encode("abcdef")

    expect(xxHash32(viewOf(bytes), 0, 3)).toBe(0x32d153ff)
  })
})

// The specification as it is written, in integers without bounds: slow, and hard to get wrong.
function specification(bytes: Uint8Array, seed: number): number {
  const [p1, p2, p3, p4, p5] = [2654435761n, 2246822519n, 3266489917n, 668265263n, 374761393n]
  const u32 = (value: bigint) => BigInt.asUintN(32, value)
  const rotl = (value: bigint, bits: bigint) => u32((value << bits) | (value >> (32n - bits)))
  const word = (at: number) =>
    [3, 2, 1, 0].reduce((sum, byte) => sum * 256n + BigInt(bytes[at + byte]!), 0n)
  const round = (acc: bigint, lane: bigint) => u32(rotl(u32(acc + lane * p2), 13n) * p1)

  let at = 0
  let acc = u32(BigInt(seed) + p5)
  if (bytes.length >= 16) {
    const accs = [p1 + p2, p2, 0n, -p1].map((start) => u32(BigInt(seed) + start))
    for (; at + 16 <= bytes.length; at += 16) {
      for (let lane = 0; lane < 4; lane++) accs[lane] = round(accs[lane]!, word(at + 4 * lane))
    }
    acc = [1n, 7n, 12n, 18n].reduce((sum, bits, lane) => u32(sum + rotl(accs[lane]!, bits)), 0n)
  }
  acc = u32(acc + BigInt(bytes.length))
  for (; at + 4 <= bytes.length; at += 4) acc = u32(rotl(u32(acc + word(at) * p3), 17n) * p4)
  for (; at < bytes.length; at++) acc = u32(rotl(u32(acc + BigInt(bytes[at]!) * p5), 11n) * p1)
  acc = u32((acc ^ (acc >> 15n)) * p2)
  acc = u32((acc ^ (acc >> 13n)) * p3)
  return Number(acc ^ (acc >> 16n))
}
