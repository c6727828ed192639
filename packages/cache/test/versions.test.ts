import { seedFrom } from "@headwater/testing"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Versions } from "../src/versions.ts"

const limits = { tableRowsMax: 64, gapsMax: 8 }

const COMPACTED = { type: "reset", reason: "compacted" }

describe("Versions", () => {
  test("locate() leads to the newest version whose reach is not above the position", () => {
    const versions = new Versions(limits)
    versions.complete(10, 3)
    versions.complete(20, 5)

    expect(versions.locate(9, 25)).toEqual(COMPACTED)
    expect(versions.locate(10, 25)).toEqual({ type: "resume", version: 3 })
    expect(versions.locate(19, 25)).toEqual({ type: "resume", version: 3 })
    expect(versions.locate(20, 25)).toEqual({ type: "resume", version: 5 })
    expect(versions.locate(25, 25)).toEqual({ type: "resume", version: 5 })
    expect(versions.locate(26, 25)).toEqual({ type: "ahead" })
  })

  test("of two versions with one reach the newer counts", () => {
    const versions = new Versions(limits)
    versions.complete(10, 3)
    versions.complete(10, 4)

    expect(versions.locate(10, 10)).toEqual({ type: "resume", version: 4 })
    expect(versions.rows).toBe(1)
  })

  test("positions strictly inside a gap are compacted; its ends are not", () => {
    const versions = new Versions(limits)
    versions.complete(10, 3)
    versions.gap(12, 20)
    versions.complete(20, 5)

    expect([11, 12, 13, 19, 20].map((revision) => versions.locate(revision, 20))).toEqual([
      { type: "resume", version: 3 },
      { type: "resume", version: 3 },
      COMPACTED,
      COMPACTED,
      { type: "resume", version: 5 },
    ])
  })

  test("a list that jumps over nothing leaves no gap", () => {
    const versions = new Versions(limits)
    versions.complete(10, 1)
    versions.gap(10, 10)
    versions.gap(10, 11)

    expect(versions.gaps).toBe(0)
  })

  test("a gap that begins inside another one widens it", () => {
    const versions = new Versions(limits)
    versions.complete(10, 1)
    versions.gap(10, 20)
    versions.gap(15, 18)
    versions.gap(19, 22)
    versions.complete(22, 2)

    expect(versions.gaps).toBe(1)
    expect(versions.locate(21, 22)).toEqual(COMPACTED)
    expect(versions.locate(22, 22)).toEqual({ type: "resume", version: 2 })
  })

  test("prune() forgets what is below the horizon, and gaps that no position can fall into", () => {
    const versions = new Versions(limits)
    versions.complete(10, 3)
    versions.gap(10, 20)
    versions.complete(20, 5)
    versions.complete(30, 7)
    versions.prune(4)

    expect(versions.oldest).toBe(20)
    expect(versions.gaps).toBe(0)
    expect(versions.locate(19, 30)).toEqual(COMPACTED)
    expect(versions.locate(20, 30)).toEqual({ type: "resume", version: 5 })
  })

  test("too many gaps raise the floor over the oldest", () => {
    const versions = new Versions({ tableRowsMax: 64, gapsMax: 2 })
    versions.complete(1, 1)
    for (let list = 1; list <= 3; list++) {
      versions.gap(list * 10 - 9, list * 10)
      versions.complete(list * 10, 2 * list)
      versions.complete(list * 10 + 1, 2 * list + 1)
    }

    expect(versions.gaps).toBe(2)
    expect(versions.oldest).toBe(10)
    expect(versions.locate(1, 31)).toEqual(COMPACTED)
    expect(versions.locate(10, 31)).toEqual({ type: "resume", version: 2 })
  })

  test("save() keeps rows, gaps and floor, but no gap of a list that is not whole", () => {
    const versions = new Versions({ tableRowsMax: 64, gapsMax: 1 })
    for (const [reach, version] of [
      [1, 1],
      [10, 2],
      [20, 3],
    ] as const) {
      versions.gap(reach - 9, reach)
      versions.complete(reach, version)
    }
    versions.gap(21, 30)
    const saved = versions.save(21)
    const loaded = new Versions(limits, saved)

    expect(saved).toEqual({
      rows: [
        [1, 1],
        [10, 2],
        [20, 3],
      ],
      gaps: [],
      floor: 20,
    })
    expect([9, 15, 20, 21].map((revision) => loaded.locate(revision, 21).type)).toEqual([
      "reset",
      "reset",
      "resume",
      "resume",
    ])
  })

  test("an empty table knows no position", () => {
    const versions = new Versions(limits)

    expect(versions.oldest).toBeUndefined()
    expect(versions.locate(0, 0)).toEqual(COMPACTED)
  })
})

describe("Versions (model)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)

  const step = fc.oneof(
    fc.record({ type: fc.constant("complete" as const), by: fc.nat(3) }),
    fc.record({ type: fc.constant("progress" as const), by: fc.nat(3) }),
    fc.record({ type: fc.constant("gap" as const), by: fc.nat(4) }),
    fc.record({ type: fc.constant("prune" as const), by: fc.nat(6) }),
  )

  test("with few rows it only ever leads to an older version, or says compacted", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const small = new Versions({ tableRowsMax: 4, gapsMax: 2 })
        const rows: { reach: number; version: number }[] = []
        const gaps: { from: number; to: number }[] = []
        let told = 1
        let version = 1
        let horizon = 0
        const complete = () => {
          version++
          rows.push({ reach: told, version })
          small.complete(told, version)
        }
        complete()
        for (const { type, by } of steps) {
          if (type === "complete") {
            told += by
            complete()
          } else if (type === "progress") told += by
          else if (type === "gap") {
            gaps.push({ from: told, to: told + by })
            small.gap(told, told + by)
            told += by
            complete()
          } else {
            horizon = Math.min(version, horizon + by)
            small.prune(horizon)
          }
          for (let revision = 0; revision <= told + 1; revision++) {
            const best = rows.findLast(({ reach }) => reach <= revision)
            const isInGap = gaps.some(({ from, to }) => from < revision && revision < to)
            const located = small.locate(revision, told)
            if (revision > told) expect(located.type).toBe("ahead")
            else if (located.type === "resume") {
              expect(isInGap).toBe(false)
              expect(located.version).toBeLessThanOrEqual(best?.version ?? 0)
              expect(located.version).toBeGreaterThanOrEqual(horizon)
            }
          }
          // The present is never lost.
          const newest = rows.at(-1)?.version
          expect(small.locate(told, told)).toEqual({ type: "resume", version: newest })
          expect(small.rows).toBeLessThanOrEqual(4)
          expect(small.gaps).toBeLessThanOrEqual(2)
        }
      }),
      { seed, numRuns: 500 },
    )
  })
})
