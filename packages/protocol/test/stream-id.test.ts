import { PositionError, REVISION_MAX } from "@headwater/core"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  formatPosition,
  formatStreamId,
  parsePosition,
  parseStreamId,
  STREAM_ID_BYTES_MAX,
} from "../src/index.ts"

const epoch = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const revision = fc.integer({ min: 0, max: REVISION_MAX })
const view = fc.stringMatching(/^[0-9a-f]{8}$/)

describe("positions and stream ids", () => {
  test("what is written is read again, within the bound of 128 bytes", () => {
    fc.assert(
      fc.property(epoch, revision, fc.option(view, { nil: undefined }), (epoch, revision, view) => {
        const text = formatStreamId({ epoch, revision, view })

        expect(parseStreamId(text)).toEqual({ epoch, revision, ...(view && { view }) })
        expect(parsePosition(formatPosition({ epoch, revision }))).toEqual({ epoch, revision })
        expect(text.length).toBeLessThanOrEqual(STREAM_ID_BYTES_MAX)
      }),
    )
  })

  test("a revision of eight digits is not taken for a view", () => {
    expect(parseStreamId("e.12345678")).toEqual({ epoch: "e", revision: 12345678 })
  })

  test("formatStreamId() leaves an empty view out", () => {
    expect(formatStreamId({ epoch: "e", revision: 1, view: "" })).toBe("e.1")
  })

  test.each([
    "",
    "e",
    "e.",
    ".1",
    "e.01",
    "e.-1",
    "e.+1",
    "e.1.5",
    "e.1e3",
    "e.9007199254740992",
    "e.1.",
    "e.1.0A1B2C3D",
    "e.1.0a1b2c3",
    "e.1.0a1b2c3d.0a1b2c3d",
    "e e.1",
    "é.1",
    " e.1",
    "e.1\n",
    `${"e".repeat(65)}.1`,
    "e".repeat(200),
    "e.1\0",
  ])("parseStreamId() refuses %j", (text) => {
    expect(() => parseStreamId(text)).toThrow(PositionError)
    expect(() => parsePosition(text)).toThrow(PositionError)
  })

  test("parsePosition() refuses a stream id with a view", () => {
    expect(() => parsePosition("e.1.0a1b2c3d")).toThrow(PositionError)
  })

  test("garbage is refused with PositionError, and with nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          expect(formatStreamId(parseStreamId(text))).toBe(text)
        } catch (error) {
          if (!(error instanceof PositionError)) throw error
        }
      }),
    )
  })
})
