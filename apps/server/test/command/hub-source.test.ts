import { type HubSourceOptions, hubSource } from "@headwater/client/source"
import type { Source, WatchEvent } from "@headwater/core"
import { memorySource } from "@headwater/syncer/memory"
import { sourceConformance } from "@headwater/testing/conformance"
import { describe, expect, test } from "vitest"
import { createApp } from "../../src/http/app.ts"
import { createHub, type Hub } from "../../src/hub.ts"
import type { TopicOptions } from "../../src/topic.ts"

// A hub behind a hub, both in this process: what the one below tells is what the one above holds,
// under its epoch, at its revisions, with its digest.

const never = new AbortController().signal
const utf8 = (text: string) => new TextEncoder().encode(text)

/** A hub with one topic `t`, and what fetches from it. */
function hubOf(source: Source, topic: Partial<TopicOptions> = {}): { hub: Hub; get: typeof fetch } {
  const hub = createHub({ topics: [{ name: "t", source, ...topic }], log: () => {} })
  const app = createApp(hub, { anonymous: "write" })
  const get = async (url: string | URL | Request, init?: RequestInit) => {
    init?.signal?.throwIfAborted()
    return app.fetch(new Request(url, init))
  }
  return { hub, get }
}

function behind(get: typeof fetch, options: Partial<HubSourceOptions> = {}): Source {
  return hubSource({ url: "http://127.0.0.1:8080", topic: "t", fetch: get, ...options })
}

sourceConformance(
  { describe, test, expect },
  "HubSource",
  async () => {
    const memory = memorySource()
    const { hub, get } = hubOf(memory, { values: "binary" })
    const source = behind(get, { values: "binary", write: true })
    await eventually(() => source.identity(never))
    return {
      source,
      compact: async () => memory.compact(),
      openCalls: () => hub.topic("t").fanOut.followers,
      close: () => hub.close(0),
    }
  },
  ["past", "commits", "progress"],
)

async function eventually<Result>(ask: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + 120_000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  await eventually(async () => {
    if (!holds()) throw new Error(`it does not come about: ${holds}`)
  })
}

describe("a hub behind a hub", () => {
  test("shows the same epoch, revisions and digest, and json as it was put", async () => {
    const memory = memorySource()
    const above = hubOf(memory)
    const below = hubOf(behind(above.get))
    const texts = [
      "12345678901234567890",
      '{"a":1,"a":[2,"}\\\\\\"]"]}',
      '"é\\u00e9"',
      "[ ]",
      "1.0",
    ]
    for (const [at, text] of texts.entries()) {
      const changes = [{ op: "put", key: `k"${at}`, value: utf8(text) } as const]
      await memory.write({ conditions: [], changes }, never)
    }
    const up = above.hub.topic("t").cache
    const down = below.hub.topic("t").cache
    await until(() => down.position !== undefined && down.position.revision === 6)
    const changes = [
      { op: "delete", key: `k"0` },
      { op: "put", key: `k"1`, value: utf8(texts[1]!) },
      { op: "put", key: `k"2`, value: utf8('"\\\\"') },
    ] as const
    await memory.write({ conditions: [], changes }, never)
    await until(() => down.position!.revision === 7)

    expect(down.position).toEqual(up.position)
    expect(down.current!.snapshot.digest).toBe(up.current!.snapshot.digest)
    expect([...down.current!.snapshot.entries()].sort(byKey)).toEqual(
      [...up.current!.snapshot.entries()].sort(byKey),
    )
    await below.hub.close(0)
    await above.hub.close(0)
  })

  test("sends a value, not a touch, to a reader that may hold another one", async () => {
    const merged: WatchEvent[] = [
      {
        type: "commits",
        commits: [
          {
            revision: 4,
            changes: [],
            deltas: [{ op: "put", key: "a", value: utf8("1"), revision: 4 }],
          },
        ],
      },
    ]
    const source: Source = {
      name: "scripted",
      namesEpochs: true,
      identity: async () => "e",
      revision: async () => 2,
      async *list() {
        const entries = [{ key: "a", value: utf8("1"), revision: 2 }]
        yield { revision: 2, entries, invalid: [] }
      },
      async *watch(_, signal) {
        yield* merged
        await new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        )
      },
      close: async () => {},
    }
    const { hub } = hubOf(source)
    const { cache } = hub.topic("t")
    await until(() => cache.position?.revision === 4)
    const located = cache.locate({ epoch: "e", revision: 3 })

    expect(located.type).toBe("resume")
    const since = located.type === "resume" ? located.version : 0
    expect([...cache.current!.snapshot.changesSince(since)]).toEqual([
      { op: "put", key: "a", value: utf8("1"), revision: 4 },
    ])
    await hub.close(0)
  })

  test("begins anew with the epoch above it, and refuses another kind of values", async () => {
    const one = hubOf(memorySource({ entries: [["a", utf8("1")]] }))
    const other = hubOf(memorySource({ entries: [["b", utf8("2")]] }))
    let above = one
    const below = hubOf(behind((url, init) => above.get(url, init)))
    const down = below.hub.topic("t").cache
    await until(() => down.get("a") !== undefined)
    above = other
    await one.hub.close(0)
    await until(() => down.get("b") !== undefined)

    expect(down.position).toEqual(other.hub.topic("t").cache.position)
    expect(down.get("a")).toBeUndefined()
    await expect(behind(other.get, { values: "text" }).identity(never)).rejects.toThrow(
      "has json values, not text",
    )
    await below.hub.close(0)
    await other.hub.close(0)
  })
})

function byKey(one: { key: string }, other: { key: string }): number {
  return one.key < other.key ? -1 : 1
}
