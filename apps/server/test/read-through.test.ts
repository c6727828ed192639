import {
  entryType,
  type HubEntry,
  listType,
  liveEntryType,
  liveListType,
} from "@headwater/client/read-through"
import type { CacheRequest, CacheType } from "@headwater/core"
import { type CacheEvent, ReadThroughCache } from "@headwater/read-through"
import { type MemorySource, memorySource } from "@headwater/syncer/memory"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { json } from "./support/local-hub.ts"
import { type ServedHub, serveHub } from "./support/served-hub.ts"

let source: MemorySource
let served: ServedHub
let cache: ReadThroughCache
/** The `fetch` of the types, which reaches the present hub. */
const fetchNow: typeof fetch = (input, init) => {
  const { pathname, search } = new URL(String(input))
  return fetch(new URL(pathname + search, served.url), init)
}

beforeEach(async () => {
  cache = new ReadThroughCache()
  await serve()
})

// A stream, or a waiting GET, that is left open keeps the hub from closing in time.
afterEach(async () => {
  await cache.close()
  for (let look = 0; look < 200 && followers() > 0; look += 1) await soon()
  expect(followers()).toBe(0)
  await served.close()
})

async function serve(changes: Record<string, unknown> = {}): Promise<void> {
  source = memorySource()
  if (Object.keys(changes).length > 0) await commit(changes)
  served = await serveHub({ topics: [{ name: "t", source }] })
}

const followers = () => served.hub.topic("t").fanOut.followers
const soon = () => new Promise((resolve) => setTimeout(resolve, 10))

/** Writes, and waits until the hub has it, too. */
async function write(changes: Record<string, unknown>): Promise<void> {
  const revision = await commit(changes)
  const { cache: mirror } = served.hub.topic("t")
  while (mirror.position!.revision < revision) await mirror.changes.wait()
}

async function commit(changes: Record<string, unknown>): Promise<number> {
  const outcome = await source.write(
    {
      conditions: [],
      changes: Object.entries(changes).map(([key, value]) =>
        value === undefined ? { op: "delete", key } : { op: "put", key, value: json(value) },
      ),
    },
    new AbortController().signal,
  )
  if (!outcome.written) throw new Error("it was not written")
  return outcome.revision
}

const options = { url: "http://hub.invalid", topic: "t", fetch: fetchNow, waitMs: 300 }
const { waitMs: _, ...hub } = options
const live = { ...hub, random: () => 0 }

type Shown = HubEntry | null | readonly HubEntry[]
type AnyType = CacheType<Shown, CacheRequest>

const plainly = (shown: Shown | undefined) => {
  if (shown === undefined || shown === null) return shown
  return "key" in shown ? shown.value : shown.map(({ key, value }) => [key, value])
}

describe.each<[string, string, () => AnyType, (value: unknown) => unknown]>([
  ["entryType", "a", () => entryType(options) as AnyType, (value) => value ?? null],
  ["liveEntryType", "a", () => liveEntryType(live) as AnyType, (value) => value ?? null],
  ["listType", "a*", () => listType(options) as AnyType, (value) => (value ? [["a", value]] : [])],
  [
    "liveListType",
    "a*",
    () => liveListType(live) as AnyType,
    (value) => (value ? [["a", value]] : []),
  ],
])("SV-B17: %s over a real hub", (name, key, makeType, shownAs) => {
  const request: CacheRequest = { key }

  beforeEach(() => {
    cache.register(name, makeType())
  })

  test("reads an entry, and an absent one", async () => {
    await write({ b: 1 })
    const nothing = await cache.get<Shown>(name, request)
    await write({ a: { deep: ["é", 1] } })
    const since = nothing.meta.position!
    const something = await cache.get<Shown>(name, { ...request, since })

    expect(plainly(nothing.value)).toEqual(shownAs(undefined))
    expect(plainly(something.value)).toEqual(shownAs({ deep: ["é", 1] }))
    expect(something.meta.position!.epoch).toBe(since.epoch)
    expect(something.meta.position!.revision).toBeGreaterThan(since.revision)
  })

  test("reports every change once, and none of other entries", async () => {
    await write({ a: 1 })
    const heard: unknown[] = []
    let wake = () => {}
    const stop = cache.notifyCallback<Shown, CacheRequest>(name, request, (event) => {
      heard.push(event.type === "value" ? plainly(event.value) : event)
      wake()
    })
    const until = async (count: number) => {
      while (heard.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    await until(1)
    await write({ other: 1 })
    await write({ a: 2 })
    await until(2)
    await write({ a: undefined })
    await until(3)
    // Longer than a GET waits: its answers without a change reach no callback.
    for (let look = 0; look < 40; look += 1) await soon()
    await write({ a: 4 })
    await until(4)
    stop()

    expect(heard).toEqual([shownAs(1), shownAs(2), shownAs(undefined), shownAs(4)])
  })

  test("a hundred readers and followers cost one read, or one stream, at a time", async () => {
    await write({ a: 1 })
    const all = Array.from({ length: 100 }, () => cache.get<Shown>(name, request))
    expect(new Set((await Promise.all(all)).map(({ value }) => value)).size).toBe(1)
    const stops = Array.from({ length: 100 }, () =>
      cache.notifyCallback<Shown, CacheRequest>(name, request, () => {}),
    )
    await soon()
    const isLive = name.startsWith("live")
    expect(followers()).toBe(isLive ? 1 : 0)
    expect(served.hub.streams.size).toBeLessThanOrEqual(1)
    for (const stop of stops) stop()
    await cache.evict({})
  })

  test("a lost hub is a change of state, and a new epoch a reset", async () => {
    await write({ a: 1 })
    const heard: CacheEvent<Shown>[] = []
    const stopping = new AbortController()
    const events = cache.notify<Shown, CacheRequest>(name, request, { signal: stopping.signal })
    const old = served
    for await (const event of events) {
      heard.push(event)
      if (heard.length === 1) {
        await old.close()
      } else if (event.type === "state" && event.state === "failing") {
        await serve({ b: 0, a: 7 })
      } else if (event.type === "value") break
    }

    expect(heard.map((event) => ("state" in event ? event.state : event.type))).toEqual([
      "value",
      "failing",
      "value",
    ])
    const last = heard.at(-1)
    expect(last).toMatchObject({ type: "value", isReset: true })
    expect(last?.type === "value" && plainly(last.value)).toEqual(shownAs(7))
  })
})

describe("types over a real hub", () => {
  test("report a refusal of the hub, and that a list needs its star", async () => {
    const elsewhere = cache.register("elsewhere", entryType({ ...options, topic: "none" }))
    const list = cache.register("list", listType(options))

    await expect(cache.get(elsewhere, { key: "a" })).rejects.toMatchObject({
      code: "ERR_TOPIC_UNKNOWN",
      recovery: "stop",
    })
    await expect(cache.get(list, { key: "a" })).rejects.toMatchObject({
      code: "ERR_REQUEST_INVALID",
    })
  })

  test("get a fresh token once, when the hub refuses the present one", async () => {
    const used: (string | null)[] = []
    const guarded: typeof fetch = async (input, init) => {
      const token = new Headers(init?.headers).get("authorization")
      used.push(token)
      return token === "Bearer new" ? fetchNow(input, init) : new Response("", { status: 401 })
    }
    const token = (expired: string | undefined) => (expired === undefined ? "old" : "new")
    const type = entryType({ ...options, fetch: guarded, token })
    cache.register("guarded", { ...type, refresh: false })
    await write({ a: 1 })

    expect((await cache.get<HubEntry>("guarded", { key: "a" })).value?.value).toBe(1)
    await expect(cache.get("guarded", { key: "a", token: "mine" })).rejects.toMatchObject({
      code: "ERR_UNAUTHENTICATED",
    })
    expect(used).toEqual(["Bearer old", "Bearer new", "Bearer mine"])
  })
})
