import { ManualClock } from "@headwater/testing"
import { sourceConformance } from "@headwater/testing/conformance"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type Codec, codedSource } from "../src/coded-source.ts"
import { type MemorySource, memorySource } from "../src/sources/memory/index.ts"
import { contentOfCache, del, Hub, put, write } from "./harness.ts"

const text = new TextDecoder()
const utf8 = new TextEncoder()

/** Shows what is under `in/`, in capitals; reads no `!`, and no key with a blank. */
const codec: Codec = {
  key: {
    decode(key) {
      if (key.includes(" ")) throw new Error("a blank in the key")
      return key.startsWith("in/") ? key.slice(3) : undefined
    },
    encode: (key) => `in/${key}`,
  },
  value: {
    decode(value) {
      if (text.decode(value).includes("!")) throw new Error("an exclamation")
      return utf8.encode(text.decode(value).toUpperCase())
    },
    encode: (value) => utf8.encode(text.decode(value).toLowerCase()),
  },
}

describe("codedSource()", () => {
  let clock: ManualClock
  let memory: MemorySource
  let hub: Hub

  beforeEach(async () => {
    clock = new ManualClock()
    memory = memorySource()
    await write(memory, put("in/a", "one"), put("out", "x"), put("in/bad", "!"), put("in/ b", "y"))
    hub = new Hub(codedSource(memory, codec), clock)
    await clock.settle()
  })
  afterEach(() => hub.stop())

  test("U45: keys and values become the topic's, other keys are not of it", async () => {
    await write(memory, put("in/c", "two"), put("out/c", "x"), del("in/a"))
    await clock.settle()

    expect(contentOfCache(hub.cache)).toEqual({ c: "TWO at 3" })
    expect(hub.cache.position?.revision).toBe(3)
  })

  test("ES-B25, WS-B5, U44: what cannot be read is absent, and reported", async () => {
    expect(contentOfCache(hub.cache)).toEqual({ a: "ONE at 2" })
    expect(hub.cache.report.invalid).toBe(2)
    await write(memory, del("in/ b"))
    await clock.settle()
    expect(hub.cache.report.invalid).toBe(1)
    await write(memory, put("in/ b", "z"))
    await clock.settle()
    expect(hub.cache.invalidSample).toEqual([
      { key: "bad", reason: "an exclamation" },
      { key: "in/ b", reason: "a blank in the key" },
    ])
  })

  test("WS-E10: a poison entry ends no watch and moves the position on", async () => {
    await write(memory, put("in/a", "poison!"))
    await write(memory, put("in/c", "after"))
    await clock.settle()

    expect(contentOfCache(hub.cache)).toEqual({ c: "AFTER at 4" })
    expect(hub.cache.position?.revision).toBe(4)
    expect(hub.statuses).toEqual(["resyncing", "in-sync"])
    await write(memory, put("in/a", "well"))
    await clock.settle()
    expect(contentOfCache(hub.cache)).toEqual({ a: "WELL at 5", c: "AFTER at 4" })
  })

  test("WS-E9: readable changes of a commit are yielded, unreadable ones reported", async () => {
    await write(memory, put("in/c", "two"), put("in/d", "!"))
    await clock.settle()

    expect(contentOfCache(hub.cache)).toEqual({ a: "ONE at 2", c: "TWO at 3" })
    expect(hub.cache.report.invalid).toBe(3)
  })

  test("writes go the other way", async () => {
    const coded = codedSource(memory, codec)
    const request = { conditions: [{ key: "a", revision: 2 }], changes: [put("a", "NEW")] }
    const { signal } = new AbortController()

    expect(await coded.write!(request, signal)).toEqual({ written: true, revision: 3 })
    expect(await coded.write!(request, signal)).toEqual({
      written: false,
      failed: [{ key: "a", revision: 3 }],
    })
    await clock.settle()
    expect(contentOfCache(hub.cache)).toEqual({ a: "NEW at 3" })
  })

  test("directories that are deleted are those of the topic", async () => {
    const source = memorySource()
    source.watch = async function* () {
      yield { type: "commits", commits: [{ revision: 2, directories: ["in/x", ""], changes: [] }] }
    }
    const seen = []
    for await (const event of codedSource(source, codec).watch(2, new AbortController().signal)) {
      seen.push(event)
    }

    expect(seen).toEqual([
      {
        type: "commits",
        commits: [{ revision: 2, directories: ["x", ""], changes: [] }],
      },
    ])
  })
})

sourceConformance({ describe, test, expect }, "a memory source behind a codec", async () => {
  const memory = memorySource()
  const backwards = (key: string) => [...key].reverse().join("")
  const source = codedSource(memory, { key: { decode: backwards, encode: backwards } })
  return {
    source,
    compact: async () => memory.compact(),
    openCalls: () => memory.open,
    close: async () => {},
  }
})
