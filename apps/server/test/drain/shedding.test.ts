import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { STAY_MS_MIN, sampleOf, shedCount } from "../../src/drain/shedding.ts"

describe("shedCount()", () => {
  test.each([
    [0, 10, 0],
    [10, 10, 0],
    [10_000, 0, 0],
    [20, 10, 1],
    [100, 10, 9],
    [100_000, 10, 50],
  ])("of %i readers over a ceiling of %i is %i a second", (readers, ceiling, count) => {
    expect(shedCount(readers, ceiling, 0)).toBe(count)
  })

  test("rounds a fraction at random", () => {
    const random = prng(1)
    let sum = 0
    for (let n = 0; n < 10_000; n++) sum += shedCount(13, 10, random())
    expect(sum / 10_000).toBeCloseTo(0.3, 1)
  })
})

describe("sampleOf()", () => {
  test("takes all where there are not more", () => {
    expect(sampleOf([1, 2, 3], 5, prng(1))).toEqual([1, 2, 3])
    expect(sampleOf([], 5, prng(1))).toEqual([])
  })

  test("takes each with the same chance, and none twice", () => {
    const random = prng(2)
    const taken = new Map<number, number>()
    for (let n = 0; n < 1_000; n++) {
      const sample = sampleOf(
        Array.from({ length: 20 }, (_, item) => item),
        5,
        random,
      )
      expect(new Set(sample).size).toBe(5)
      for (const item of sample) taken.set(item, (taken.get(item) ?? 0) + 1)
    }
    for (const count of taken.values()) expect(Math.abs(count - 250)).toBeLessThan(70)
  })
})

interface Fleet {
  readonly hubs: number
  readonly readers: number
  readonly ceiling: number
  readonly balance: "leastconn" | "random"
}

describe("hubs that shed", () => {
  const balances = ["leastconn", "random"] as const
  test.each(balances)("end at or below their ceilings, by a balancer of %s", (balance) => {
    // One hub has all readers, as after a rolling restart; the ceiling leaves a tenth of room.
    const played = play({ hubs: 3, readers: 600, ceiling: 220, balance }, 400)

    expect(Math.max(...played.counts)).toBeLessThanOrEqual(222)
    expect(played.shedMost).toBeLessThanOrEqual(50)
    expect(played.movesMost).toBeLessThanOrEqual(balance === "leastconn" ? 3 : 12)
  })

  test("at or below their ceilings send nobody away", () => {
    const played = play({ hubs: 3, readers: 300, ceiling: 300, balance: "random" }, 300)
    expect(played.moves).toBe(0)
  })

  test("without room anywhere keep every reader for ten seconds and more, on average", () => {
    const fleet: Fleet = { hubs: 3, readers: 600, ceiling: 100, balance: "leastconn" }
    const { moves, shedMost } = play(fleet, 600)

    expect(moves / 600).toBeLessThan(60)
    expect(shedMost).toBeLessThanOrEqual(50)
  })
})

/** Plays some seconds of a fleet whose first hub has all readers at the beginning. */
function play({ hubs, readers, ceiling, balance }: Fleet, seconds: number) {
  const random = prng(7)
  const place = Array.from({ length: readers }, () => ({ hub: 0, since: 0, moves: 0 }))
  if (balance === "random" && ceiling >= readers / hubs) {
    for (const reader of place) reader.hub = ceiling >= readers ? Math.floor(random() * hubs) : 0
  }
  const countsOf = () => {
    const counts = Array.from({ length: hubs }, () => 0)
    for (const { hub } of place) counts[hub]! += 1
    return counts
  }
  let shedMost = 0
  for (let now = 1; now <= seconds; now++) {
    for (let hub = 0; hub < hubs; hub++) {
      const counts = countsOf()
      const settled = place.filter(
        (reader) => reader.hub === hub && (now - reader.since) * 1_000 >= STAY_MS_MIN,
      )
      const shed = sampleOf(settled, shedCount(counts[hub]!, ceiling, random()), random)
      shedMost = Math.max(shedMost, shed.length)
      for (const reader of shed) {
        counts[hub]! -= 1
        reader.hub =
          balance === "random" ? Math.floor(random() * hubs) : counts.indexOf(Math.min(...counts))
        counts[reader.hub]! += 1
        reader.since = now
        reader.moves += 1
      }
    }
  }
  const moves = place.reduce((sum, reader) => sum + reader.moves, 0)
  const movesMost = Math.max(...place.map((reader) => reader.moves))
  return { counts: countsOf(), shedMost, moves, movesMost }
}
