import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { BACKOFF_CAP_MS, backoffMs } from "../src/backoff.ts"

describe("backoffMs()", () => {
  test("doubles its ceiling from 250 ms up to 30 s", () => {
    const delays = Array.from({ length: 9 }, (_, failures) => backoffMs(failures, () => 1))

    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  test("draws from all of the range", () => {
    const random = prng(7)
    const delays = Array.from({ length: 1_000 }, () => backoffMs(10, random))

    expect(Math.min(...delays)).toBeLessThan(BACKOFF_CAP_MS / 50)
    expect(Math.max(...delays)).toBeGreaterThan((BACKOFF_CAP_MS * 49) / 50)
  })

  test("obeys a floor up to ten minutes", () => {
    const delays = [2_000, 10, 86_400_000].map((floorMs, at) => backoffMs(at, () => 0.5, floorMs))

    expect(delays).toEqual([2_000, 250, 600_000])
  })

  test("does not overflow after a million failures", () => {
    expect(backoffMs(1_000_000, () => 1)).toBe(BACKOFF_CAP_MS)
  })
})
