import { describe, expect, test } from "vitest"
import { builds, engineOf, reclaimAll, sweepAll } from "./builds.ts"

const FULL = process.env["HEADWATER_FULL"] === "1"
const complete = true

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe.each(builds)("memory (%s wasm)", (build) => {
  const keys = FULL && build === "release" ? 1_000_000 : 20_000

  test(`values that change size keep reserved memory within 1.6 of the peak (${keys} keys)`, () => {
    using engine = engineOf(build, { bytesMax: 2 ** 32 })
    const trie = engine.trie()
    const value = new Uint8Array(1_000)
    const next = random(7)
    const sizes: (() => number)[] = [
      () => 100,
      () => 1_000,
      () => 100,
      () => 1 + Math.floor(next() * 1_000),
    ]
    let peak = 0
    let revision = 0
    for (let round = 0; round < 10; round++) {
      const size = sizes[round % 4]!
      revision += 1
      for (let key = 0; key < keys; key++) {
        trie.put(`key/${key}`, value.subarray(0, size()), revision)
        if (key % 1_000 === 999) {
          trie.commit({ reach: revision, complete }).dispose()
          while (!trie.reclaim(10_000));
          peak = Math.max(peak, engine.liveBytes())
        }
      }
    }

    const { bytesReserved, bytesMax } = engine.stats()
    const pageTableBytes = bytesMax / 2_048
    expect((bytesReserved - pageTableBytes) / (peak + 2 ** 21)).toBeLessThan(1.6)
  }, 300_000)

  test("a soak of puts, deletes, snapshots and sweeps leaves nothing", () => {
    using engine = engineOf(build)
    const trie = engine.trie()
    const next = random(11)
    const value = new Uint8Array(300)
    const kept: ReturnType<typeof trie.commit>[] = []
    const writes = FULL && build === "release" ? 10_000_000 : 100_000
    for (let write = 1; write <= writes; write++) {
      const key = `key/${Math.floor(next() * 5_000)}`
      if (next() < 0.3) trie.delete(key, write)
      else trie.put(key, value.subarray(0, Math.floor(next() * 300)), write)
      if (next() < 0.02) {
        kept.push(trie.commit({ reach: write, complete }))
        if (kept.length > 20) kept.splice(Math.floor(next() * 20), 1)[0]!.dispose()
        trie.sweep(trie.version - 30, { bytesMax: 1e6, entriesMax: 100 })
        trie.reclaim(500)
      }
    }
    for (const snapshot of kept) snapshot.dispose()
    for (let key = 0; key < 5_000; key++) trie.delete(`key/${key}`, writes + 1)
    const last = trie.commit({ reach: writes + 1, complete })
    last.verify()
    last.dispose()
    sweepAll(engine)
    reclaimAll(engine)

    expect(engine.liveBytes()).toBe(0)
    const { nodes, leaves, tombstones, snapshots } = engine.stats()
    expect({ nodes, leaves, tombstones, snapshots }).toEqual({
      nodes: 0,
      leaves: 0,
      tombstones: 0,
      snapshots: 1,
    })
  }, 300_000)
})
