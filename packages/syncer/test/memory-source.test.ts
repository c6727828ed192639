import { sourceConformance } from "@headwater/testing/conformance"
import { describe, expect, test } from "vitest"
import { memorySource } from "../src/sources/memory/index.ts"

const never = new AbortController().signal
const utf8 = (text: string) => new TextEncoder().encode(text)
const put = (key: string, value: string) => ({ op: "put" as const, key, value: utf8(value) })

sourceConformance({ describe, test, expect }, "MemorySource", async () => {
  const source = memorySource()
  return {
    source,
    compact: async () => source.compact(),
    openCalls: () => source.open,
    close: async () => {},
  }
})

describe("MemorySource", () => {
  test("begins at revision 1 with what it was given", async () => {
    const source = memorySource({ entries: [["a", utf8("1")]] })
    const pages = []
    for await (const page of source.list({}, never)) pages.push(page)

    expect(pages).toEqual([
      { revision: 1, entries: [{ key: "a", value: utf8("1"), revision: 1 }], invalid: [] },
    ])
  })

  test("forgets old commits: a watch from before them is lost", async () => {
    const source = memorySource({ history: 10 })
    for (let turn = 0; turn < 30; turn++) {
      await source.write({ conditions: [], changes: [put("a", `${turn}`)] }, never)
    }
    const told = []
    for await (const event of source.watch(2, never)) told.push(event)

    expect(told).toEqual([{ type: "lost", reason: "compacted" }])
  })

  test("forgets old commits by their bytes, and keeps the newest whatever it weighs", async () => {
    const source = memorySource({ historyBytesMax: 10_000 })
    for (let turn = 0; turn < 30; turn++) {
      await source.write({ conditions: [], changes: [put(`${turn}`, "x".repeat(1_000))] }, never)
    }
    const told = []
    for await (const event of source.watch(2, never)) told.push(event)
    await source.write({ conditions: [], changes: [put("large", "x".repeat(20_000))] }, never)
    const newest = await source.watch(32, never).next()

    expect(told).toEqual([{ type: "lost", reason: "compacted" }])
    expect(newest.value?.type).toBe("commits")
  })

  test("a watch that is read too slowly is lost, and skips no commit", async () => {
    const source = memorySource({ history: 10 })
    const watch = source.watch(2, never)
    await source.write({ conditions: [], changes: [put("a", "first")] }, never)
    const first = await watch.next()
    for (let turn = 0; turn < 30; turn++) {
      await source.write({ conditions: [], changes: [put("a", `${turn}`)] }, never)
    }

    expect(first.value).toEqual({
      type: "commits",
      commits: [{ revision: 2, changes: [put("a", "first")] }],
    })
    expect((await watch.next()).value).toEqual({ type: "lost", reason: "compacted" })
    expect((await watch.next()).done).toBe(true)
  })

  test("two of them are two sources", async () => {
    const identities = [memorySource(), memorySource()].map((source) => source.identity(never))

    expect(new Set(await Promise.all(identities)).size).toBe(2)
  })

  test("write() refuses keys that no entry may have", async () => {
    const source = memorySource()
    for (const key of ["", "x".repeat(4_097), "a\ud800"]) {
      const refused = source.write({ conditions: [], changes: [put(key, "1")] }, never)
      await expect(refused).rejects.toThrow("a key")
    }
    expect(await source.revision(never)).toBe(1)
  })
})
