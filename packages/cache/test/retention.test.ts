import { describe, expect, test } from "vitest"
import { Retention } from "../src/retention.ts"

describe("Retention", () => {
  test("the horizon is the newest version that is old enough", () => {
    const retention = new Retention(1_000)
    retention.sample(0, 1)
    retention.sample(100, 2)
    retention.sample(1_000, 3)

    expect(
      [999, 1_000, 1_100, 1_999, 2_000, 9_999].map((time) => retention.horizonAt(time)),
    ).toEqual([0, 1, 2, 2, 3, 3])
  })

  test("it keeps a bounded number of samples, however much is written", () => {
    const retention = new Retention(1_000)
    for (let time = 0; time < 10_000; time++) {
      retention.sample(time, time + 1)
      retention.horizonAt(time)
    }

    expect(retention.samples).toBeLessThanOrEqual(258)
    const horizon = retention.horizonAt(9_999)
    expect(horizon).toBeLessThanOrEqual(9_000)
    expect(horizon).toBeGreaterThan(9_000 - 8)
  })

  test("lag is measured from the first version after the one that is held", () => {
    const retention = new Retention(256_000)
    retention.sample(0, 1)
    retention.sample(60_000, 2)
    retention.sample(60_500, 3)
    retention.sample(90_000, 5)

    expect([1, 2, 3, 4, 5].map((version) => retention.lagMs(version))).toEqual([
      30_000, 29_500, 0, 0, 0,
    ])
  })
})
