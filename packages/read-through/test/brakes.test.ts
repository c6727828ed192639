import type { FetchOptions, Position, ViewFrame } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { beforeEach, describe, expect, test } from "vitest"
import { ReadThroughCache } from "../src/index.ts"
import { entriesView, type KeyedEvent, ViewStore } from "../src/view/index.ts"
import { collect, ScriptedType, turn } from "./scripted-type.ts"

let clock: ManualClock
let cache: ReadThroughCache

beforeEach(() => {
  clock = new ManualClock()
  cache = new ReadThroughCache({ clock, random: () => 0.5 })
})

/** Counts what a source is asked, up to a number that only a loop without a pause reaches. */
function counted() {
  const seen = { asked: 0 }
  return {
    seen,
    count() {
      seen.asked += 1
      if (seen.asked > 5_000) throw new Error("asked without a pause")
    },
  }
}

describe("a view", () => {
  type Feed = (from: Position | undefined) => Iterable<ViewFrame<KeyedEvent<string>>>
  let store: ViewStore

  /** A view of a feed whose frames are there at once. */
  const open = (feed: Feed) => {
    store = new ViewStore({ clock, random: () => 0.5 })
    store.register<KeyedEvent<string>, readonly string[]>("type", {
      async *subscribe(_request, from) {
        yield* feed(from)
      },
      makeView: () => entriesView(),
    })
    return store.get<readonly string[]>("type", { key: "k" })
  }

  test("of a feed that syncs and ends subscribes ever more rarely", async () => {
    const { seen, count } = counted()
    const got = open(function* () {
      count()
      yield { type: "sync", revision: 1 }
    })
    expect((await got).value).toEqual([])
    await clock.advance(600_000)

    expect(seen.asked).toBeLessThan(20)
    await store.close()
  })

  test("of a feed that never waits leaves other tasks their turn", async () => {
    let frames = 0
    let isOver = false
    const got = open(function* () {
      yield { type: "sync", revision: 1 }
      for (let revision = 2; !isOver && revision < 1_000_000; revision += 1) {
        frames += 1
        yield { type: "events", revision, events: [] }
      }
    })
    await got
    isOver = true
    await turn()

    expect(frames).toBeLessThan(10_000)
    await store.close()
  })

  test("whose result cannot be made is made anew, ever more rarely", async () => {
    const { seen, count } = counted()
    store = new ViewStore({ clock, random: () => 0.5 })
    store.register("type", {
      async *subscribe(_request, _from, signal) {
        count()
        yield { type: "sync", revision: 1 } as const
        await clock.sleep(Number.POSITIVE_INFINITY, signal)
      },
      makeView: () => ({
        update() {},
        result() {
          throw new Error("no result")
        },
      }),
    })
    const got = store.get("type", { key: "k" }).catch((error: Error) => error.message)
    await clock.advance(600_000)

    expect(await got).toContain("no result")
    expect([seen.asked > 1, seen.asked < 20]).toEqual([true, true])
    await store.close()
  })
})

describe("an upstream that answers within the turn", () => {
  test.each([true, false])("leaves others their turn, refresh: %s", async (refresh) => {
    const { seen, count } = counted()
    cache.register("type", {
      blocking: true,
      refresh,
      async fetch() {
        count()
        return { value: "v", revision: seen.asked }
      },
    })
    const stop = new AbortController()
    const heard = collect(cache.notify("type", { key: "k" }, { signal: stop.signal }))
    await turn()
    stop.abort(new Error("enough"))
    await clock.settle()

    expect([heard.error, seen.asked < 100]).toEqual([new Error("enough"), true])
    await cache.close()
  })

  test("is asked without a key, and leaves others their turn", async () => {
    const { seen, count } = counted()
    cache.register("type", {
      blocking: true,
      async fetch() {
        count()
        return { value: "v", revision: seen.asked }
      },
    })
    const stop = new AbortController()
    const heard = collect(cache.notify("type", { key: "" }, { signal: stop.signal }))
    await turn()
    stop.abort(new Error("enough"))
    await clock.settle()

    expect([heard.error, seen.asked < 100]).toEqual([new Error("enough"), true])
  })

  test("is asked for a far revision, and leaves others their turn", async () => {
    const { seen, count } = counted()
    cache.register("type", {
      blocking: true,
      async fetch() {
        count()
        return { value: "v", revision: seen.asked }
      },
    })
    const stop = new AbortController()
    const since = { epoch: "", revision: 1e9 }
    const got = cache.get("type", { key: "k", since }, stop.signal).catch((error: Error) => error)
    await turn()
    stop.abort(new Error("enough"))

    expect([await got, seen.asked < 100]).toEqual([new Error("enough"), true])
  })

  test.each([
    ["without a key", { key: "" }],
    ["with one", { key: "k" }],
  ])("and fails every other time is asked ever more rarely, %s", async (_how, request) => {
    const { seen, count } = counted()
    cache.register("type", {
      blocking: true,
      async fetch() {
        count()
        if (seen.asked % 2 === 0) throw new Error("down")
        return { value: "v", revision: seen.asked }
      },
    })
    const stop = new AbortController()
    const heard = collect(cache.notify("type", request, { signal: stop.signal }))
    await clock.advance(600_000)
    stop.abort(new Error("enough"))
    await clock.settle()

    expect([heard.error, seen.asked < 60]).toEqual([new Error("enough"), true])
  })
})

describe("refreshMs of a type that does not block", () => {
  test.each([
    [200, 51],
    [900, 12],
    [3_000, 4],
    [0, 11],
  ])("%d ms makes %d reads in 10 s", async (refreshMs, reads) => {
    const { seen, count } = counted()
    cache.register("type", {
      refresh: true,
      refreshMs,
      async fetch(_options: FetchOptions<string>) {
        count()
        return { value: "v", revision: seen.asked }
      },
    })
    await cache.get("type", { key: "k" })
    await clock.advance(10_000)

    expect(seen.asked).toBe(reads)
    await cache.close()
  })
})

describe("an entry that is refreshed and not used", () => {
  test("is read for 20 minutes, not for 72 hours", async () => {
    const upstream = new ScriptedType({ blocking: true, refresh: true })
    cache.register("type", upstream.type)
    const got = cache.get("type", { key: "k" })
    await upstream.last.answer({ value: "v", revision: 1 })
    await got
    await clock.advance(0)
    expect(upstream.last.signal.aborted).toBe(false)
    await clock.advance(1_200_000)

    expect([cache.size, upstream.last.signal.aborted, clock.timers]).toEqual([0, true, 0])
  })
})
