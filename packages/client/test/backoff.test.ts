import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { BACKOFF_CAP_MS, Backoff } from "../src/backoff.ts"

describe("Backoff", () => {
  test("next() doubles its ceiling from 250 ms up to 30 s", () => {
    const backoff = new Backoff(() => 1)
    const delays = Array.from({ length: 9 }, () => backoff.next())

    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  test("next() draws from all of the range", () => {
    const random = prng(7)
    const backoff = new Backoff(random)
    const delays = Array.from({ length: 1_000 }, () => backoff.next()).slice(10)

    expect(Math.min(...delays)).toBeLessThan(BACKOFF_CAP_MS / 50)
    expect(Math.max(...delays)).toBeGreaterThan((BACKOFF_CAP_MS * 49) / 50)
  })

  test("next() obeys a floor up to ten minutes", () => {
    const backoff = new Backoff(() => 0.5)

    expect([backoff.next(2_000), backoff.next(10), backoff.next(86_400_000)]).toEqual([
      2_000, 250, 600_000,
    ])
  })

  test("reset() begins again, and nothing overflows after a million failures", () => {
    const backoff = new Backoff(() => 1)
    for (let failure = 0; failure < 1_000_000; failure++) backoff.next()

    expect(backoff.next()).toBe(BACKOFF_CAP_MS)
    backoff.reset()
    expect(backoff.next()).toBe(250)
  })
})
