import { crc32 } from "node:zlib"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { combine, shiftOf } from "../../../src/event-stream/gzip/crc.ts"

const bytes = fc.uint8Array({ maxLength: 2_000 })

describe("combine()", () => {
  test("gives the CRC of all parts together, however they are cut", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), (parts) => {
        let crc = 0
        for (const part of parts) crc = combine(crc, crc32(part), shiftOf(part.byteLength))

        expect(crc).toBe(crc32(Buffer.concat(parts)))
      }),
    )
  })

  test("is right about long parts", () => {
    const [first, second] = [Buffer.alloc(3, 7), Buffer.alloc(16_777_259, 9)]
    const both = Buffer.concat([first, second])

    expect(combine(crc32(first), crc32(second), shiftOf(second.byteLength))).toBe(crc32(both))
  })
})

describe("shiftOf()", () => {
  test("adds up, also beyond 2³² bytes", () => {
    const [half, crc] = [2 ** 35 + 12_345, 0xcafe_babe]
    const twice = combine(combine(crc, 0, shiftOf(half)), 0, shiftOf(half))

    expect(combine(crc, 0, shiftOf(2 * half))).toBe(twice)
  })
})
