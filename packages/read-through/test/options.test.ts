import { OptionError } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { beforeEach, describe, expect, test } from "vitest"
import { ReadThroughCache } from "../src/index.ts"
import { ViewStore } from "../src/view/index.ts"
import { collect, ScriptedType, turn, Watched } from "./scripted-type.ts"

let clock: ManualClock
let cache: ReadThroughCache

beforeEach(() => {
  clock = new ManualClock()
  cache = new ReadThroughCache({ clock, random: () => 0 })
})

const DAYS_30_MS = 30 * 86_400_000
const any = (value: unknown) => value as never

describe("an option that makes no sense is refused at the call", () => {
  test.each([
    [{ clocks: 1 }, "clocks"],
    [{ random: 0.5 }, "random"],
    [{ limits: { entriesMax: 0 } }, "entriesMax"],
    [{ limits: { entriesMax: Number.NaN } }, "entriesMax"],
    [{ limits: { bytesMax: -1 } }, "bytesMax"],
    [{ limits: { entries: 3 } }, "entries"],
    [{ limits: { entryRate: { perSecond: -1, burst: 1 } } }, "perSecond"],
    [{ limits: { totalRate: { perSecond: 1, bursts: 1 } } }, "bursts"],
  ])("ReadThroughCache(%j)", (options, name) => {
    const make = () => new ReadThroughCache(any(options))
    expect(make).toThrow(OptionError)
    expect(make).toThrow(name)
  })

  test.each([
    [{}, "fetch"],
    [{ fetch: "url" }, "fetch"],
    [{ fetch: async () => {}, ttlMs: -1 }, "ttlMs"],
    [{ fetch: async () => {}, refreshMs: Number.NaN }, "refreshMs"],
    [{ fetch: async () => {}, queryTimeoutMs: "10 s" }, "queryTimeoutMs"],
    [{ fetch: async () => {}, refresh: 1 }, "refresh"],
    [{ fetch: async () => {}, rateLimit: { perSecond: Number.NaN } }, "perSecond"],
  ])("register(%j)", (type, name) => {
    const register = () => cache.register("type", any(type))
    expect(register).toThrow(OptionError)
    expect(register).toThrow(name)
  })

  test.each([
    [{}, "key"],
    [{ key: 3 }, "key"],
    [{ key: "k", timeoutMs: -1 }, "timeoutMs"],
    [{ key: "k", timeoutMs: Number.NaN }, "timeoutMs"],
    [{ key: "k", maxAgeMs: "1" }, "maxAgeMs"],
    [{ key: "k", since: 7 }, "since"],
    [{ key: "k", since: { epoch: "e", revision: -1 } }, "since"],
    [{ key: "k", mustRevalidate: "yes" }, "mustRevalidate"],
  ])("get(%j), notify() and prepopulate()", async (request, name) => {
    const { type } = new ScriptedType({ blocking: true })
    cache.register("type", type)

    await expect(cache.get("type", any(request))).rejects.toThrow(name)
    expect(() => cache.notify("type", any(request))).toThrow(name)
    expect(() => cache.prepopulate("type", any(request), { revision: 1 })).toThrow(name)
  })

  test("notify(), evict() and reload()", () => {
    cache.register("type", new ScriptedType({ blocking: true }).type)
    cache.prepopulate("type", { key: "k" }, { value: "v", revision: 1 })

    expect(() => cache.notify("type", { key: "k" }, any({ signals: 1 }))).toThrow(OptionError)
    // It would drop everything.
    expect(() => cache.evict(any({ kye: "x" }))).toThrow(OptionError)
    expect(() => cache.reload(any({ rate: {} }))).toThrow(OptionError)
    expect(cache.size).toBe(1)
  })

  test("a type may be an object of a class, and have more members", async () => {
    class Counter {
      blocking = true
      count = 0
      async fetch() {
        return { value: ++this.count, revision: 1 }
      }
    }
    const type = cache.register("counter", new Counter())
    expect((await cache.get(type, { key: "k" })).value).toBe(1)
  })

  test("ViewStore", async () => {
    expect(() => new ViewStore(any({ viewsMax: 0 }))).toThrow(OptionError)
    expect(() => new ViewStore(any({ views: 3 }))).toThrow(OptionError)
    const store = new ViewStore({ clock })
    const subscribe = () => ({ async *[Symbol.asyncIterator]() {} })
    const makeView = () => ({ update() {}, result: () => 1 })
    expect(() => store.register("type", any({ subscribe }))).toThrow("makeView")
    expect(() => store.register("type", { subscribe, makeView, idleMs: -1 })).toThrow("idleMs")
    store.register("type", { subscribe, makeView })
    await expect(store.get("type", any({ key: 1 }))).rejects.toThrow(OptionError)
    expect(() => store.notify("type", any({ key: "k", timeoutMs: -1 }))).toThrow(OptionError)
  })
})

describe("a long or endless duration is one", () => {
  test.each([2 ** 31, DAYS_30_MS, Number.POSITIVE_INFINITY])(
    "timeoutMs %d waits",
    async (timeoutMs) => {
      const upstream = new ScriptedType()
      cache.register("type", upstream.type)
      const got = new Watched(cache.get("type", { key: "k", timeoutMs }))
      await clock.advance(1_000)
      expect(got.state).toBe("waiting")
      await upstream.last.answer({ value: "v", revision: 1 })
      expect(got.state).toBe("done")
    },
  )

  test.each([DAYS_30_MS, Number.POSITIVE_INFINITY])(
    "refreshMs, ttlMs and queryTimeoutMs %d",
    async (ms) => {
      const upstream = new ScriptedType({
        refresh: true,
        refreshMs: ms,
        ttlMs: ms,
        queryTimeoutMs: ms,
      })
      cache.register("type", upstream.type)
      const got = new Watched(cache.get("type", { key: "k" }))
      await clock.advance(1_000_000)
      await upstream.last.answer({ value: "v", revision: 1 })
      await clock.advance(86_400_000)

      expect([got.state, upstream.reads.length, cache.size]).toEqual(["done", 1, 1])
    },
  )

  test("maxAgeMs without an end is looked at once", async () => {
    const upstream = new ScriptedType()
    cache.register("type", upstream.type)
    const request = { key: "k", maxAgeMs: Number.POSITIVE_INFINITY }
    const leave = new AbortController()
    const heard = collect(cache.notify("type", request, { signal: leave.signal }))
    await turn()
    await upstream.last.answer({ value: "v", revision: 1 })
    await clock.advance(DAYS_30_MS)

    expect([heard.events.length, heard.error, upstream.reads.length]).toEqual([1, undefined, 1])
    leave.abort(new Error("left"))
    await turn()
    expect(heard.error).toEqual(new Error("left"))
  })

  test.each([DAYS_30_MS, Number.POSITIVE_INFINITY])("idleMs %d of a view", async (idleMs) => {
    const store = new ViewStore({ clock })
    store.register<never, number>("type", {
      async *subscribe(_request, _from, signal) {
        yield { type: "sync", revision: 1 }
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason))
        })
      },
      makeView: () => ({ update() {}, result: () => 1 }),
      idleMs,
    })
    await store.get("type", { key: "k" })
    await clock.advance(86_400_000)

    expect(store.size).toBe(1)
    await store.close()
  })
})
