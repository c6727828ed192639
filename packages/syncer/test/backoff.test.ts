import { describe, expect, test } from "vitest"
import { backoffMs } from "../src/backoff.ts"

const limits = { backoffMinMs: 250, backoffMaxMs: 30_000 }

describe("backoffMs()", () => {
  test("doubles from the first to the longest", () => {
    const ceilings = [1, 2, 3, 7, 8, 9, 5_000].map((attempt) => backoffMs(attempt, limits, () => 1))

    expect(ceilings).toEqual([250, 500, 1_000, 16_000, 30_000, 30_000, 30_000])
  })

  test("is anything from 0 to that", () => {
    expect(backoffMs(3, limits, () => 0)).toBe(0)
    expect(backoffMs(3, limits, () => 0.25)).toBe(250)
  })
})
