import type { Place } from "@headwater/core/engine"
import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { builds, bytes, engineOf, text } from "./builds.ts"
import { digestOf } from "./h64.ts"

const complete = true

describe.each(builds)("Snapshot.walk() (%s wasm)", (build) => {
  test("writes keys and values that JSON must escape as JSON.parse wants them", () => {
    const trie = engineOf(build).trie()
    const key = `"\\\u0000\u001f\u007f\n${"plain ".repeat(9)}é☃😀"`
    trie.put(key, bytes('{ "a":\r\n [1,\t12345678901234567890] }'), 9_007_199_254_740_991)
    const snapshot = trie.commit({ reach: 1, complete })

    const body = text(snapshot.walk({ since: 0, values: "json", bytesMax: 100 }).body)!
    expect(body).not.toMatch(/[\r\n]/)
    expect(body).toContain('{ "a":   [1,\t12345678901234567890] }')
    expect(JSON.parse(body.replace("12345678901234567890", "1"))).toEqual({
      key,
      value: { a: [1, 1] },
      revision: 9_007_199_254_740_991,
    })
    const asText = text(snapshot.walk({ since: 0, values: "text", bytesMax: 100 }).body)!
    expect(JSON.parse(asText).value).toBe('{ "a":\r\n [1,\t12345678901234567890] }')
  })

  test.each([0, 1, 2, 3, 4, 15, 16, 17, 47, 48, 49, 1_000])(
    "writes %i bytes as base64",
    (length) => {
      const trie = engineOf(build).trie()
      const value = Uint8Array.from({ length }, (_, index) => (index * 37 + 250) & 255)
      trie.put("k", value, 1)
      const snapshot = trie.commit({ reach: 1, complete })

      const body = JSON.parse(
        text(snapshot.walk({ since: 0, values: "binary", bytesMax: 10 }).body)!,
      )
      expect(body.value).toBe(btoa(String.fromCharCode(...value)))
    },
  )

  test("escapes at every place of a text of every length, and writes nothing after it", () => {
    const escapes = ['"', "\\", "\u0000", "\n", "\u001f", '\\"', "é"]
    const trie = engineOf(build).trie()
    const expected = new Map<string, string>()
    for (let length = 1; length <= 40; length++) {
      for (let at = 0; at < length; at += 3) {
        const letters = Array.from({ length }, (_, index) => String.fromCharCode(97 + (index % 26)))
        letters[at] = escapes[(length + at) % escapes.length]!
        const key = letters.join("")
        expected.set(key, key + key)
        trie.put(key, bytes(key + key), 1)
      }
    }
    const snapshot = trie.commit({ reach: 1, complete })

    for (const values of ["text", "binary"] as const) {
      const slice = snapshot.walk({ since: 0, values, bytesMax: 1 << 20, visitsMax: 1 << 20 })
      const told = JSON.parse(`[${text(slice.body)}]`) as { key: string; value: string }[]
      const decoded = told.map(({ key, value }) => [
        key,
        values === "text" ? value : Buffer.from(value, "base64").toString(),
      ])
      expect(slice.ended).toBe(true)
      expect(new Map(decoded as [string, string][])).toEqual(expected)
    }
  })

  test("a frame holds at most its bound, or one entry", () => {
    const trie = engineOf(build, { hashMask: 0xf }).trie()
    for (let key = 0; key < 50; key++)
      trie.put(`k${key}`, bytes(`"${"x".repeat(key * 40)}"`), key + 1)
    const snapshot = trie.commit({ reach: 1, complete })
    const keys: string[] = []
    let after: Place | undefined
    for (;;) {
      const slice = snapshot.walk({ since: 0, after, values: "json", bytesMax: 1_000 })
      expect(slice.body.byteLength <= 1_000 || slice.entries === 1).toBe(true)
      for (const { key } of JSON.parse(`[${text(slice.body)}]`)) keys.push(key)
      if (slice.ended) break
      after = slice.place
    }

    expect(keys.length).toBe(50)
    expect(new Set(keys).size).toBe(50)
  })

  test.each([1, 2, 3, 4, 5])(
    "rule 7: a cut walk goes on at newer roots, and what it began with is walked since (seed %i)",
    (seed) => {
      const random = prng(seed)
      const trie = engineOf(build, { hashMask: 0x3ff }).trie()
      const write = (keys: number) => {
        for (let left = keys; left > 0; left--) {
          const key = `k${Math.floor(random() * 800)}`
          if (random() < 0.3) trie.delete(key, trie.version + 1)
          else trie.put(key, bytes(`${trie.version}`), trie.version + 1)
        }
        return trie.commit({ reach: trie.version + 1, complete })
      }
      let snapshot = write(1_000)
      let began = snapshot.version
      let since = 0
      let after: Place | undefined
      const replica = new Map<string, unknown>()
      for (let slices = 0; ; slices++) {
        const slice = snapshot.walk({ since, after, values: "json", bytesMax: 900 })
        for (const { op, key, value } of JSON.parse(`[${text(slice.body)}]`)) {
          if (op === "delete") replica.delete(key)
          else if (op !== "touch") replica.set(key, value)
        }
        if (slice.ended && snapshot.version === began) break
        after = slice.ended ? undefined : slice.place
        if (slices < 40) {
          snapshot.dispose()
          snapshot = write(20)
        }
        if (!slice.ended) continue
        since = began
        began = snapshot.version
      }

      const entries = [...snapshot.entries()].map(({ key, value }) => [key, Number(text(value))])
      expect(replica).toEqual(new Map(entries as [string, number][]))
    },
  )

  test("a leaf larger than the room comes alone and whole", () => {
    const trie = engineOf(build).trie()
    const large = "\u0001".repeat(300_000)
    trie.put("large", bytes(large), 1)
    trie.put("small", bytes("s"), 2)
    const snapshot = trie.commit({ reach: 2, complete })
    const values: Record<string, string> = {}
    let after: Place | undefined
    for (;;) {
      const slice = snapshot.walk({ since: 0, after, values: "text", bytesMax: 65_536 })
      for (const { key, value } of JSON.parse(`[${text(slice.body)}]`)) values[key] = value
      if (slice.ended) break
      after = slice.place
    }

    expect(values).toEqual({ large, small: "s" })
  })

  test("filters let prefixes and keys through, as bytes", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    for (const key of ["foo", "foobar", "fo", "bar", "bar/1", "é", "éa"])
      trie.put(key, bytes("1"), 1)
    const snapshot = trie.commit({ reach: 1, complete })
    using filter = engine.filter({ prefixes: ["foo", "é"], keys: ["bar"] })
    using none = engine.filter({ prefixes: [], keys: [] })

    expect([...snapshot.entries(filter)].map(({ key }) => key).sort()).toEqual([
      "bar",
      "foo",
      "foobar",
      "é",
      "éa",
    ])
    expect([...snapshot.entries(none)]).toEqual([])
  })

  test("visitsMax bounds a slice of a filter that lets nothing through, and it still ends", () => {
    const engine = engineOf(build)
    const trie = engine.trie()
    for (let key = 0; key < 20_000; key++) trie.put(`k${key}`, bytes("1"), 1)
    const snapshot = trie.commit({ reach: 1, complete })
    using filter = engine.filter({ prefixes: ["nothing"], keys: [] })
    let slices = 0
    let after: Place | undefined
    for (;;) {
      slices += 1
      const slice = snapshot.walk({
        since: 0,
        after,
        filter,
        values: "json",
        bytesMax: 9,
        visitsMax: 300,
      })
      if (slice.ended) break
      after = slice.place
    }

    expect(slices).toBeGreaterThan(60)
    expect(slices).toBeLessThan(200)
  })

  test("ViewSums follow a filtered view from snapshot to snapshot, through sweeps", () => {
    const engine = engineOf(build, { hashMask: 0x3ff })
    const trie = engine.trie()
    using filter = engine.filter({ prefixes: ["a/"], keys: ["b/7"] })
    using sums = engine.viewSums(filter)
    const state = new Map<string, { revision: number }>()
    for (let revision = 1; revision <= 2_000; revision++) {
      const key = `${"abc"[revision % 3]}/${(revision * 7) % 211}`
      if (revision % 5 === 0) {
        trie.delete(key, revision)
        state.delete(key)
      } else {
        trie.put(key, bytes(`${revision % 4}`), revision)
        state.set(key, { revision })
      }
      if (revision % 41 !== 0) continue
      using snapshot = trie.commit({ reach: revision, complete })
      if (revision % 3 === 0) trie.sweep(trie.version, { bytesMax: 0, entriesMax: 1_000 })
      while (!sums.advance(snapshot, 256));
      const seen = [...state].filter(([key]) => key.startsWith("a/") || key === "b/7")
      expect([sums.entries, sums.digest]).toEqual([seen.length, digestOf(seen)])
    }
  })
})
