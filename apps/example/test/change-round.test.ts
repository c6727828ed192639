import { prng } from "@headwater/testing"
import { expect, test } from "vitest"
import { drawRound, type PackageState } from "../src/change-round.ts"
import { sampleIndex } from "../src/sample-index.ts"

const seed = Number(process.env.HEADWATER_SEED ?? Date.now() % 2 ** 31)

test(`drawRound() changes each package once, and none is lost, in 50 rounds (seed ${seed})`, () => {
  const random = prng(seed)
  const records = sampleIndex(500, random)
  const names = records.map(({ name }) => name).sort()
  let state: PackageState = { held: records, removed: [] }
  const held = new Map(records.map((record) => [record.name, record]))

  for (let round = 0; round < 50; round++) {
    const drawn = drawRound(state, 100, random)
    state = drawn.state
    for (const change of drawn.changes) {
      if (change.op === "put") held.set(change.record.name, change.record)
      else expect(held.delete(change.name)).toBe(true)
    }

    const touched = drawn.changes.map((change) =>
      change.op === "put" ? change.record.name : change.name,
    )
    expect(new Set(touched).size).toBe(100)
    expect([...held.values()].sort(byName)).toEqual([...state.held].sort(byName))
    expect([...state.held, ...state.removed].map(({ name }) => name).sort()).toEqual(names)
  }
})

test("drawRound() changes what there is when that is less", () => {
  const records = sampleIndex(10, prng(1))
  const { changes } = drawRound({ held: records, removed: [] }, 1_000, prng(2))
  expect(changes.length).toBe(10)
})

test("a version counts its rounds", () => {
  const [record] = sampleIndex(1, prng(3))
  if (!record) throw new Error("a sample of one has one")
  const versions = ["1.0", "1.0+live1", "2:1+deb12u2+live9"].map((version) => {
    // The first one drawn is taken away, so that the second one is updated.
    const held = [record, { ...record, name: "other", version }]
    const { changes } = drawRound({ held, removed: [] }, 2, () => 0)
    return changes.flatMap((change) => (change.op === "put" ? change.record.version : []))
  })
  expect(versions).toEqual([["1.0+live1"], ["1.0+live2"], ["2:1+deb12u2+live10"]])
})

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
