import type { Place, Snapshot, TrieUpdate } from "@headwater/core/engine"
import fc from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { builds, bytes, engineOf, reclaimAll, sweepAll, text } from "./builds.ts"
import { digestOf } from "./h64.ts"

/** The keys of the model; a delete is kept with the version that made it. */
type State = Map<string, { value: string; revision: number }>

type Step =
  | { do: "put"; key: number; value: number }
  | { do: "delete"; key: number }
  | { do: "apply"; updates: { key: number; value: number | undefined }[] }
  | { do: "commit" }
  | { do: "abort" }
  | { do: "release"; which: number }
  | { do: "sweep"; back: number }
  | { do: "reclaim" }

const KEYS = 40
const keyOf = (index: number) => `k/${"x".repeat(index % 37)}/${index}`
const contentOf = (index: number) => `"${"v".repeat(index * 3)}${index}"`

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      key: fc.nat(KEYS - 1),
      value: fc.nat(40),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("delete" as const), key: fc.nat(KEYS - 1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("apply" as const),
      updates: fc.array(
        fc.record({ key: fc.nat(KEYS - 1), value: fc.option(fc.nat(40), { nil: undefined }) }),
        { maxLength: 40 },
      ),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ do: "commit" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "abort" as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const), back: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.constant({ do: "reclaim" as const }) },
)

const FULL = process.env["HEADWATER_FULL"] === "1"
const TEST_MS = 300_000
const seed = Number(process.env["HEADWATER_SEED"] ?? Math.trunc(Math.random() * 2 ** 31))
afterAll(() => console.log(`trie.model: HEADWATER_SEED=${seed}`))

function updateOf(
  update: { key: number; value: number | undefined },
  revision: number,
): TrieUpdate {
  const key = keyOf(update.key)
  if (update.value === undefined) return { op: "delete", key, revision }
  return { op: "put", key, value: bytes(contentOf(update.value)), revision }
}

function stateOf(snapshot: Snapshot): State {
  const state: State = new Map()
  for (const { key, value, revision } of snapshot.entries()) {
    expect(state.has(key)).toBe(false)
    state.set(key, { value: text(value)!, revision })
  }
  return state
}

/** Applies what changed since `from` to a state of that version, as a reader does. */
function replay(state: State, from: Snapshot, to: Snapshot): State {
  const next = new Map(state)
  for (const delta of to.changesSince(from.version)) {
    if (delta.op === "delete") next.delete(delta.key)
    else if (delta.op === "put") {
      next.set(delta.key, { value: text(delta.value)!, revision: delta.revision })
    } else next.set(delta.key, { value: state.get(delta.key)!.value, revision: delta.revision })
  }
  return next
}

/** Reads a whole snapshot as wire JSON in small slices. */
function readWire(snapshot: Snapshot): State {
  const state: State = new Map()
  let after: Place | undefined
  for (;;) {
    const slice = snapshot.walk({ since: 0, after, values: "json", bytesMax: 100, visitsMax: 1 })
    for (const { key, value, revision } of JSON.parse(`[${text(slice.body)}]`)) {
      state.set(key, { value: JSON.stringify(value), revision })
    }
    if (slice.ended) return state
    after = slice.place
  }
}

const sorted = (state: State) => [...state].sort(([a], [b]) => (a < b ? -1 : 1))

const masks = [
  ["full hash", 0xffffffff],
  ["two levels", 0x3ff],
  ["high bits alone", 0xf0000000],
  ["all collide", 0],
] as const

describe.each(builds)("Trie (%s wasm)", (build) => {
  test.each(masks)(
    "equals a Map and the list of its old states (%s)",
    (_name, hashMask) => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
          const engine = engineOf(build, { hashMask })
          const trie = engine.trie()
          let open: State = new Map()
          let base: State = new Map()
          const kept: { snapshot: Snapshot; state: State }[] = []
          let revision = 0

          for (const each of steps) {
            revision += 1
            if (each.do === "put") {
              const value = contentOf(each.value)
              trie.put(keyOf(each.key), bytes(value), revision)
              open.set(keyOf(each.key), { value, revision })
            } else if (each.do === "delete") {
              trie.delete(keyOf(each.key), revision)
              open.delete(keyOf(each.key))
            } else if (each.do === "apply") {
              trie.apply(each.updates.map((update) => updateOf(update, revision)))
              for (const { key, value } of each.updates) {
                if (value === undefined) open.delete(keyOf(key))
                else open.set(keyOf(key), { value: contentOf(value), revision })
              }
            } else if (each.do === "commit") {
              const snapshot = trie.commit({ reach: revision, complete: true })
              snapshot.verify()
              kept.push({ snapshot, state: new Map(open) })
              base = new Map(open)
              expect(snapshot.size).toBe(open.size)
              expect(snapshot.digest).toBe(digestOf(open))
              expect(sorted(readWire(snapshot))).toEqual(sorted(open))
              for (const old of kept) {
                expect(sorted(stateOf(old.snapshot))).toEqual(sorted(old.state))
                if (old.snapshot.version < trie.horizon) continue
                expect(sorted(replay(old.state, old.snapshot, snapshot))).toEqual(sorted(open))
              }
            } else if (each.do === "abort") {
              trie.abort()
              open = new Map(base)
            } else if (each.do === "release") {
              kept.splice(each.which, 1)[0]?.snapshot.dispose()
            } else if (each.do === "sweep") {
              if (trie.dirty) continue
              trie.sweep(trie.version - each.back, { bytesMax: 1e9, entriesMax: 3 })
            } else trie.reclaim(2)
            expect(trie.size).toBe(open.size)
          }

          for (const { snapshot } of kept) snapshot.dispose()
          trie.commit({ reach: revision, complete: true }).dispose()
          sweepAll(engine)
          reclaimAll(engine)
          const fresh = engineOf(build, { hashMask })
          for (const [key, entry] of open) fresh.trie().put(key, bytes(entry.value), entry.revision)
          fresh.trie().commit({ reach: revision, complete: true }).dispose()
          reclaimAll(fresh)
          expect(engine.liveBytes()).toBe(fresh.liveBytes())
          expect(engine.stats().nodes).toBe(fresh.stats().nodes)
          const order = (of: typeof engine) =>
            [...of.trie().snapshot().entries()].map(({ key }) => key)
          expect(order(engine)).toEqual(order(fresh))
        }),
        { seed, numRuns: FULL ? 2_000 : 60 },
      )
    },
    TEST_MS,
  )
})
