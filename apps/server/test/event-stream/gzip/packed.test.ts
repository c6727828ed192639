import { constants, gunzipSync, inflateRawSync } from "node:zlib"
import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import {
  GZIP_HEAD,
  GzipSum,
  pack,
  packedOf,
  STORED_BYTES_MAX,
} from "../../../src/event-stream/gzip/packed.ts"

const random = prng(7)

/** Text that can be compressed, of some length. */
function event(length: number): Uint8Array {
  const words = Array.from({ length }, () => "abc\n"[Math.floor(random() * 4)])
  return new TextEncoder().encode(words.join(""))
}

const LENGTHS = [1, 3, STORED_BYTES_MAX, STORED_BYTES_MAX + 1, 4_000, 65_536, 300_000]

/** The output of a decoder of a stream that goes on. */
function soFar(parts: readonly Uint8Array[]): Buffer {
  return gunzipSync(Buffer.concat(parts), { finishFlush: constants.Z_SYNC_FLUSH })
}

describe("pack()", () => {
  test.each(LENGTHS)("makes blocks of %d bytes that can be read without any before", (length) => {
    const plain = event(length)
    const { bytes } = pack(plain)

    const options = { finishFlush: constants.Z_SYNC_FLUSH }
    expect(inflateRawSync(bytes, options).equals(plain)).toBe(true)
  })

  test.each(LENGTHS)("ends %d bytes with an empty stored block, for Go's decoder", (length) => {
    const { bytes } = pack(event(length))

    expect([...bytes.subarray(-4)]).toEqual([0, 0, 0xff, 0xff])
    if (length <= STORED_BYTES_MAX) expect(bytes.byteLength).toBe(5 + length + 5)
  })

  test("packs once what is shared", () => {
    const plain = event(1_000)

    expect(packedOf(plain)).toBe(undefined)
    expect(pack(plain)).toBe(pack(plain))
    expect(packedOf(plain)).toBe(pack(plain))
  })

  test("makes a large frame of JSON a fifth of what it was, or less", () => {
    const entries = Array.from({ length: 600 }, (_, n) => ({ key: `service/${n}`, value: { n } }))
    const plain = new TextEncoder().encode(JSON.stringify(entries))

    expect(pack(plain).bytes.byteLength).toBeLessThan(plain.byteLength / 5)
  })
})

describe("GzipSum", () => {
  test("ends any order of shared events as a stream that a decoder finds whole", () => {
    const events = LENGTHS.map(event)
    for (let round = 0; round < 20; round++) {
      const sum = new GzipSum()
      const told = Array.from({ length: 12 }, () => events[Math.floor(random() * events.length)]!)
      const parts = [GZIP_HEAD]
      for (const [index, plain] of told.entries()) {
        parts.push(sum.add(pack(plain)))
        // Each event can be read as soon as it has come.
        if (round === 0) {
          expect(soFar(parts).equals(Buffer.concat(told.slice(0, index + 1)))).toBe(true)
        }
      }
      parts.push(sum.tail())

      expect(gunzipSync(Buffer.concat(parts)).equals(Buffer.concat(told))).toBe(true)
    }
  })

  test("ends a stream without events", () => {
    expect(gunzipSync(Buffer.concat([GZIP_HEAD, new GzipSum().tail()])).byteLength).toBe(0)
  })

  test("lets no decoder take a stream for whole that lacks an event", () => {
    const sum = new GzipSum()
    const [first, second] = [pack(event(500)), pack(event(600))]
    sum.add(first)
    sum.add(second)
    const parts = [GZIP_HEAD, first.bytes, sum.tail()]

    expect(() => gunzipSync(Buffer.concat(parts))).toThrow(/incorrect (data|length) check/)
  })
})
