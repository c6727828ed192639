import { DisposedError, KeyError, MemoryFullError, ValueError } from "@headwater/core"
import type { Place, Snapshot, TrieUpdate } from "@headwater/core/engine"
import { describe, expect, test } from "vitest"
import { LEAF_HEADER_BYTES } from "../../src/engine/layout.ts"
import { builds, bytes, engineOf, reclaimAll, sweepAll, text } from "./builds.ts"
import { digestOf } from "./h64.ts"

const complete = true
const hundred = new Uint8Array(100).fill(120)

describe.each(builds)("Trie (%s wasm)", (build) => {
  test("get() returns what was put, byte for byte, also an empty value", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    trie.put("ключ/☃", Uint8Array.of(0, 255, 10), 7)
    trie.put("empty", new Uint8Array(0), 8)

    expect(trie.get("ключ/☃")).toEqual(Uint8Array.of(0, 255, 10))
    expect(trie.getEntry("empty")).toEqual({ key: "empty", value: new Uint8Array(0), revision: 8 })
    expect(trie.get("absent")).toBeUndefined()
    expect(trie.size).toBe(2)
  })

  test("put() refuses keys and values that are out of bounds, and writes nothing", () => {
    const engine = engineOf(build)
    const trie = engine.trie()

    expect(() => trie.put("", hundred, 1)).toThrow(KeyError)
    expect(() => trie.put("k".repeat(4_097), hundred, 1)).toThrow(KeyError)
    expect(() => trie.put("é".repeat(2_049), hundred, 1)).toThrow(KeyError)
    expect(() => trie.put("\ud800", hundred, 1)).toThrow(KeyError)
    expect(() => trie.put("k", new Uint8Array(16_777_217), 1)).toThrow(ValueError)
    expect(() => trie.put("k", hundred, -1)).toThrow(KeyError)
    expect(() => trie.put("k", hundred, 1.5)).toThrow(KeyError)
    trie.put("k".repeat(4_096), hundred, 1)
    expect(trie.size).toBe(1)
  })

  test("values of every size around the classes come back whole", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    const sizes = [
      1, 15, 16, 17, 479, 480, 481, 8_159, 8_160, 9_400, 13_000, 21_900, 33_000, 65_503, 65_504,
      65_505, 200_000,
    ]
    for (const size of sizes) trie.put(`size/${size}`, new Uint8Array(size).fill(size), size)
    const snapshot = trie.commit({ reach: 1, complete })
    snapshot.verify()

    for (const size of sizes) {
      expect(snapshot.get(`size/${size}`), `${size}`).toEqual(new Uint8Array(size).fill(size))
    }
    for (const size of sizes) trie.delete(`size/${size}`, 2)
    snapshot.dispose()
    trie.commit({ reach: 2, complete }).dispose()
    sweepAll(engine)
    reclaimAll(engine)
    expect(engine.liveBytes()).toBe(0)
  })

  test("rule 1: blocks that die while no snapshot is held are freed", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    for (let key = 0; key < 200; key++) trie.put(`k${key}`, hundred, 1)
    trie.commit({ reach: 1, complete }).dispose()
    reclaimAll(engine)
    const before = engine.liveBytes()

    for (let round = 0; round < 2_000; round++) {
      trie.put(`k${round % 200}`, hundred, round + 2)
      trie.commit({ reach: round + 2, complete }).dispose()
    }
    reclaimAll(engine)
    expect(engine.liveBytes()).toBe(before)
  })

  test("rule 2: abort() brings back the base: entries, size, digest, tombstones, memory", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    for (let key = 0; key < 300; key++) trie.put(`k${key}`, hundred, key + 1)
    for (let key = 0; key < 50; key++) trie.delete(`k${key}`, 400 + key)
    const base = trie.commit({ reach: 500, complete })
    reclaimAll(engine)
    const before = engine.stats()

    for (let key = 0; key < 300; key += 2) trie.put(`k${key}`, bytes("other"), 600)
    for (let key = 1; key < 600; key += 2) trie.delete(`k${key}`, 601)
    trie.abort()

    expect(engine.stats()).toEqual(before)
    const after = trie.commit({ reach: 500, complete })
    after.verify()
    expect(after.digest).toBe(base.digest)
    expect([...after.changesSince(base.version)]).toEqual([])
  })

  test("apply() writes what as many puts and deletes write, many keys colliding", () => {
    const made = [true, false].map((isTogether) => {
      const engine = engineOf(build, { hashMask: 0x3fff })
      const trie = engine.trie()
      const updates = Array.from({ length: 25_000 }, (_, index): TrieUpdate => {
        const key = `key/${(index * 7_919) % 12_000}`
        if (index % 11 === 0) return { op: "delete", key, revision: index }
        return { op: "put", key, value: bytes(`"${index}"`), revision: index }
      })
      if (isTogether) trie.apply(updates)
      else {
        for (const update of updates) {
          if (update.op === "put") trie.put(update.key, update.value, update.revision)
          else trie.delete(update.key, update.revision)
        }
      }
      const snapshot = trie.commit({ reach: 25_000, complete: true })
      snapshot.verify()
      return { digest: snapshot.digest, entries: [...snapshot.entries()], stats: engine.stats() }
    })

    expect(made[0]!.entries.length).toBeGreaterThan(10_000)
    expect(made[0]).toEqual(made[1])
  })

  test("apply() writes values that do not fit beside each other, or alone", () => {
    const sizes = [40_000, 40_000, 10, 65_536, 0, 200_000, 1, 150_000, 3]
    const contents = sizes.map((size, index) => String(index).repeat(size))
    using engine = engineOf(build)
    const trie = engine.trie()

    trie.apply(
      contents.map((content, key) => ({
        op: "put",
        key: `k${key}`,
        value: bytes(content),
        revision: 1,
      })),
    )

    const read = contents.map((_, key) => text(trie.get(`k${key}`)))
    expect(read.map((content, key) => content === contents[key])).toEqual(sizes.map(() => true))
  })

  test("apply() takes updates from code that reads from the same engine", () => {
    using engine = engineOf(build)
    const trie = engine.trie()
    for (let key = 0; key < 100; key++) trie.put(`k${key}`, bytes(`${key}`), 1)
    using snapshot = trie.commit({ reach: 1, complete: true })
    function* doubled(): Generator<TrieUpdate> {
      for (const { key, value } of snapshot.entries()) {
        const read = trie.get(key)!
        yield { op: "put", key, value: bytes(`${text(value)}${text(read)}`), revision: 2 }
      }
    }

    trie.apply(doubled())

    expect([7, 42, 99].map((key) => text(trie.get(`k${key}`)))).toEqual(["77", "4242", "9999"])
  })

  test("rule 2: apply() that runs out of memory leaves the state of the last commit", () => {
    const engine = engineOf(build, { bytesMax: 4 * 2 ** 20 })
    const trie = engine.trie()
    trie.put("kept", bytes("1"), 1)
    const base = trie.commit({ reach: 1, complete })
    const before = engine.stats()
    const updates = Array.from({ length: 100_000 }, (_, index) => ({
      op: "put" as const,
      key: `k${index}`,
      value: hundred,
      revision: 2,
    }))

    expect(() => trie.apply(updates)).toThrow(MemoryFullError)
    expect({ ...engine.stats(), bytesReserved: 0, bytesFree: 0 }).toEqual({
      ...before,
      bytesReserved: 0,
      bytesFree: 0,
    })
    expect(text(trie.get("kept"))).toBe("1")
    trie.put("after", bytes("2"), 2)
    const next = trie.commit({ reach: 2, complete })
    next.verify()
    expect([...next.changesSince(base.version)].map(({ key }) => key)).toEqual(["after"])
  })

  test("a full engine still takes deletes, and what was listed before, and becomes empty", () => {
    using engine = engineOf(build, { bytesMax: 8 * 2 ** 20 })
    const trie = engine.trie()
    const entry = (key: number) => ({ key: `k${key}`, value: hundred, revision: 1 })
    let keys = 0
    expect(() => {
      for (;;) {
        trie.apply([{ op: "put", ...entry(keys) }])
        trie.commit({ reach: 1, complete }).dispose()
        keys += 1
      }
    }).toThrow(MemoryFullError)
    trie.beginResync()
    for (let key = 0; key < keys; key += 100) {
      const last = Math.min(key + 50, keys)
      trie.applyListed(Array.from({ length: last - key }, (_, index) => entry(key + index)))
    }
    while (!trie.sweepUnseen(2, 100)) trie.commit({ reach: 2, complete: false }).dispose()
    trie.endResync()
    const half = trie.commit({ reach: 2, complete })
    half.verify()
    expect(half.size).toBeLessThan(keys * 0.51 + 100)
    half.dispose()
    for (let key = 0; key < keys; key++) {
      trie.delete(`k${key}`, 3)
      if (key % 100 === 99) trie.commit({ reach: 3, complete }).dispose()
    }
    trie.commit({ reach: 3, complete }).dispose()
    sweepAll(engine)
    reclaimAll(engine)

    expect(keys).toBeGreaterThan(10_000)
    expect(engine.liveBytes()).toBe(0)
  })

  test("rule 3: an old snapshot under many small edits costs what died, no more", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    for (let key = 0; key < 2_000; key++) trie.put(`k${key}`, hundred, 1)
    const old = trie.commit({ reach: 1, complete })
    const before = engine.liveBytes()

    for (let round = 0; round < 4_000; round++) {
      trie.put(`k${(round * 7) % 2_000}`, hundred, round + 2)
      trie.commit({ reach: round + 2, complete }).dispose()
    }
    reclaimAll(engine)
    // The old version's own blocks once more, and their addresses: 4 bytes for each of at least 32.
    expect(engine.liveBytes()).toBeLessThan(before * 2.2)
    old.dispose()
    reclaimAll(engine)
    expect(engine.liveBytes()).toBeLessThanOrEqual(before)
  })

  test("rule 4: a touch goes only to readers that have the value", () => {
    const trie = engineOf(build).trie()
    trie.put("k", bytes("old"), 1)
    const v1 = trie.commit({ reach: 1, complete })
    trie.put("k", bytes("new"), 2)
    const v2 = trie.commit({ reach: 2, complete })
    trie.put("k", bytes("new"), 3)
    const v3 = trie.commit({ reach: 3, complete })

    expect([...v3.changesSince(v2.version)]).toEqual([{ op: "touch", key: "k", revision: 3 }])
    expect([...v3.changesSince(v1.version)]).toEqual([
      { op: "put", key: "k", value: bytes("new"), revision: 3 },
    ])
  })

  test("rule 4: the same bytes after a delete are a put", () => {
    const trie = engineOf(build).trie()
    trie.put("k", bytes("v"), 1)
    const v1 = trie.commit({ reach: 1, complete })
    trie.delete("k", 2)
    trie.put("k", bytes("v"), 3)
    const v2 = trie.commit({ reach: 3, complete })

    expect([...v2.changesSince(v1.version)]).toEqual([
      { op: "put", key: "k", value: bytes("v"), revision: 3 },
    ])
  })

  test("rule 5: a put and a delete in one edit leave a tombstone, also for an unknown key", () => {
    const trie = engineOf(build).trie()
    const v1 = trie.commit({ reach: 1, complete })
    trie.put("a", hundred, 2)
    trie.delete("a", 3)
    trie.delete("never", 4)
    const v2 = trie.commit({ reach: 4, complete })

    expect(v2.size).toBe(0)
    expect([...v2.changesSince(v1.version)].sort((a, b) => a.revision - b.revision)).toEqual([
      { op: "delete", key: "a", revision: 3 },
      { op: "delete", key: "never", revision: 4 },
    ])
  })

  test.each([0xffffffff, 0x3ff, 0xff])(
    "rule 6: a place stays a place when a sweep moves leaves up (hash mask %i)",
    (hashMask) => {
      const engine = engineOf(build, { hashMask })
      const trie = engine.trie()
      for (let key = 0; key < 3_000; key++) trie.put(`k${key}`, bytes(`${key}`), key + 1)
      const whole = trie.commit({ reach: 3_000, complete })
      const told = new Set<string>()
      let snapshot: Snapshot = whole
      let after: Place | undefined
      for (let round = 0; ; round++) {
        const slice = snapshot.walk({ since: 0, after, values: "json", bytesMax: 900 })
        for (const { key } of JSON.parse(`[${text(slice.body)}]`)) told.add(key)
        if (slice.ended) break
        after = slice.place
        for (let key = round * 40; key < round * 40 + 40; key++)
          trie.delete(`k${2_999 - key}`, 4_000)
        trie.commit({ reach: 4_000 + round, complete }).dispose()
        trie.sweep(trie.version, { bytesMax: 0, entriesMax: 1_000 })
        if (snapshot !== whole) snapshot.dispose()
        snapshot = trie.snapshot()
      }

      // What is there at the end was there all the time, so every walk must have told it.
      for (const { key } of snapshot.entries()) expect(told.has(key), key).toBe(true)
    },
  )

  test("rule 8: sweep() moves the horizon first, and makes a version of the same reach", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    for (let key = 0; key < 100; key++) trie.put(`k${key}`, hundred, key + 1)
    trie.commit({ reach: 100, complete }).dispose()
    for (let key = 0; key < 100; key++) trie.delete(`k${key}`, 200)
    trie.commit({ reach: 200, complete }).dispose()

    expect(trie.sweep(2, { bytesMax: 1e9, entriesMax: 10 })).toBe(false)
    expect([trie.horizon, trie.tombstones, trie.version]).toEqual([2, 90, 3])
    expect([trie.snapshot().reach, trie.snapshot().complete]).toEqual([200, true])
    expect(trie.sweep(2, { bytesMax: 1e9, entriesMax: 100 })).toBe(true)
    expect(trie.tombstones).toBe(0)
  })

  test("rule 8: sweep() by weight takes the oldest first and stops within the bound", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    for (let version = 1; version <= 10; version++) {
      trie.delete(`k${version}`, version)
      trie.commit({ reach: version, complete }).dispose()
    }

    expect(
      trie.sweep(0, {
        bytesMax: 4 * (LEAF_HEADER_BYTES + 2) + LEAF_HEADER_BYTES + 3,
        entriesMax: 100,
      }),
    ).toBe(true)
    expect(trie.horizon).toBe(5)
    expect([...trie.snapshot().changesSince(5)].map(({ key }) => key).sort()).toEqual([
      "k10",
      "k6",
      "k7",
      "k8",
      "k9",
    ])
  })

  test("rule 9: two commits of one revision are two versions, and both are read", () => {
    const trie = engineOf(build).trie()
    trie.put("a", hundred, 7)
    const v1 = trie.commit({ reach: 7, complete: false })
    trie.put("b", hundred, 7)
    const v2 = trie.commit({ reach: 7, complete })

    expect([v1.reach, v2.reach, v2.version - v1.version]).toEqual([7, 7, 1])
    expect([...v2.changesSince(v1.version)].map(({ key }) => key)).toEqual(["b"])
  })

  test("rule 10: no write, sweep or release changes a byte of an older snapshot", () => {
    const engine = engineOf(build, { hashMask: 0xfff })
    const trie = engine.trie()
    const frozen: { snapshot: Snapshot; seen: string }[] = []
    const see = (snapshot: Snapshot) =>
      JSON.stringify(
        [...snapshot.entries()].map((entry) => [entry.key, text(entry.value), entry.revision]),
      )
    for (let round = 1; round <= 60; round++) {
      for (let key = 0; key < 30; key++) {
        const name = `k${(key * 31 + round * 17) % 400}`
        if ((key + round) % 3 === 0) trie.delete(name, round)
        else trie.put(name, bytes(`${round}.${key}`), round)
      }
      const snapshot = trie.commit({ reach: round, complete })
      frozen.push({ snapshot, seen: see(snapshot) })
      if (round % 5 === 0) trie.sweep(trie.version, { bytesMax: 0, entriesMax: 50 })
      if (round % 3 === 0) frozen.splice((round * 7) % frozen.length, 1)[0]!.snapshot.dispose()
      trie.reclaim(20)
      for (const each of frozen) expect(see(each.snapshot)).toBe(each.seen)
    }
  })

  test("the digest is the sum of H64 over the live entries", () => {
    const trie = engineOf(build).trie()
    const state = new Map<string, { revision: number }>()
    for (let index = 0; index < 70; index++) {
      const key = "é/".repeat(index % 9) + "k".repeat(index)
      if (key === "") continue
      trie.put(key, hundred, 2 ** 40 + index)
      state.set(key, { revision: 2 ** 40 + index })
    }

    expect(trie.commit({ reach: 1, complete }).digest).toBe(digestOf(state))
  })

  test("a resync deletes what was neither listed nor written, and lets no older entry win", () => {
    const engine = engineOf(build, { hashMask: 0xff })
    const trie = engine.trie()
    for (let key = 0; key < 1_000; key++) trie.put(`k${key}`, bytes("old"), key + 1)
    trie.delete("gone", 2_000)
    const before = trie.commit({ reach: 2_000, complete })
    reclaimAll(engine)

    trie.beginResync()
    trie.put("watched", bytes("w"), 3_000)
    trie.put("k999", bytes("newer"), 3_001)
    const listed = [
      ...Array.from({ length: 500 }, (_, key) => ({
        key: `k${key}`,
        value: bytes("old"),
        revision: key + 1,
      })),
      { key: "k500", value: bytes("new"), revision: 2_500 },
      { key: "k999", value: bytes("stale"), revision: 2_600 },
      { key: "gone", value: bytes("stale"), revision: 1_999 },
    ]
    trie.applyListed(listed)
    trie.commit({ reach: 3_001, complete: false }).dispose()
    while (!trie.sweepUnseen(2_700, 10));
    trie.endResync()
    const after = trie.commit({ reach: 3_001, complete })
    after.verify()

    expect(after.size).toBe(503)
    expect(text(after.get("k999"))).toBe("newer")
    expect(after.has("gone")).toBe(false)
    const changes = [...after.changesSince(before.version)]
    expect(changes.filter(({ op }) => op === "delete").length).toBe(498)
    expect(
      changes
        .filter(({ op }) => op !== "delete")
        .map(({ key }) => key)
        .sort(),
    ).toEqual(["k500", "k999", "watched"])
    expect(changes.every(({ op, revision }) => op !== "delete" || revision === 2_700)).toBe(true)
  })

  test("handles say their name after dispose()", () => {
    const engine = engineOf(build)
    const snapshot = engine.trie().commit({ reach: 1, complete })
    const filter = engine.filter({ prefixes: ["a"], keys: [] })
    snapshot.dispose()
    snapshot.dispose()
    filter.dispose()

    expect(() => snapshot.get("k")).toThrow(DisposedError)
    expect(() => snapshot.get("k")).toThrow("the snapshot of version 1 is disposed of")
    expect(() => filter.address).toThrow("the filter is disposed of")
    engine.dispose()
    expect(() => engine.trie().get("k")).toThrow("the engine is disposed of")
  })
})
