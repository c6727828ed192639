import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { retryDelayMs } from "../../src/event-stream/retry-delay.ts"

describe("retryDelayMs()", () => {
  test("spreads a few readers over 250 ms to 3 s", () => {
    expect([retryDelayMs(0, 0), retryDelayMs(1_000, 0.999_999)]).toEqual([250, 2_999])
  })

  test("brings a crowd of any size back at no more than about 500 a second", () => {
    const random = prng(1)
    for (const crowd of [2_000, 10_000, 100_000]) {
      const seconds = new Map<number, number>()
      for (let n = 0; n < crowd; n++) {
        const second = Math.floor(retryDelayMs(crowd, random()) / 1_000)
        seconds.set(second, (seconds.get(second) ?? 0) + 1)
      }
      expect(Math.max(...seconds.values())).toBeLessThan(650)
    }
  })
})
