import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Source, systemClock } from "@headwater/core"
import { memorySource } from "@headwater/syncer/memory"
import { sqliteSource } from "@headwater/syncer/sqlite"
import { afterEach, describe, expect, test } from "vitest"
import { createApp } from "../../src/http/app.ts"
import { createHub, type Hub } from "../../src/hub.ts"
import { json } from "../support/local-hub.ts"
import { StreamReader } from "../support/stream-reader.ts"

const READERS = 200
const COMMITS = 60

const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  while (closers.length > 0) await closers.pop()!()
})

async function sqlite(): Promise<Source> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-"))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  return sqliteSource({ path: join(folder, "t.db"), clock: systemClock })
}

/** Hundreds of filters over one topic, in turns that are spent after the first piece of work. */
async function open(source: Source): Promise<{ hub: Hub; log: string[]; readers: StreamReader[] }> {
  const log: string[] = []
  const hub = createHub({
    topics: [{ name: "t", source }],
    limits: { turnMs: 0 },
    log: (line, fields) => log.push(`${line} ${JSON.stringify(fields)}`),
  })
  closers.push(() => hub.close(0))
  const app = createApp(hub, { anonymous: "read" })
  const readers: StreamReader[] = []
  for (let n = 0; n < READERS; n++) {
    const response = await app.request(`http://127.0.0.1/v1/topics/t/stream?prefix=k/${n}/&key=all`)
    readers.push(new StreamReader(response, new AbortController()))
  }
  closers.push(() => Promise.all(readers.map((reader) => reader.close())))
  await Promise.all(readers.map((reader) => reader.caughtUp()))
  return { hub, log, readers }
}

describe.each([
  ["memory", async () => memorySource()],
  ["sqlite", sqlite],
] as const)("hundreds of filtered readers (%s)", (_name, make) => {
  test("get every commit though turns are spent and the next commit comes at once", async () => {
    const source = await make()
    const { log, readers } = await open(source)
    const { signal } = new AbortController()
    const write = async (key: string, value: unknown): Promise<number> => {
      const changes = [{ op: "put", key, value: json(value) } as const]
      const outcome = await source.write!({ conditions: [], changes }, signal)
      return outcome.written ? outcome.revision : 0
    }
    // Readers read on while commits come, and so are at rest again before the next one.
    let last = Number.POSITIVE_INFINITY
    const followed = readers.map(async (reader) => {
      while (reader.replica.entries.all !== "end") await reader.next()
      await reader.reached(last)
    })
    for (let n = 0; n < COMMITS; n++) await write(n % 3 === 0 ? "all" : `k/${n}/x`, n)
    last = await write("all", "end")
    await Promise.all(followed)

    expect(log.filter((line) => line.includes("bug"))).toEqual([])
    expect(readers.map(({ replica }) => replica.entries.all)).toEqual(Array(READERS).fill("end"))
  })
})
