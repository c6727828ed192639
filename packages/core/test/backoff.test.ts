import { backoffCeilingMs, backoffMs, countFailure } from "@headwater/core"
import { describe, expect, test } from "vitest"

const limits = { firstMs: 250, maxMs: 30_000 }

describe("backoffMs", () => {
  test("draws below a ceiling that doubles up to its bound", () => {
    // Callers that allow some failures without a wait count from below 0.
    const failures = [-2, 0, 1, 2, 3, 8, 9, 1e4]
    const ceilings = failures.map((count) => backoffCeilingMs(count, limits))

    expect(ceilings).toEqual([0, 0, 250, 500, 1_000, 30_000, 30_000, 30_000])
    expect([0, 0.5].map((draw) => backoffMs(3, limits, draw))).toEqual([0, 500])
  })

  test("keeps a floor, and spreads above it in proportion", () => {
    expect([0, 0.5].map((draw) => backoffMs(1, limits, draw, 3_000))).toEqual([3_000, 4_500])
    expect(backoffMs(8, limits, 0.5, 3_000)).toBe(18_000)
  })
})

describe("countFailure", () => {
  test("forgets earlier failures only after health that lasted", () => {
    expect(countFailure(0, 0, 10_000)).toBe(1)
    expect(countFailure(4, 9_999, 10_000)).toBe(5)
    expect(countFailure(4, 10_000, 10_000)).toBe(1)
  })
})
