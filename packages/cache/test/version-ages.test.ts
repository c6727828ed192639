import { describe, expect, test } from "vitest"
import { VersionAges } from "../src/version-ages.ts"

describe("VersionAges", () => {
  test("the horizon is the newest version that is old enough", () => {
    const ages = new VersionAges(1_000)
    ages.sample(0, 1)
    ages.sample(100, 2)
    ages.sample(1_000, 3)

    expect([999, 1_000, 1_100, 1_999, 2_000, 9_999].map((time) => ages.horizonAt(time))).toEqual([
      0, 1, 2, 2, 3, 3,
    ])
  })

  test("it keeps a bounded number of samples, however much is written", () => {
    const ages = new VersionAges(1_000)
    for (let time = 0; time < 10_000; time++) {
      ages.sample(time, time + 1)
      ages.horizonAt(time)
    }

    expect(ages.samples).toBeLessThanOrEqual(258)
    const horizon = ages.horizonAt(9_999)
    expect(horizon).toBeLessThanOrEqual(9_000)
    expect(horizon).toBeGreaterThan(9_000 - 8)
  })

  test("lag is measured from the first version after the one that is held", () => {
    const ages = new VersionAges(256_000)
    ages.sample(0, 1)
    ages.sample(60_000, 2)
    ages.sample(60_500, 3)
    ages.sample(90_000, 5)

    expect([1, 2, 3, 4, 5].map((version) => ages.lagMs(version))).toEqual([30_000, 29_500, 0, 0, 0])
  })
})
