import type { Commit } from "@headwater/core"
import { seedFrom } from "@headwater/testing"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { chunksOf } from "../src/batch.ts"

const commit = (revision: number, count: number): Commit => ({
  revision,
  changes: Array.from({ length: count }, (_, index) => ({
    op: "delete",
    key: `${revision}/${index}`,
  })),
})
const shapeOf = (commits: Commit[], updatesMax: number) =>
  [...chunksOf(commits, updatesMax)].map(({ updates, revision, whole }) => [
    updates.length,
    revision,
    whole,
  ])

describe("chunksOf()", () => {
  test("fills a chunk with whole commits, up to the bound", () => {
    expect(shapeOf([commit(1, 40), commit(2, 60), commit(3, 1)], 100)).toEqual([
      [100, 2, true],
      [1, 3, true],
    ])
  })

  test("a commit that does not fit any more begins the next chunk", () => {
    expect(shapeOf([commit(1, 99), commit(2, 2)], 100)).toEqual([
      [99, 1, true],
      [2, 2, true],
    ])
  })

  test("a commit larger than a chunk stands alone, and is whole with its last chunk", () => {
    expect(shapeOf([commit(1, 1), commit(2, 250), commit(3, 1)], 100)).toEqual([
      [1, 1, true],
      [100, 2, false],
      [100, 2, false],
      [50, 2, true],
      [1, 3, true],
    ])
    expect(shapeOf([commit(1, 200)], 100)).toEqual([
      [100, 1, false],
      [100, 1, true],
    ])
  })

  test("a commit without changes still carries its revision", () => {
    expect(shapeOf([commit(1, 0), commit(2, 0)], 100)).toEqual([[0, 2, true]])
    expect(shapeOf([], 100)).toEqual([])
  })

  test("a put that the next commit deletes is kept, and so is what is invalid", () => {
    const value = new Uint8Array([1])
    const commits: Commit[] = [
      { revision: 1, changes: [{ op: "put", key: "a", value }] },
      { revision: 2, changes: [{ op: "delete", key: "a" }], invalid: [{ key: "b", reason: "?" }] },
    ]

    expect([...chunksOf(commits, 100)]).toEqual([
      {
        updates: [
          { key: "a", revision: 1, value },
          { key: "a", revision: 2 },
          { key: "b", revision: 2, invalid: "?" },
        ],
        revision: 2,
        whole: true,
      },
    ])
  })

  test("nothing is lost, reordered or cut where it need not be (model)", () => {
    const seed = seedFrom(process.env.HEADWATER_SEED)
    fc.assert(
      fc.property(
        fc.array(fc.nat(25), { maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        (sizes, max) => {
          const commits = sizes.map((size, index) => commit(index + 1, size))
          const chunks = [...chunksOf(commits, max)]
          const keys = (updates: readonly { key: string }[]) => updates.map(({ key }) => key)

          expect(chunks.flatMap(({ updates }) => keys(updates))).toEqual(
            commits.flatMap(({ changes }) => keys(changes)),
          )
          for (const chunk of chunks) {
            expect(chunk.updates.length).toBeLessThanOrEqual(max)
            const last = commits[chunk.revision - 1]?.changes.at(-1)?.key
            if (chunk.whole && last !== undefined) expect(chunk.updates.at(-1)?.key).toBe(last)
            if (!chunk.whole) expect(sizes[chunk.revision - 1]).toBeGreaterThan(max)
          }
          expect(chunks.at(-1)?.revision).toBe(commits.at(-1)?.revision)
        },
      ),
      { seed, numRuns: 300 },
    )
  })
})
