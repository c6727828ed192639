import { describe, expect, test } from "vitest"
import { integerBelow, pick, prng, seedFrom } from "../src/index.ts"

const take = <T>(count: number, random: () => T): T[] => Array.from({ length: count }, random)

describe("prng", () => {
  test("gives the same numbers for the same seed, others for another", () => {
    expect(take(50, prng(42))).toEqual(take(50, prng(42)))
    expect(take(50, prng(42))).not.toEqual(take(50, prng(43)))
    expect(take(50, prng(42))).not.toEqual(take(50, prng(42 + 2 ** 32)))
  })

  test("spreads over all of [0, 1)", () => {
    const buckets = new Array(16).fill(0)
    for (const number of take(16_000, prng(1))) buckets[Math.floor(number * 16)] += 1

    for (const hits of buckets) expect(Math.abs(hits - 1_000)).toBeLessThan(150)
  })

  test("integerBelow() and pick() stay within their bounds", () => {
    const random = prng(7)
    const seen = new Set(take(200, () => integerBelow(random, 3)))

    expect([...seen].sort()).toEqual([0, 1, 2])
    expect(new Set(take(200, () => pick(random, ["a", "b"])))).toEqual(new Set(["a", "b"]))
  })

  test("seedFrom() prints how to repeat the run, and refuses what is no integer", () => {
    const lines: string[] = []

    expect(seedFrom("12", (line) => lines.push(line))).toBe(12)
    expect(lines).toEqual(["seed 12: repeat with HEADWATER_SEED=12"])
    expect(() => seedFrom("twelve")).toThrow(RangeError)
  })
})
