import type { Source, WatchEvent } from "@headwater/core"
import { memorySource } from "@headwater/syncer/memory"
import { describe, expect, test } from "vitest"
import { ManualClock, UnreliableSource } from "../src/index.ts"

const never = new AbortController().signal
const clock = new ManualClock()
const put = (key: string) => ({ op: "put" as const, key, value: new Uint8Array(1) })
const write = (source: Source, key: string) =>
  source.write!({ conditions: [], changes: [put(key)] }, never)

function listen(source: Source) {
  const told: WatchEvent["type"][] = []
  const ended = (async () => {
    for await (const { type } of source.watch(2, never)) told.push(type)
  })()
  return { told, ended }
}

describe("UnreliableSource", () => {
  test("cut() ends every watch as lost", async () => {
    const source = new UnreliableSource(memorySource())
    const watches = [listen(source), listen(source)]
    await clock.settle()
    source.cut()
    for (const { ended } of watches) await ended

    expect(watches.map(({ told }) => told.at(-1))).toEqual(["lost", "lost"])
    expect(source.watches).toBe(0)
  })

  test("refuse() makes calls throw until it is taken back", async () => {
    const source = new UnreliableSource(memorySource())
    source.refuse(true)
    await expect(source.revision(never)).rejects.toMatchObject({ code: "ERR_SOURCE_FAILED" })
    source.refuse(false)

    expect(await source.revision(never)).toBe(1)
  })

  test("mute() holds back what watches say, and loses nothing of it", async () => {
    const source = new UnreliableSource(memorySource())
    const { told, ended } = listen(source)
    await clock.settle()
    source.mute(true)
    await write(source, "a")
    await clock.settle()
    const muted = [...told]
    source.mute(false)
    await clock.settle()
    source.cut()
    await ended

    expect(muted).toEqual(["progress"])
    expect(told).toEqual(["progress", "commits", "lost"])
  })

  test("replaceBy() shows another source, under its own name or the old one's", async () => {
    const source = new UnreliableSource(memorySource())
    const first = await source.identity(never)
    await source.replaceBy(memorySource())
    const second = await source.identity(never)
    await source.replaceBy(memorySource(), true)

    expect(second).not.toBe(first)
    expect(await source.identity(never)).toBe(second)
  })
})
