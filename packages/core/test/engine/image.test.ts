import { ImageError, MemoryFullError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { loadEngine, type Place, type Snapshot } from "@headwater/core/engine"
import { describe, expect, test } from "vitest"
import { builds, bytes, engineOf, text } from "./builds.ts"

const FULL = process.env["HEADWATER_FULL"] === "1"
const TEST_MS = 300_000
const opaque = bytes("the caller's own")

function whole(pieces: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...pieces]))
}

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state
  }
}

const changesOf = (snapshot: Snapshot, since: number) =>
  [...snapshot.changesSince(since)].map((delta) =>
    delta.op === "put" ? { ...delta, value: text(delta.value) } : delta,
  )

describe.each(builds)("Snapshot.save() and loadEngine() (%s wasm)", (build) => {
  const options = build === "debug" ? { build: debugBuild } : {}

  function filled(hashMask = 0xffffffff) {
    const engine = engineOf(build, { hashMask })
    const trie = engine.trie()
    const versions: number[] = []
    for (let revision = 1; revision <= 3_000; revision++) {
      const key = `k${(revision * 7_919) % 700}`
      if (revision % 4 === 0) trie.delete(key, revision)
      else trie.put(key, bytes(`${revision % 50}`.repeat(revision % 9)), revision)
      if (revision % 100 === 0) {
        versions.push(trie.version + 1)
        trie.commit({ reach: revision, complete: true }).dispose()
      }
      if (revision === 1_000) trie.sweep(4, { bytesMax: 1e9, entriesMax: 1e6 })
    }
    return { engine, trie, versions, snapshot: trie.snapshot() }
  }

  test.each([0xffffffff, 0xff])(
    "a loaded state is the saved one, its past included (hash mask %i)",
    (hashMask) => {
      const { trie, versions, snapshot } = filled(hashMask)
      const loaded = loadEngine(whole(snapshot.save(opaque)), options)

      loaded.snapshot.verify()
      expect(loaded.opaque).toEqual(opaque)
      for (const field of ["version", "reach", "complete", "size", "bytes", "digest"] as const) {
        expect(loaded.snapshot[field], field).toBe(snapshot[field])
      }
      const other = loaded.engine.trie()
      expect([other.horizon, other.version, other.tombstones, other.tombstoneBytes]).toEqual([
        trie.horizon,
        trie.version,
        trie.tombstones,
        trie.tombstoneBytes,
      ])
      for (const since of [0, ...versions.filter((version) => version >= trie.horizon)]) {
        expect(changesOf(loaded.snapshot, since)).toEqual(changesOf(snapshot, since))
      }
      for (const each of [trie, other]) {
        each.put("after", bytes("1"), 4_000)
        each.delete("k1", 4_001)
        each.commit({ reach: 4_001, complete: true }).verify()
        while (!each.sweep(each.version - 3, { bytesMax: 1e9, entriesMax: 10 }));
        each.snapshot().verify()
      }
      expect(changesOf(other.snapshot(), other.horizon)).toEqual(
        changesOf(trie.snapshot(), trie.horizon),
      )
    },
  )

  test("a walk that was cut in the saved engine goes on in the loaded one", () => {
    const { snapshot } = filled(0xff)
    const keys: string[] = []
    const read = (from: Snapshot, after: Place | undefined, slices: number): Place | undefined => {
      let place = after
      for (let slice = 0; slice < slices; slice++) {
        const result = from.walk({ since: 0, after: place, values: "text", bytesMax: 300 })
        for (const { key } of JSON.parse(`[${text(result.body)}]`)) keys.push(key)
        place = result.place
        if (result.ended) return undefined
      }
      return place
    }
    const place = read(snapshot, undefined, 20)
    const loaded = loadEngine(snapshot.save(opaque), options)

    read(loaded.snapshot, place, 10_000)
    expect(keys.sort()).toEqual([...snapshot.entries()].map(({ key }) => key).sort())
  })

  test("an empty state, and one larger than a piece, come back", () => {
    const empty = engineOf(build).trie().commit({ reach: 5, complete: false })
    const loaded = loadEngine(empty.save(), options)
    expect([loaded.snapshot.size, loaded.snapshot.reach, loaded.snapshot.complete]).toEqual([
      0,
      5,
      false,
    ])
    const trie = engineOf(build).trie()
    for (let key = 0; key < 40; key++) trie.put(`k${key}`, new Uint8Array(50_000).fill(key), 1)
    trie.put("huge", new Uint8Array(2_000_000).fill(7), 2)
    const large = trie.commit({ reach: 2, complete: true })
    const image = whole(large.save())

    for (const size of [1, 4_097, 10_000_000]) {
      const pieces = function* () {
        for (let from = 0; from < image.length; from += size)
          yield image.subarray(from, from + size)
      }
      if (size === 1 && build === "debug") continue
      expect(loadEngine(pieces(), options).snapshot.digest).toBe(large.digest)
    }
  })

  test("an image that does not fit is refused, and so is one of something else", () => {
    const trie = engineOf(build).trie()
    for (let key = 0; key < 100_000; key++) trie.put(`k${key}`, new Uint8Array(50), 1)
    const image = whole(trie.commit({ reach: 1, complete: true }).save())

    expect(() => loadEngine(image, { ...options, bytesMax: 4 * 2 ** 20 })).toThrow(MemoryFullError)
    expect(() => loadEngine(new Uint8Array(0), options)).toThrow("the image ends too early")
    expect(() => loadEngine(bytes("not an image ".repeat(20)), options)).toThrow("are not an image")
    expect(() => loadEngine([image, Uint8Array.of(0)], options)).toThrow("has bytes after its end")
  })

  test(
    "an image that was cut or changed is an ImageError, never a trap",
    () => {
      const engine = engineOf(build, { hashMask: 0xfff })
      const trie = engine.trie()
      for (let key = 0; key < 40; key++) trie.put(`k${key % 30}`, bytes("v".repeat(key)), key + 1)
      trie.delete("k3", 50)
      const image = whole(trie.commit({ reach: 50, complete: true }).save(opaque))
      const seed = Number(process.env["HEADWATER_SEED"] ?? Math.trunc(Math.random() * 2 ** 31))
      console.log(`image: HEADWATER_SEED=${seed}`)
      const next = random(seed)

      for (let round = 0; round < (FULL ? 10_000 : 400); round++) {
        let changed = image.slice()
        const kind = next() % 4
        if (kind === 0) changed = changed.subarray(0, next() % image.length)
        else if (kind === 1) changed[next() % image.length]! ^= 1 << (next() % 8)
        else if (kind === 2) changed.fill(next(), next() % image.length)
        else for (let n = next() % 9; n >= 0; n--) changed[next() % image.length] = next()
        if (Buffer.from(changed).equals(Buffer.from(image))) continue
        expect(() => loadEngine(changed, options), `round ${round}`).toThrow(ImageError)
      }
    },
    TEST_MS,
  )
})
