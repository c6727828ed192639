import { describe, expect, test } from "vitest"
import { quantile, summary } from "../statistics.ts"

describe("quantile()", () => {
  test("is linear between neighbours", () => {
    expect([0, 0.25, 0.5, 1].map((q) => quantile([10, 20, 30, 40], q))).toEqual([10, 17.5, 25, 40])
  })

  test("of one sample is that sample, and of none is refused", () => {
    expect(quantile([7], 0.99)).toBe(7)
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })

  test("summary() takes samples in any order, and leaves them so", () => {
    const samples = [3, 1, 2]

    expect(summary(samples)).toEqual({ median: 2, p05: 1.1, p95: 2.9 })
    expect(samples).toEqual([3, 1, 2])
  })
})
