import type { Delta } from "@headwater/core"
import {
  createEngine,
  type Engine,
  type EngineOptions,
  loadEngine,
  type Trie,
  type WireValues,
} from "@headwater/core/engine"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { builds, bytes, engineOf, text } from "./builds.ts"

const refused = (name: string) => expect.objectContaining({ name })
/** Values that a caller without types may pass in place of bytes. */
const NOT_BYTES: [name: string, value: unknown][] = [
  ["a bare ArrayBuffer", new ArrayBuffer(15)],
  ["a string", "hunter2-hunter2"],
  ["an array of numbers", [1, 2, 3]],
  ["undefined", undefined],
  ["null", null],
]
/** `U+FEFF`, which decoders take for a mark unless they are told. */
const MARKED = "\uFEFFkey"

describe.each(builds)("the edge of the engine (%s wasm)", (build) => {
  let engine: Engine
  let trie: Trie

  beforeEach(() => {
    engine = engineOf(build)
    trie = engine.trie()
    trie.put("secret", bytes("hunter2-hunter2"), 1)
  })

  afterEach(() => engine.dispose())

  const commit = () => trie.commit({ reach: 9, complete: true })

  test.each(NOT_BYTES)("put(), apply() and applyListed() refuse %s as a value", (_, given) => {
    const value = given as Uint8Array
    const mine = { key: "mine", value, revision: 2 }

    expect(() => trie.put("mine", value, 2)).toThrow(refused("ValueError"))
    expect(trie.has("mine")).toBe(false)
    expect(() => trie.apply([{ op: "put", ...mine }])).toThrow(refused("ValueError"))
    trie.beginResync()
    expect(() => trie.applyListed([mine])).toThrow(refused("ValueError"))
    trie.endResync()
    expect(trie.size).toBe(0)
  })

  test("any view is stored by the bytes that it covers", () => {
    const words = new Uint16Array([0x6162, 0x6364])
    const part = new DataView(bytes("xyz!").buffer, 1, 2)
    trie.put("words", words as unknown as Uint8Array, 2)
    trie.apply([{ op: "put", key: "part", value: part as unknown as Uint8Array, revision: 3 }])

    expect(text(trie.get("words"))).toBe("badc")
    expect(text(trie.get("part"))).toBe("yz")
  })

  test.each(NOT_BYTES.filter(([, value]) => value !== undefined))(
    "append() and save() refuse %s, and append nothing",
    (_, given) => {
      const payload = given as Uint8Array
      using snapshot = commit()
      const buffer = engine.buffer()
      const cursor = buffer.follow()
      const item = { version: 1, revision: 1, payload }

      expect(() => buffer.append(item)).toThrow(refused("ValueError"))
      expect(cursor.hasNext()).toBe(false)
      expect(() => snapshot.save(payload)).toThrow(refused("ValueError"))
    },
  )

  test("append() refuses an item of another kind or without numbers", () => {
    const buffer = engine.buffer()
    const cursor = buffer.follow()
    const item = { version: 1, revision: 1 }

    for (const wrong of [{ version: Number.NaN }, { revision: -1 }, { kind: "other" }]) {
      const append = () => buffer.append({ ...item, ...(wrong as object) })
      expect(append).toThrow(refused("OptionError"))
    }
    expect(cursor.hasNext()).toBe(false)
  })

  test.each([...NOT_BYTES, ["pieces of text", ["a", "b"]], ["a number", 7]] as const)(
    "loadEngine() refuses %s as an image",
    (_, image) => {
      expect(() => loadEngine(image as Uint8Array)).toThrow(
        expect.objectContaining({ code: "ERR_VALUE_INVALID" }),
      )
    },
  )

  test("loadEngine() takes an image in any view", () => {
    const whole = new Uint8Array([...commit().save()].flatMap((piece) => [...piece]))
    const loaded = loadEngine(new DataView(whole.buffer) as unknown as Uint8Array)

    expect(loaded.snapshot.size).toBe(1)
    loaded.engine.dispose()
  })

  test.each([7, undefined, null, {}, ["secret"]])("a key %j is refused", (key) => {
    const wrong = key as string

    expect(() => trie.get(wrong)).toThrow(refused("KeyError"))
    expect(() => trie.put(wrong, bytes("v"), 2)).toThrow(refused("KeyError"))
    expect(() => trie.delete(wrong, 2)).toThrow(refused("KeyError"))
  })

  test("a key that begins with U+FEFF keeps it in entries, changes and differences", () => {
    trie.put(MARKED, bytes("v"), 2)
    using older = commit()
    trie.put(MARKED, bytes("w"), 3)
    using newer = commit()
    const keysOf = (deltas: Iterable<Pick<Delta, "key">>) => [...deltas].map(({ key }) => key)

    expect(keysOf(newer.changesSince(older.version))).toEqual([MARKED])
    expect(keysOf(newer.diff(older))).toEqual([MARKED])
    expect(keysOf(newer.entries()).sort()).toEqual(["secret", MARKED])
    expect(newer.getEntry(MARKED)?.key).toBe(MARKED)
  })

  test("numbers that make no sense are refused, and change nothing", () => {
    using snapshot = commit()
    const request = { since: 0, values: "json", bytesMax: 100 } as const
    const bounds = { bytesMax: 1, entriesMax: 1 }
    const calls: (() => unknown)[] = [
      () => trie.reclaim(Number.POSITIVE_INFINITY),
      () => trie.reclaim(0),
      () => trie.sweep(Number.NaN, bounds),
      () => trie.sweep(1, { ...bounds, entriesMax: Number.NaN }),
      () => trie.sweep(1, { ...bounds, bytesMax: Number.NaN }),
      () => trie.sweepUnseen(1, -1),
      () => snapshot.changesSince(Number.NaN),
      () => snapshot.walk({ ...request, since: -1 }),
      () => snapshot.walk({ ...request, bytesMax: Number.NaN }),
      () => snapshot.walk({ ...request, visitsMax: 0.5 }),
      () => snapshot.walk({ ...request, values: "xml" as WireValues }),
    ]

    for (const call of calls) expect(call).toThrow(refused("OptionError"))
    expect(() => trie.commit({ reach: Number.NaN, complete: true })).toThrow(refused("KeyError"))
    expect(trie.version).toBe(snapshot.version)
  })

  test("a filter is two arrays of well-formed texts", () => {
    const filter = (spec: unknown) => () => engine.filter(spec as { prefixes: []; keys: [] })

    expect(filter({ prefixes: ["a"] })).toThrow(refused("OptionError"))
    expect(filter({ prefixes: "a", keys: [] })).toThrow(refused("OptionError"))
    expect(filter({ prefixes: [undefined], keys: [] })).toThrow(refused("OptionError"))
    expect(filter({ prefixes: [], keys: [], prefix: ["a"] })).toThrow(refused("OptionError"))
    expect(filter({ prefixes: ["\ud800"], keys: [] })).toThrow(refused("KeyError"))
  })
})

describe("createEngine", () => {
  test.each([
    { bytesMax: 10 },
    { bytesMax: 2 ** 33 },
    { bytesMax: Number.NaN },
    { maxBytes: 2 ** 24 },
    { seed: [1] },
    { seed: [1, -1] },
    { build: "debug" },
    { onLeak: true },
    { hashMask: -1 },
  ])("refuses the options %j", (options) => {
    expect(() => createEngine(options as EngineOptions)).toThrow(refused("OptionError"))
  })
})
