import { integerBelow, pick, prng, seedFrom } from "@headwater/testing"
import { afterEach, describe, expect, test } from "vitest"
import { json, LocalHub } from "../support/local-hub.ts"
import { ModelReplica } from "../support/model-replica.ts"
import type { StreamReader } from "../support/stream-reader.ts"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

const entriesOf = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, n) => [`k/${n}`, json("x".repeat(bytes))] as const)

describe("encode once", () => {
  test("100 readers cost what one costs: snapshot, and every change", async () => {
    local = new LocalHub({ entries: entriesOf(1_000, 200) })
    await local.settle()
    const { frames } = local.topic.fanOut
    const first = await (await local.stream()).caughtUp()
    const snapshotFrames = first.heard.filter((name) => name === "snapshot").length
    expect([snapshotFrames, frames.encoded]).toEqual([4, 4])

    const readers = await Promise.all(Array.from({ length: 99 }, () => local.stream()))
    await Promise.all(readers.map((reader) => reader.caughtUp()))
    expect(frames.encoded).toBe(4)

    readers.push(first)
    for (let n = 0; n < 5; n++) {
      const deltas = Promise.all(readers.map((reader) => reader.until("delta")))
      await local.write({ a: n })
      await deltas
    }
    expect(frames.encoded).toBe(9)
  })

  test("1,000 readers of two views: one encoding for each breadcrumb and view", async () => {
    local = new LocalHub({ entries: entriesOf(50, 20) })
    await local.settle()
    const { frames } = local.topic.fanOut
    const readers: StreamReader[] = []
    for (let n = 0; n < 1_000; n++) {
      readers.push(await local.stream(n % 2 === 0 ? "" : "prefix=k/1"))
    }
    await Promise.all(readers.map((reader) => reader.caughtUp()))
    expect(frames.encoded).toBe(2)

    for (let n = 1; n <= 3; n++) {
      const deltas = Promise.all(readers.map((reader) => reader.until("delta")))
      await local.write({ "k/1": n })
      await deltas
      expect(frames.encoded).toBe(2 + 2 * n)
    }
    expect(readers.every(({ replica }) => replica.entries["k/1"] === 3)).toBe(true)
  })

  test("readers that join within 10 s share one snapshot, though the topic changes", async () => {
    local = new LocalHub({ entries: entriesOf(1_000, 200) })
    await (await local.stream("prefix=k/")).caughtUp()
    const { encoded } = local.topic.fanOut.frames
    for (let n = 0; n < 3; n++) {
      await local.write({ [`k/${n}`]: n })
      const reader = await (await local.stream("prefix=k/")).caughtUp()
      await reader.until("delta")
      expect(reader.replica.entries["k/0"]).toBe(0)
    }

    // One delta for each of the three, which have come to different versions.
    expect(local.topic.fanOut.frames.encoded).toBe(encoded + 3)
    await local.clock.advance(20_000)
    const later = await (await local.stream("prefix=k/")).caughtUp()
    expect(later.replica.entries["k/0"]).toBe(0)
    expect(local.topic.fanOut.frames.encoded).toBe(encoded + 7)
  })

  test("frames are kept for 10 s, and within their bound", async () => {
    local = new LocalHub({
      entries: entriesOf(1_000, 200),
      limits: { frameCacheBytesMax: 100_000 },
    })
    const reader = await (await local.stream()).caughtUp()
    const { frames } = local.topic.fanOut
    expect(frames.bytes).toBeLessThan(100_000)
    expect(frames.bytes).toBeGreaterThan(0)
    await reader.close()
    await local.clock.advance(15_000)
    expect(frames.bytes).toBe(0)
  })
})

describe("a reader who does not read", () => {
  test("costs nothing, and gets what changed meanwhile in one delta", async () => {
    local = new LocalHub({ entries: entriesOf(10, 10) })
    const slow = await (await local.stream()).caughtUp()
    const fast = await (await local.stream()).caughtUp()
    const heard = slow.heard.length
    for (let n = 1; n <= 2_000; n++) {
      const delta = fast.until("delta")
      await local.write({ [`k/${n % 10}`]: n })
      await delta
    }
    await local.clock.advance(12_000)
    expect(local.topic.fanOut.leases.size).toBe(0)
    await fast.reached(2_001)
    await slow.reached(2_001)

    expect(slow.heard.slice(heard)).toEqual(["delta"])
    expect(slow.replica.entries).toEqual(fast.replica.entries)
  })

  test("holds a lease for a second when it stalls in a snapshot, and ends up right", async () => {
    local = new LocalHub({ entries: entriesOf(2_000, 200) })
    const slow = await local.stream()
    await slow.until("snapshot")
    const { leases, cache } = local.topic.fanOut
    expect(leases.size).toBeGreaterThan(0)
    await local.clock.advance(15_000)
    expect(leases.size).toBe(0)

    const changes: Record<string, unknown> = {}
    for (let n = 0; n < 2_000; n += 20) changes[`k/${n}`] = n % 40 === 0 ? undefined : n
    await local.write(changes)
    await slow.caughtUp()

    expect(slow.heard).toContain("delta")
    expect(Object.keys(slow.replica.entries).length).toBe(cache.current!.snapshot.size)
  })
})

describe("a crowd that joins at once", () => {
  test("walks a few at a time, and a reader with little to catch up does not wait", async () => {
    local = new LocalHub({ entries: entriesOf(2_000, 200), limits: { walkersMax: 2 } })
    await local.settle()
    const { walkLimiter } = local.hub
    const { frames } = local.topic.fanOut
    const readers = await Promise.all(Array.from({ length: 6 }, () => local.stream()))
    await Promise.all(readers.map((reader) => reader.until("hello")))
    const [first, second, ...others] = readers
    const asked = readers.map((reader) => reader.until("snapshot"))
    await local.settle()
    expect([walkLimiter.walking, walkLimiter.waiting, first?.heard.at(-1)]).toEqual([
      2,
      4,
      "snapshot",
    ])
    expect(others.map(({ heard }) => heard.at(-1))).toEqual(Array(4).fill("hello"))

    await (await local.stream("key=k/7")).caughtUp()
    await first?.caughtUp()
    await asked[2]
    await second?.caughtUp()
    const { encoded } = frames
    await Promise.all(others.map((reader) => reader.caughtUp()))

    expect(frames.encoded).toBe(encoded)
    expect([walkLimiter.walking, walkLimiter.waiting]).toEqual([0, 0])
  })

  test("does not wait for stalled readers, and sends them the changes since", async () => {
    local = new LocalHub({ entries: entriesOf(2_000, 200), limits: { walkersMax: 1 } })
    const stalled = await local.stream()
    await stalled.until("snapshot")
    const next = await local.stream()
    await next.until("hello")
    const caughtUp = next.caughtUp()
    const revision = await local.write({ "k/1": "changed", "k/2": undefined })
    expect(next.heard).not.toContain("snapshot")
    await local.clock.advance(4_000)
    await caughtUp
    await Promise.all([next, stalled].map((reader) => reader.reached(revision)))

    expect(next.replica.entries["k/1"]).toEqual("changed")
    expect(stalled.replica.entries).toEqual(next.replica.entries)
  })

  test("may leave, or be said goodbye to, while it waits", async () => {
    local = new LocalHub({ entries: entriesOf(2_000, 200), limits: { walkersMax: 1 } })
    const stalled = await local.stream()
    await stalled.until("snapshot")
    const [leaving, waiting] = await Promise.all([local.stream(), local.stream()])
    await Promise.all([leaving.until("hello"), waiting.until("hello")])
    const rest = waiting.rest()
    void leaving.next().catch(() => {})
    await local.settle()
    expect(local.hub.walkLimiter.waiting).toBe(2)

    await leaving.close()
    await local.settle()
    expect(local.hub.walkLimiter.waiting).toBe(1)
    const closing = local.hub.streams.end("shutdown", 1_000, new AbortController().signal)
    expect((await rest).at(-1)).toMatchObject({ type: "goodbye", reason: "shutdown" })
    await local.clock.advance(1_000)
    await closing
    await local.settle()
    expect([local.hub.walkLimiter.walking, local.hub.walkLimiter.waiting]).toEqual([0, 0])
  })
})

describe("no turn of the event loop is long", () => {
  test("though many readers walk at once: each turn does a few slices", async () => {
    local = new LocalHub({ entries: entriesOf(3_000, 20), limits: { turnMs: 0, visitsMax: 100 } })
    const readers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => local.stream(`prefix=k/${n}`)),
    )
    await Promise.all(readers.map((reader) => reader.caughtUp()))

    for (const [n, { replica }] of readers.entries()) {
      expect(Object.keys(replica.entries).every((key) => key.startsWith(`k/${n}`))).toBe(true)
    }
  })
})

describe("readers at random", () => {
  const seeds = process.env.HEADWATER_SEED ? [undefined] : [1, 2, 3, 4, 5, 6]
  test.each(seeds)(
    "hold what the hub holds at every sync, and whole commits at every id (%s)",
    async (fixed) => {
      const seed = fixed ?? seedFrom(process.env.HEADWATER_SEED)
      const random = prng(seed)
      local = new LocalHub({
        entries: [...entriesOf(60, 20), ["pair/a", json(0)], ["pair/b", json(0)]],
        limits: { frameBytesMax: 900, visitsMax: 40, leaseMs: 500, turnMs: 0 },
        topic: { cache: { historyMs: 40_000 } },
      })
      await local.settle()
      const state = () => {
        const { snapshot } = local.topic.cache.current!
        const entries = [...snapshot.entries()].map(({ key, value }): [string, unknown] => [
          key,
          JSON.parse(new TextDecoder().decode(value)),
        ])
        return new Map(entries)
      }
      const queries = ["", "prefix=k/1", "prefix=pair/", "prefix=k/&key=pair/a", "key=k/5"]
      const readers = Array.from({ length: 12 }, (_, n) => ({
        query: queries[n % queries.length]!,
        replica: watchPairs(new ModelReplica()),
        stream: undefined as StreamReader | undefined,
        lastId: undefined as string | undefined,
      }))

      for (let step = 0; step < 250; step++) {
        const reader = pick(random, readers)
        const dice = random()
        if (dice < 0.35) await writeAtRandom(local, random, step)
        else if (dice < 0.45) await local.clock.advance(integerBelow(random, 3_000))
        else if (dice < 0.5) {
          reader.lastId = reader.stream?.lastId ?? reader.lastId
          await reader.stream?.close()
          reader.stream = undefined
        } else if (reader.stream === undefined) {
          const headers = reader.lastId ? { "last-event-id": reader.lastId } : {}
          reader.stream = await local.stream(reader.query, headers, reader.replica)
        } else {
          const read = reader.stream.read()
          read.catch(() => {})
          await local.settle()
        }
        local.assertInvariants()
      }
      const revision = await local.write({ end: 1 })
      await local.clock.advance(9_000)
      for (const reader of readers) {
        const headers: Record<string, string> = reader.lastId
          ? { "last-event-id": reader.lastId }
          : {}
        reader.stream ??= await local.stream(reader.query, headers, reader.replica)
        const reached = reader.stream.reached(revision)
        await local.settle()
        await local.clock.advance(9_000)
        await reached
        const params = new URLSearchParams(reader.query)
        const [prefixes, keys] = [params.getAll("prefix"), params.getAll("key")]
        const passes = (key: string) =>
          reader.query === "" || prefixes.some((p) => key.startsWith(p)) || keys.includes(key)
        const expected = [...state()].filter(([key]) => passes(key))
        expect(reader.replica.entries, `seed ${seed}`).toEqual(Object.fromEntries(expected))
        expect(reader.replica.proven).toBeGreaterThan(0)
      }
    },
  )
})

/** Fails when the two keys that are always written together differ at an id. */
function watchPairs(replica: ModelReplica): ModelReplica {
  replica.onId = (entries) => {
    if ("pair/a" in entries && "pair/b" in entries)
      expect(entries["pair/a"]).toBe(entries["pair/b"])
  }
  return replica
}

async function writeAtRandom(local: LocalHub, random: () => number, step: number): Promise<void> {
  const changes: Record<string, unknown> = { "pair/a": step, "pair/b": step }
  const count = integerBelow(random, 25)
  for (let n = 0; n < count; n++) {
    const key = `k/${integerBelow(random, 80)}`
    changes[key] = random() < 0.3 ? undefined : `${step} ${"y".repeat(integerBelow(random, 60))}`
  }
  await local.write(changes)
}
