import type { Snapshot } from "@headwater/core/engine"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { builds, bytes, engineOf, text } from "./builds.ts"

type State = Map<string, string>

function differences(older: State, newer: State): string[] {
  const all: string[] = []
  for (const [key, value] of newer) {
    if (!older.has(key)) all.push(`added ${key} ${value}`)
    else if (older.get(key) !== value) all.push(`updated ${key} ${value}`)
  }
  for (const key of older.keys()) if (!newer.has(key)) all.push(`removed ${key}`)
  return all.sort()
}

function told(newer: Snapshot, older: Snapshot): string[] {
  return [...newer.diff(older)]
    .map((each) =>
      each.type === "removed"
        ? `removed ${each.key}`
        : `${each.type} ${each.key} ${text(each.value)}`,
    )
    .sort()
}

const masks = [0xffffffff, 0x3ff, 0xf0000000, 0] as const

describe.each(builds)("Snapshot.diff() (%s wasm)", (build) => {
  test.each(masks)(
    "tells what two Maps differ in, both ways, through sweeps (hash mask %i)",
    (hashMask) => {
      const edit = fc.array(fc.tuple(fc.nat(25), fc.boolean()), { maxLength: 30 })
      fc.assert(
        fc.property(
          fc.array(edit, { minLength: 2, maxLength: 5 }),
          fc.boolean(),
          (edits, isLarge) => {
            using engine = engineOf(build, { hashMask })
            const trie = engine.trie()
            const state: State = new Map()
            const kept: { snapshot: Snapshot; state: State }[] = []
            let revision = 0
            for (const changes of edits) {
              for (const [index, isPut] of changes) {
                revision += 1
                const key = `k${index}`
                const value = `${revision}${isLarge ? "x".repeat(9_000) : ""}`
                if (isPut) trie.put(key, bytes(value), revision)
                else trie.delete(key, revision)
                if (isPut) state.set(key, value)
                else state.delete(key)
              }
              const snapshot = trie.commit({ reach: revision, complete: true })
              kept.push({ snapshot, state: new Map(state) })
              trie.sweep(trie.version - 1, { bytesMax: 1e9, entriesMax: 9 })
            }

            for (const a of kept) {
              for (const b of kept) {
                expect(told(b.snapshot, a.snapshot)).toEqual(differences(a.state, b.state))
              }
            }
          },
        ),
        { numRuns: 60 },
      )
    },
  )

  test("costs what differs: two versions of 50,000 entries share all but a path", () => {
    using engine = engineOf(build)
    const trie = engine.trie()
    for (let key = 0; key < 50_000; key++) trie.put(`k${key}`, bytes("v"), 1)
    const older = trie.commit({ reach: 1, complete: true })
    trie.put("k7", bytes("w"), 2)
    const newer = trie.commit({ reach: 2, complete: true })

    expect(told(newer, older)).toEqual(["updated k7 w"])
  })
})
