import { ClosedError } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { beforeEach, describe, expect, test } from "vitest"
import { type CacheEvent, ReadThroughCache, ReadThroughError } from "../src/index.ts"
import { collect, ScriptedType, turn } from "./scripted-type.ts"

let clock: ManualClock
let cache: ReadThroughCache
let upstream: ScriptedType

beforeEach(() => {
  clock = new ManualClock()
  cache = new ReadThroughCache({ clock, random: () => 0 })
})

function register(options: ConstructorParameters<typeof ScriptedType>[0]) {
  upstream = new ScriptedType(options)
  cache.register("type", upstream.type)
}

const at = (revision: number, epoch = "") => ({ epoch, revision })

function value(value: string, revision: number, more: object = {}): CacheEvent<string> {
  const { hit = false, ageMs = 0, isReset = false, epoch = "" } = more as Record<string, never>
  const meta = { hit, ageMs, position: at(revision, epoch) }
  return { type: "value", correlationId: "c", value, meta, isReset }
}

const follow = (request: object = {}, signal?: AbortSignal) =>
  collect(cache.notify<string>("type", { key: "k", ...request }, { correlationId: "c", signal }))

const state = (state: "failing" | "healthy", error?: Error) => ({
  type: "state",
  correlationId: "c",
  state,
  ...(error && { error }),
})

const down = new Error("down")

describe.each([
  ["that refreshes", true],
  ["that does not refresh", false],
])("notify() of a blocking type %s", (_name, refresh) => {
  beforeEach(() => register({ blocking: true, refresh }))

  test("CC-B37, CC-B43: sends the current value, then each change, nothing twice", async () => {
    cache.prepopulate("type", { key: "k" }, { value: "v1", revision: 1 })
    const heard = follow()
    await turn()
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(1_000)
    await upstream.last.answer({ value: "v3", revision: 3 })
    await clock.advance(0)
    await upstream.last.answer({ value: "v4", revision: 4 })

    expect(heard.events).toEqual([value("v1", 1, { hit: true }), value("v3", 3), value("v4", 4)])
  })

  test("CC-B40: the first value is sent though its revision is 1, also after errors", async () => {
    const heard = follow()
    await turn()
    await upstream.last.fail(down)
    await clock.advance(0)
    await upstream.last.fail(down)
    await clock.advance(0)
    await upstream.last.answer({ value: "v1", revision: 1 })

    const error = { type: "error", correlationId: "c", error: down }
    expect(heard.events).toEqual([error, error, value("v1", 1)])
  })

  test("CC-B40: errors after a value are changes of state, and are backed off", async () => {
    const heard = follow()
    await turn()
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(0)
    for (let failures = 1; failures <= 3; failures += 1) {
      await upstream.last.fail(down)
      await clock.advance(0)
    }
    expect(upstream.reads.length).toBe(5)
    await upstream.last.fail(down)
    await clock.advance(1_999)
    expect(upstream.reads.length).toBe(5)
    await clock.advance(1)
    expect(upstream.reads.length).toBe(6)
    await upstream.last.answer({ value: "v1", revision: 1 })

    expect(heard.events).toEqual([value("v1", 1), state("failing", down), state("healthy")])
  })

  test("CC-E10, CC-W8: a revision that goes back, or another epoch, is a reset", async () => {
    const heard = follow()
    await turn()
    await upstream.last.answer({ value: "v9", revision: 9 })
    await clock.advance(0)
    await upstream.last.answer({ value: "v2", revision: 2 })
    await clock.advance(1_000)
    await upstream.last.answer({ value: "e1", revision: 5, epoch: "e" })

    expect(heard.events).toEqual([
      value("v9", 9),
      value("v2", 2, { isReset: true }),
      value("e1", 5, { epoch: "e", isReset: true }),
    ])
  })

  test("CC-B44: a thousand followers of one key cause one read for each change", async () => {
    const all = Array.from({ length: 1_000 }, () => follow())
    await turn()
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(0)
    await upstream.last.answer({ value: "v2", revision: 2 })
    await clock.advance(0)

    expect(new Set(all.map(({ events }) => events.length))).toEqual(new Set([2]))
    expect([upstream.reads.length, upstream.outMax]).toEqual([3, 1])
  })

  test("CC-B39: a slow follower delays itself alone, and gets the newest value", async () => {
    const slow: string[] = []
    let release = () => {}
    const stop = cache.notifyCallback<string, { key: string }>("type", { key: "k" }, (event) => {
      if (event.type === "value") slow.push(event.value)
      return new Promise((resolve) => {
        release = resolve
      })
    })
    const fast = follow()
    await turn()
    for (const revision of [1, 2, 3]) {
      await upstream.last.answer({ value: `v${revision}`, revision })
      await clock.advance(0)
    }
    release()
    await turn()
    stop()

    expect(slow).toEqual(["v1", "v3"])
    expect(fast.events.length).toBe(3)
  })

  test("CC-B39: an entry that was dropped is read anew, and sent if it differs", async () => {
    const heard = follow()
    await turn()
    await upstream.last.answer({ value: "v1", revision: 1 })
    expect(cache.evict({ key: "k" })).toBe(1)
    await turn()
    await upstream.last.answer({ value: "v1", revision: 1 })
    expect(cache.evict({ key: "k" })).toBe(1)
    await turn()
    await upstream.last.answer({ value: "v2", revision: 2 })

    expect(heard.events).toEqual([value("v1", 1), value("v2", 2)])
  })

  test("ends with its signal's reason, and with the cache", async () => {
    const ending = new AbortController()
    const [left, stays] = [follow({}, ending.signal), follow()]
    await turn()
    ending.abort(down)
    await turn()
    expect([left.error, stays.error]).toEqual([down, undefined])
    await upstream.last.answer({ value: "v1", revision: 1 })
    await cache.close()
    await turn()

    expect(stays.error).toEqual(new ClosedError("shutdown"))
    expect(clock.timers).toBe(0)
  })

  test("CC-E11: goes on without a key, each for itself", async () => {
    const heard = [follow({ key: "" }), follow({ key: "" })]
    await turn()
    await upstream.reads[0]!.answer({ value: "v1", revision: 1 })
    await upstream.reads[2]!.answer({ value: "v2", revision: 2 })
    await upstream.reads[3]!.fail(down)
    await clock.advance(0)
    await upstream.reads[4]!.answer({ value: "v2", revision: 2 })

    expect(heard[0]!.events).toEqual([
      value("v1", 1),
      value("v2", 2),
      state("failing", down),
      state("healthy"),
    ])
    expect([heard[1]!.events, cache.size]).toEqual([[], 0])
    await cache.close()
    await turn()
    expect([heard[1]!.error, clock.timers]).toEqual([new ClosedError("shutdown"), 0])
  })
})

describe("notify()", () => {
  test("CC-B36: refuses an unknown type, or one that it cannot follow, at once", () => {
    register({})
    expect(() => cache.notify("none", { key: "k" })).toThrow(ReadThroughError)
    expect(() => cache.notify("type", { key: "k" })).toThrow(
      'type "type" does not block: maxAgeMs says how often to look',
    )
  })

  test("CC-B38: one callback serves several entries, each by its correlation id", async () => {
    register({ blocking: true })
    const heard: string[] = []
    for (const key of ["a", "b"]) {
      cache.notifyCallback<string, { key: string }>(
        "type",
        { key },
        (event) => {
          heard.push(`${event.correlationId}: ${event.type === "value" ? event.value : ""}`)
        },
        { correlationId: key },
      )
    }
    await turn()
    await upstream.reads[1]!.answer({ value: "1", revision: 1 })
    await upstream.reads[0]!.answer({ value: "2", revision: 1 })

    expect(heard).toEqual(["b: 1", "a: 2"])
  })

  test("CC-E12: leaving the loop ends the follower", async () => {
    register({ blocking: true })
    cache.prepopulate("type", { key: "k" }, { value: "v1", revision: 1 })
    for await (const event of cache.notify("type", { key: "k" })) {
      expect(event.type).toBe("value")
      break
    }
    await cache.close()

    expect(clock.timers).toBe(0)
  })

  test("CC-B41: a plain type is looked at when its value is too old, with jitter", async () => {
    register({})
    cache = new ReadThroughCache({ clock, random: () => 0.5 })
    cache.register("type", upstream.type)
    const heard = follow({ maxAgeMs: 16_000 })
    await turn()
    await upstream.last.answer({ value: "a", revision: 1 })
    await clock.advance(16_499)
    expect(upstream.reads.length).toBe(1)
    await clock.advance(1)
    expect(upstream.reads.length).toBe(2)
    await upstream.last.answer({ value: "a", revision: 1 })
    await clock.advance(16_500)
    await upstream.last.answer({ value: "b", revision: 1 })
    await clock.advance(16_500)
    await upstream.last.fail(down)
    await clock.advance(0)
    await upstream.last.answer({ value: "b", revision: 1 })

    expect(heard.events).toEqual([
      value("a", 1),
      value("b", 1),
      state("failing", down),
      state("healthy"),
    ])
  })

  test("CC-B42: values are compared deeply, or by the type", async () => {
    const results = [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }]
    let reads = 0
    cache.register("deep", {
      fetch: async () => ({ value: results[reads++ % 3]!, revision: 1 }),
    })
    cache.register("never", {
      isSame: () => true,
      fetch: async () => ({ value: clock.now(), revision: 1 }),
    })
    const deep = collect(cache.notify("deep", { key: "k", maxAgeMs: 1_000 }))
    const never = collect(cache.notify("never", { key: "k", maxAgeMs: 1_000 }))
    await clock.advance(2_500)

    expect([deep.events.length, never.events.length]).toEqual([2, 1])
  })
})
