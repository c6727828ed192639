import { integerBelow, prng, seedFrom } from "@headwater/testing"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type CatchUp, NOTHING_HELD, plan, walked } from "../../src/follow/catch-up.ts"

const place = (hash: number) => ({ hash, skip: 0, version: 0, started: true })
const cut = (hash: number) => ({ ended: false, place: place(hash) })
const end = { ended: true, place: place(0xffffffff) }

describe("plan() and walked()", () => {
  test("a reader that holds nothing walks everything, and then holds what it began with", () => {
    expect(plan(NOTHING_HELD, { version: 5, horizon: 1 })).toEqual({
      type: "walk",
      since: 0,
      began: 5,
    })
    expect(walked(NOTHING_HELD, 5, end)).toEqual({ held: 5 })
  })

  test("a reader that holds the newest version, or a later one, is idle", () => {
    expect(plan({ held: 5 }, { version: 5, horizon: 5 })).toEqual({ type: "idle" })
    expect(plan({ held: 6 }, { version: 5, horizon: 5 })).toEqual({ type: "idle" })
  })

  test("a walk that is cut goes on after its place, at whatever root is newest", () => {
    const state = walked({ held: 3 }, 5, cut(7))

    expect(state).toEqual({ held: 3, walk: { since: 3, began: 5, place: place(7) } })
    expect(plan(state, { version: 9, horizon: 3 })).toEqual({
      type: "walk",
      since: 3,
      began: 5,
      after: place(7),
    })
  })

  test("a walk that ends on a later version is followed by one since it began", () => {
    const state = walked(walked({ held: 3 }, 5, cut(7)), 9, end)

    expect(state).toEqual({ held: 3, walk: { since: 5, began: 9 } })
    expect(plan(state, { version: 9, horizon: 5 })).toEqual({ type: "walk", since: 5, began: 9 })
    expect(walked(state, 9, end)).toEqual({ held: 9 })
  })

  test("below the horizon it is reset, by what it holds and by what its walk began with", () => {
    const reset = { type: "reset" }
    const state = walked({ held: 3 }, 5, cut(7))

    expect(plan({ held: 3 }, { version: 9, horizon: 4 })).toEqual(reset)
    expect(plan(state, { version: 9, horizon: 4 })).toEqual(reset)
    expect(plan(walked(NOTHING_HELD, 5, cut(7)), { version: 9, horizon: 6 })).toEqual(reset)
    expect(plan(walked(NOTHING_HELD, 5, cut(7)), { version: 9, horizon: 5 })).toMatchObject({
      type: "walk",
    })
    expect(plan(NOTHING_HELD, { version: 9, horizon: 6 })).toMatchObject({ type: "walk" })
  })
})

// A trie as a list of leaves, as `design.md` §2 has them; a version is a copy of it.
interface ModelLeaf {
  readonly hash: number
  readonly revision: number
  readonly value?: number
  readonly birth: number
  readonly valueBirth: number
}
type Model = ReadonlyMap<string, ModelLeaf>
interface Rules {
  readonly resets: boolean
  readonly catchesUpAfter: boolean
  readonly holdsWhenBegan: boolean
}
const ALL: Rules = { resets: true, catchesUpAfter: true, holdsWhenBegan: true }

/** Plays a history with one reader; answers what went wrong, if anything. */
function play(seed: number, rules: Rules): string | undefined {
  const random = prng(seed)
  const below = (bound: number) => integerBelow(random, bound)
  const keys = Array.from({ length: 6 + below(10) }, (_, index) => `k${index}`)
  const hashes = new Map(keys.map((key) => [key, below(8)]))
  let leaves = new Map<string, ModelLeaf>()
  const versions: Model[] = [new Map()]
  let horizon = 1
  let revision = 0
  let state: CatchUp = NOTHING_HELD
  let replica = new Map<string, { revision: number; value: number }>()
  const newest = () => versions.length - 1

  const write = () => {
    const version = versions.length
    for (let writes = 1 + below(3); writes > 0; writes--) {
      const key = keys[below(keys.length)] as string
      const old = leaves.get(key)
      const hash = hashes.get(key) as number
      revision++
      if (below(3) === 0) {
        leaves.set(key, { hash, revision, birth: version, valueBirth: version })
      } else {
        const value = below(2)
        const valueBirth = old?.value === value ? old.valueBirth : version
        leaves.set(key, { hash, revision, value, birth: version, valueBirth })
      }
    }
    versions.push(new Map(leaves))
  }
  const sweep = () => {
    horizon = Math.max(horizon, Math.min(newest(), horizon + below(4)))
    const version = versions.length
    const swept = [...leaves].filter(
      ([, { value, birth }]) => value !== undefined || birth > horizon,
    )
    if (swept.length === leaves.size) return
    leaves = new Map(swept)
    versions.push(new Map(leaves))
    void version
  }
  const read = (): string | undefined => {
    const now = { version: newest(), horizon: rules.resets ? horizon : 0 }
    let next = plan(state, now)
    if (next.type === "idle") return undefined
    if (next.type === "reset") {
      state = NOTHING_HELD
      replica = new Map()
      next = plan(state, now)
    }
    if (next.type !== "walk") return `a reader that holds nothing walks, not ${next.type}`
    const { since, after } = next
    const ordered = [...(versions[now.version] as Model)]
      .filter(([, { birth, hash }]) => birth > since && hash > (after?.hash ?? -1))
      .sort(([a, x], [b, y]) => x.hash - y.hash || (a < b ? -1 : 1))
    let budget = below(5)
    let at = after?.hash ?? -1
    let ended = true
    for (const [key, leaf] of ordered) {
      if (leaf.hash > at && budget-- <= 0) {
        ended = false
        break
      }
      at = leaf.hash
      const held = replica.get(key)
      if (leaf.value === undefined) replica.delete(key)
      else if (since > 0 && leaf.valueBirth <= since) {
        if (held === undefined) return `a touch of ${key}, which the reader lacks`
        replica.set(key, { revision: leaf.revision, value: held.value })
      } else replica.set(key, { revision: leaf.revision, value: leaf.value })
    }
    const before: CatchUp = state
    const result = { ended, place: { hash: at, skip: 0, version: now.version, started: at >= 0 } }
    state = walked(state, now.version, result)
    if (!rules.holdsWhenBegan && ended) state = { held: before.walk?.began ?? now.version }
    if (!rules.catchesUpAfter && ended) state = { held: now.version }
    return state.walk === undefined ? compare(state.held) : undefined
  }
  const compare = (version: number): string | undefined => {
    const live = [...(versions[version] as Model)].filter(([, { value }]) => value !== undefined)
    if (live.length !== replica.size)
      return `version ${version}: ${replica.size}, not ${live.length}`
    for (const [key, leaf] of live) {
      const held = replica.get(key)
      if (held?.value !== leaf.value || held?.revision !== leaf.revision) {
        return `version ${version}: ${key} is ${JSON.stringify(held)}`
      }
    }
    return undefined
  }

  write()
  for (let steps = 40; steps > 0; steps--) {
    const turn = below(10)
    if (turn < 3) write()
    else if (turn < 4) sweep()
    else {
      const wrong = read()
      if (wrong !== undefined) return wrong
    }
  }
  for (let steps = 1_000; steps > 0; steps--) {
    const wrong = read()
    if (wrong !== undefined) return wrong
    if (state.walk === undefined && state.held === newest()) return undefined
  }
  return "the reader never comes to the end"
}

describe("plan() and walked() (model)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)

  test("however it is written, cut and swept, a whole reader holds exactly that version", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (history) => {
        expect(play(history, ALL)).toBeUndefined()
      }),
      { seed, numRuns: 4_000 },
    )
  })

  test.each([
    ["without resets", { ...ALL, resets: false }],
    [
      "taking the end of a walk for the version that it ended on",
      { ...ALL, catchesUpAfter: false },
    ],
    [
      "taking the end of a walk for the version that it began with",
      { ...ALL, holdsWhenBegan: false },
    ],
  ])("the model finds out: %s", (_name, rules) => {
    const wrong = Array.from({ length: 4_000 }, (_, index) => play(seed + index, rules))

    expect(wrong.some((text) => text !== undefined)).toBe(true)
  })
})
