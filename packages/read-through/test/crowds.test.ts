import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type CacheEvent, ReadThroughCache, ReadThroughError } from "../src/index.ts"
import { ViewStore } from "../src/view/index.ts"
import { collect, ScriptedType, turn, Watched } from "./scripted-type.ts"

let clock: ManualClock
let cache: ReadThroughCache
let upstream: ScriptedType
let bytes = 0

const open = (limits: object, type: ConstructorParameters<typeof ScriptedType>[0] = {}) => {
  const observer = {
    onSize: (size: { readonly bytes: number }) => {
      bytes = size.bytes
    },
  }
  cache = new ReadThroughCache({ clock, random: () => 0.5, limits, observer })
  upstream = new ScriptedType({ bytesOf: () => 1_000, ...type })
  cache.register("type", upstream.type)
}

afterEach(() => cache.assertInvariants())

beforeEach(() => {
  clock = new ManualClock()
})

const get = (key: string, more: object = {}) =>
  new Watched(cache.get<string>("type", { key, ...more }))

describe("reads that end in one turn, beyond a bound of bytes", () => {
  test("answer each caller that they were made for", async () => {
    open({ bytesMax: 3_500 })
    const all = Array.from({ length: 50 }, (_, index) => get(`k${index}`))
    const reads = [...upstream.reads]
    await Promise.all(reads.map((read, index) => read.answer({ value: `v${index}`, revision: 1 })))

    expect(all.map(({ value }) => value?.value)).toEqual(reads.map((_, index) => `v${index}`))
    expect(upstream.reads.length).toBe(50)
    expect(bytes).toBeLessThanOrEqual(3_500)
  })

  test("reach each follower", async () => {
    open({ bytesMax: 3_500 }, { blocking: true, refresh: true })
    const stop = new AbortController()
    const followers = Array.from({ length: 20 }, (_, index) =>
      collect(cache.notify<string>("type", { key: `k${index}` }, { signal: stop.signal })),
    )
    await turn()
    for (const revision of [1, 2, 3]) {
      const out = upstream.reads.slice(-20)
      await Promise.all(out.map((read) => read.answer({ value: `v${revision}`, revision })))
      await clock.advance(0)
    }

    expect(upstream.reads.length).toBe(80)
    const told = followers.map(({ events }) =>
      events.map((event) => (event.type === "value" ? event.value : event.type)),
    )
    expect(told).toEqual(Array.from({ length: 20 }, () => ["v1", "v2", "v3"]))
    stop.abort(new Error("left"))
    await turn()
    await cache.close()
  })
})

describe("a table that is full", () => {
  const full = new ReadThroughError(
    "all of 1 entries are waited for: raise entriesMax, or try again later",
    "ERR_TOO_MANY",
  )

  test("reaches a callback as an error, and then the value once there is room", async () => {
    open({ entriesMax: 1 }, { blocking: true })
    const first = get("a")
    const heard: CacheEvent<string>[] = []
    const stop = cache.notifyCallback<string, { key: string }>("type", { key: "b" }, (event) => {
      heard.push(event)
    })
    await turn()
    expect(heard).toEqual([{ type: "error", correlationId: "", error: full }])

    await upstream.last.answer({ value: "a", revision: 1 })
    expect(first.state).toBe("done")
    await clock.advance(10_000)
    await upstream.last.answer({ value: "b", revision: 2 })
    expect(heard.at(-1)).toMatchObject({ type: "value", value: "b" })
    stop()
    await cache.close()
  })

  test("is sent once to a follower that had a value", async () => {
    open({ entriesMax: 1 }, { blocking: true, refresh: true })
    const stop = new AbortController()
    const heard = collect(cache.notify<string>("type", { key: "a" }, { signal: stop.signal }))
    await turn()
    await upstream.last.answer({ value: "a", revision: 1 })
    cache.evict({})
    get("b")
    await clock.advance(20_000)

    expect(heard.events.slice(0, 2)).toMatchObject([
      { type: "value", value: "a" },
      { type: "state", state: "failing", error: full },
    ])
    expect([heard.events.length, heard.error]).toEqual([2, undefined])
    stop.abort(new Error("left"))
    await turn()
  })
})

describe("close()", () => {
  test.each([true, false])("ends a first read that no caller waits for (%s)", async (blocking) => {
    open({}, { blocking })
    const leaving = new AbortController()
    const left = new Watched(cache.get("type", { key: "k" }, leaving.signal))
    leaving.abort(new Error("left"))
    await turn()
    expect([left.state, upstream.last.signal.aborted]).toEqual(["failed", false])

    const closed = new Watched(cache.close())
    await turn()
    expect([closed.state, upstream.last.signal.aborted, clock.timers]).toEqual(["done", true, 0])
  })

  test("ends one whose caller leaves after it", async () => {
    open({})
    const leaving = new AbortController()
    const left = new Watched(cache.get("type", { key: "k" }, leaving.signal))
    const closed = new Watched(cache.close())
    await turn()
    expect([left.state, closed.state]).toEqual(["waiting", "waiting"])
    leaving.abort(new Error("left"))
    await turn()

    expect([left.state, closed.state, upstream.last.signal.aborted]).toEqual([
      "failed",
      "done",
      true,
    ])
  })

  test("ends one that only a follower waits for", async () => {
    open({}, { blocking: true })
    const heard = collect(cache.notify("type", { key: "k" }))
    await turn()
    const closed = new Watched(cache.close())
    await turn()

    expect([closed.state, upstream.last.signal.aborted, clock.timers]).toEqual(["done", true, 0])
    expect(heard.error).toMatchObject({ code: "ERR_CLOSED" })
  })
})

test("a hundred followers with one signal have one listener on it", async () => {
  open({}, { blocking: true, refresh: true })
  const stop = new AbortController()
  const { signal } = stop
  const add = signal.addEventListener
  let listeners = 0
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1
    add.apply(signal, args)
  }
  for (let follower = 0; follower < 50; follower += 1) {
    collect(cache.notify("type", { key: "k" }, { signal }))
    cache.notifyCallback("type", { key: "k" }, () => {}, { signal })
  }
  await turn()

  expect(listeners).toBe(1)
  stop.abort(new Error("left"))
  await turn()
})

describe("ViewStore", () => {
  const store = (viewsMax: number) => {
    const opened: string[] = []
    const made = new ViewStore({ clock, viewsMax })
    made.register<never, string>("type", {
      async *subscribe({ key }, _from, signal) {
        opened.push(key)
        yield { type: "sync", revision: 5 }
        await clock.sleep(Number.POSITIVE_INFINITY, signal)
      },
      makeView: ({ key }) => ({ update() {}, result: () => key }),
    })
    return { opened, made }
  }

  test("drops the view that was not used for longest, not the oldest", async () => {
    const { opened, made } = store(2)
    for (const key of ["a", "b", "a", "c", "a"]) await made.get("type", { key })

    expect(opened).toEqual(["a", "b", "c"])
    await made.close()
  })

  test("get() with since ahead of a feed without epochs waits", async () => {
    const { made } = store(2)
    const since = { epoch: "", revision: 9 }
    const got = new Watched(made.get("type", { key: "a", since, timeoutMs: 1_000 }))
    await clock.advance(999)
    expect(got.state).toBe("waiting")
    await clock.advance(1)
    expect(got.value).toMatchObject({ value: "a", meta: { position: { revision: 5 } } })
    await made.close()
  })

  test("notify() with since ahead of a feed without epochs waits", async () => {
    const { made } = store(2)
    const heard = collect(made.notify("type", { key: "a", since: { epoch: "", revision: 9 } }))
    await clock.advance(1_000)

    expect([heard.events, heard.error]).toEqual([[], undefined])
    await made.close()
  })
})

test("get() and notify() with since ahead get the state of a feed that begins anew", async () => {
  let revision = 5
  let next = () => {}
  const made = new ViewStore({ clock })
  made.register<never, number>("type", {
    async *subscribe() {
      for (;;) {
        yield { type: "reset" }
        yield { type: "sync", revision }
        await new Promise<void>((resolve) => {
          next = resolve
        })
      }
    },
    makeView: () => ({ update() {}, result: () => revision }),
  })
  await made.get("type", { key: "a" })
  const since = { epoch: "", revision: 9 }
  const got = new Watched(made.get<number>("type", { key: "a", since }))
  const heard = collect(made.notify<number>("type", { key: "a", since }))
  await turn()
  expect([got.state, heard.events]).toEqual(["waiting", []])
  revision = 3
  next()
  await turn()

  expect(got.value?.value).toBe(3)
  expect(heard.events).toMatchObject([{ type: "value", value: 3, isReset: true }])
})
