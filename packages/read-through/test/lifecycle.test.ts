import { readFileSync } from "node:fs"
import { SyncError } from "@headwater/core"
import { ManualClock, prng } from "@headwater/testing"
import { beforeEach, describe, expect, test } from "vitest"
import { FETCH_RETRY, ReadThroughCache, ReadThroughError, retryWaitMs } from "../src/index.ts"
import { ScriptedType, turn, Watched } from "./scripted-type.ts"

let clock: ManualClock
let cache: ReadThroughCache
let upstream: ScriptedType
let seen: string[]

const observer = {
  onEvict: (_type: string, why: string) => seen.push(why),
}

beforeEach(() => {
  clock = new ManualClock()
  seen = []
  cache = new ReadThroughCache({ clock, random: () => 0, observer })
})

function register(options: ConstructorParameters<typeof ScriptedType>[0] = {}, name = "type") {
  upstream = new ScriptedType(options)
  cache.register(name, upstream.type)
}

const get = (request: object = {}, signal?: AbortSignal) =>
  new Watched(cache.get<string>("type", { key: "k", ...request }, signal))

const at = (revision: number, epoch = "") => ({ epoch, revision })

class CodedError extends SyncError {
  readonly code
  readonly recovery = "stop"
  constructor(code: "ERR_UNAUTHENTICATED" | "ERR_FORBIDDEN") {
    super(code)
    this.code = code
  }
}

describe("a refresh", () => {
  beforeEach(() => register({ blocking: true, refresh: true, queryTimeoutMs: 600_000 }))

  test("CC-B29: goes on by itself, from where the entry is", async () => {
    get()
    await upstream.last.answer({ value: "v4", revision: 4 })
    await clock.advance(0)
    await upstream.last.answer({ value: "v7", revision: 7 })
    await clock.advance(0)

    expect(upstream.reads.map(({ options }) => options.since)).toEqual([undefined, at(4), at(7)])
  })

  test("CC-B29: after three failures it waits longer and longer, up to two minutes", async () => {
    expect(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 40].map((failures) => retryWaitMs(FETCH_RETRY, failures, 0)),
    ).toEqual([0, 0, 0, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
    expect(retryWaitMs(FETCH_RETRY, 9, 0.5)).toBe(90_000)
    get().settled.catch(() => {})
    const waits: number[] = []
    for (let failure = 1; failure <= 9; failure += 1) {
      await upstream.last.fail(new Error("down"))
      waits.push(clock.nextTimerMs!)
      await clock.advance(clock.nextTimerMs!)
    }

    expect(waits).toEqual([0, 0, 0, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000])
  })

  test("CC-E9: a get in the middle of it reads at once, and its failure counts on", async () => {
    get()
    for (let failure = 1; failure <= 4; failure += 1) {
      await upstream.last.fail(new Error("down"))
      if (failure < 4) await clock.advance(0)
    }
    get()
    await turn()
    expect(upstream.reads.length).toBe(5)
    await upstream.last.fail(new Error("down"))

    expect(clock.nextTimerMs).toBe(4_000)
  })

  test("CC-B30: ends when the token is unknown, and not when access is forbidden", async () => {
    get()
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(0)
    await upstream.last.fail(new CodedError("ERR_FORBIDDEN"))
    await clock.advance(0)
    expect(upstream.reads.length).toBe(3)
    await upstream.last.fail(new CodedError("ERR_UNAUTHENTICATED"))
    await clock.advance(600_000)

    expect(upstream.reads.length).toBe(3)
    expect((await cache.get("type", { key: "k" })).meta).toEqual({
      hit: true,
      ageMs: 600_000,
      position: at(1),
    })
  })

  test("CC-B20, CC-E3: a success ends an older error, though it brings nothing new", async () => {
    get()
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(0)
    await upstream.last.fail(new Error("down"))
    await clock.advance(0)
    const waits = get({ since: at(1), timeoutMs: 700_000 })
    await clock.advance(600_000)
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(0)
    expect(waits.state).toBe("waiting")
    await upstream.last.answer({ value: "v2", revision: 2 })

    expect(waits.value?.value).toBe("v2")
  })

  test("CC-B21, CC-E5: revision 0 is kept as 1, and backed off like a failure", async () => {
    get()
    await upstream.last.answer({ value: "v", revision: 0 })
    expect((await cache.get("type", { key: "k" })).meta.position).toEqual(at(1))
    for (let failure = 2; failure <= 5; failure += 1) {
      await clock.advance(2_000)
      await upstream.last.answer({ value: "v", revision: 0 })
    }

    expect(clock.nextTimerMs).toBe(4_000)
    expect((await cache.get("type", { key: "k" })).meta.ageMs).toBe(0)
  })

  test("CC-B23: a success that lasts begins the count of failures anew", async () => {
    get()
    for (let round = 0; round < 3; round += 1) {
      for (let failure = 1; failure <= 3; failure += 1) {
        await upstream.last.fail(new Error("down"))
        expect(clock.nextTimerMs).toBe(0)
        await clock.advance(0)
      }
      await upstream.last.answer({ value: "v", revision: round + 1 })
      await clock.advance(10_000)
    }

    expect(upstream.reads.length).toBe(13)
  })

  test("an upstream that answers between failures is not asked without a pause", async () => {
    get()
    let waitedMs = 0
    for (let read = 0; read < 20; read += 1) {
      if (read % 2 === 0) await upstream.last.fail(new Error("down"))
      else await upstream.last.answer({ value: "v", revision: read })
      waitedMs += clock.nextTimerMs!
      await clock.advance(clock.nextTimerMs!)
    }

    expect(waitedMs).toBeGreaterThan(100_000)
  })

  test("an upstream that begins anew with every answer is asked once a second", async () => {
    get()
    for (let read = 1; read <= 10; read += 1) {
      await upstream.last.answer({ value: "v", revision: read, epoch: `e${read % 2}` })
      await clock.advance(1_000)
    }

    expect(clock.elapsed()).toBe(10_000)
    expect(upstream.reads.length).toBe(11)
  })

  test("CC-B22: a type may change its own state alone", async () => {
    get()
    await upstream.last.answer({ value: "v1", revision: 1, state: "a" })
    await clock.advance(0)
    await upstream.last.answer({ revision: 1, state: "b" })
    await clock.advance(1_000)

    expect(upstream.last.options.last).toEqual({ value: "v1", state: "b", position: at(1) })
  })

  test("CC-B21: an answer not modified keeps the value, and takes the new position", async () => {
    get()
    await upstream.last.answer({ value: "v1", revision: 1, state: "a" })
    await clock.advance(0)
    await upstream.last.answer({ notModified: true, revision: 3, state: "b" })
    await clock.advance(0)

    expect(upstream.last.options.last).toEqual({ value: "v1", state: "b", position: at(3) })
  })

  test("CC-B24, CC-B25: lost contact is regained by an answer, or by 31 s of waiting", async () => {
    const age = async () => (await cache.get("type", { key: "k" })).meta.ageMs
    get()
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(0)
    await upstream.last.fail(new Error("down"))
    await clock.advance(1_000)
    await upstream.last.fail(new Error("down"))
    await clock.advance(30_999)
    expect(await age()).toBe(31_999)
    await clock.advance(1)
    expect(await age()).toBe(0)
    await upstream.last.fail(new Error("down"))
    await clock.advance(10)
    expect(await age()).toBe(10)
    await upstream.last.answer({ value: "v2", revision: 2 })

    expect(await age()).toBe(0)
  })

  test("CC-W3: a read that takes too long is ended, and reported", async () => {
    const got = get()
    await clock.advance(667_500)

    expect((got.error as { cause: Error }).cause).toEqual(
      new ReadThroughError('type "type" did not answer within 667500 ms', "ERR_TIMEOUT"),
    )
    expect(upstream.reads[0]!.signal.aborted).toBe(true)
    await upstream.reads[0]!.answer({ value: "late", revision: 7 })
    expect([upstream.reads.length, upstream.reads[1]!.signal.aborted]).toEqual([2, false])
    cache.evict({})
    await turn()
    expect(upstream.reads[1]!.signal.aborted).toBe(true)
  })
})

describe("a waiting caller", () => {
  beforeEach(() => register({ blocking: true }))

  test("CC-B15: gets an answer that comes in the turn of its call", async () => {
    get()
    const answered = upstream.last.answer({ value: "v1", revision: 1 })
    const late = get()
    await answered

    expect([late.value?.value, upstream.reads.length]).toEqual(["v1", 1])
  })

  test("CC-B28: is woken by each read, also when it waits again at once", async () => {
    const waits = get({ since: at(4) })
    for (const revision of [1, 2, 3, 4, 5]) {
      await upstream.last.answer({ value: `v${revision}`, revision })
    }

    expect([waits.value?.value, upstream.reads.length]).toEqual(["v5", 5])
  })

  test("CC-B17: an entry that is dropped a hundred times has one read out", async () => {
    const waits = get()
    for (let round = 0; round < 100; round += 1) {
      cache.evict({})
      await turn()
    }
    await upstream.last.answer({ value: "v", revision: 1 })
    await clock.settle()

    expect(upstream.reads.filter(({ signal }) => !signal.aborted).length).toBe(1)
    expect([waits.value?.value, upstream.outMax]).toEqual(["v", 1])
  })

  test("CC-B16: a new entry has the limit that holds now, and a burst of its own", async () => {
    cache = new ReadThroughCache({ clock, limits: { entryRate: { perSecond: 0.1, burst: 1 } } })
    cache.register("type", upstream.type)
    for (const key of ["a", "b"]) {
      get({ key })
      await upstream.last.answer({ value: "v", revision: 1 })
    }
    expect(upstream.reads.length).toBe(2)
    get({ key: "a", since: at(1) })
    await turn()
    expect(upstream.reads.length).toBe(2)
    cache.reload({ entryRate: { perSecond: 100, burst: 5 } })
    get({ key: "c" })
    await clock.advance(10)

    expect(upstream.reads.length).toBe(4)
  })
})

describe("an entry", () => {
  test("CC-B4, CC-B27, CC-B31: expires when it was not used for its time", async () => {
    register({ ttlMs: 1_000 })
    let closed = 0
    get()
    await upstream.last.answer({ value: "v1", revision: 1, state: { close: () => closed++ } })
    await clock.advance(900)
    expect((await cache.get("type", { key: "k" })).value).toBe("v1")
    await clock.advance(999)
    expect([cache.size, closed]).toEqual([1, 0])
    await clock.advance(1)

    expect([cache.size, closed, seen, clock.timers]).toEqual([0, 1, ["expired"], 0])
  })

  test("CC-B4: does not expire while a caller waits, though nothing comes", async () => {
    register({ ttlMs: 1_000, blocking: true, refresh: true })
    get()
    await upstream.last.answer({ value: "v1", revision: 1 })
    const waits = get({ since: at(1) })
    await clock.advance(30_000)
    expect([cache.size, waits.state, seen]).toEqual([1, "waiting", []])
    await upstream.last.answer({ value: "v2", revision: 2 })
    await waits.settled
    await clock.advance(1_001)

    expect([cache.size, waits.value?.value, clock.timers]).toEqual([0, "v2", 0])
    expect(upstream.last.signal.aborted).toBe(true)
  })

  test("CC-B26, CC-E6, CC-E7: dropped while it is read, is not brought back by that", async () => {
    register({})
    const got = get()
    await turn()
    const old = upstream.last
    let closed = 0
    expect(cache.evict({ type: "type" })).toBe(1)
    await turn()
    expect([cache.size, old.signal.aborted, upstream.reads.length]).toEqual([1, true, 2])
    await old.answer({ value: "old", revision: 9, state: { close: () => closed++ } })
    expect([got.state, closed]).toEqual(["waiting", 1])
    await upstream.last.answer({ value: "new", revision: 1 })

    expect(got.value?.value).toBe("new")
  })

  test("CC-B35: put there in advance is a hit, is not read, and expires", async () => {
    register({ blocking: true, refresh: true, ttlMs: 5_000 })
    cache.prepopulate("type", { key: "k" }, { value: "seed", revision: 3 })
    const { meta, value } = await cache.get("type", { key: "k" })
    expect([meta.hit, value, upstream.reads.length]).toEqual([true, "seed", 0])
    await clock.advance(5_000)

    expect([cache.size, seen]).toEqual([0, ["expired"]])
  })

  test("CC-W2: makes room for a newer one, the least recently used first", async () => {
    cache = new ReadThroughCache({ clock, observer, limits: { entriesMax: 3 } })
    register()
    for (const key of ["a", "b", "c"]) {
      get({ key })
      await upstream.last.answer({ value: key, revision: 1 })
    }
    await cache.get("type", { key: "a" })
    get({ key: "d" })
    await upstream.last.answer({ value: "d", revision: 1 })
    await get({ key: "a" }).settled
    get({ key: "b" })

    expect([cache.size, seen, upstream.reads.length]).toEqual([3, ["bound", "bound"], 5])
  })

  test("CC-W2: is not made when all that may be are waited for", async () => {
    cache = new ReadThroughCache({ clock, observer, limits: { entriesMax: 2 } })
    register()
    const waiting = [get({ key: "a" }), get({ key: "b" })]
    await turn()
    const message = "all of 2 entries are waited for: raise entriesMax, or try again later"
    const error = new ReadThroughError(message, "ERR_TOO_MANY")
    await expect(cache.get("type", { key: "c" })).rejects.toThrow(error)
    await upstream.reads[0]!.answer({ value: "a", revision: 1 })
    get({ key: "c" })
    await turn()

    expect([waiting[0]!.state, upstream.reads.length, seen]).toEqual(["done", 3, ["bound"]])
  })

  test("CC-W2: makes room in bytes, but the newest stays", async () => {
    cache = new ReadThroughCache({ clock, observer, limits: { bytesMax: 1_000 } })
    register()
    for (const key of ["a", "b", "c", "d"]) {
      const got = get({ key })
      await upstream.last.answer({ value: "x".repeat(key === "d" ? 600 : 150), revision: 1 })
      await got.settled
    }

    expect([cache.size, seen]).toEqual([1, ["bound", "bound", "bound"]])
  })

  test("CC-W1: is dropped by partition, token or type", async () => {
    register()
    for (const request of [
      {},
      { partition: "p" },
      { token: "t" },
      { partition: "p", token: "t" },
    ]) {
      get(request)
      await upstream.last.answer({ value: "v", revision: 1 })
    }

    expect([cache.evict({ token: "t" }), cache.evict({ partition: "p" })]).toEqual([2, 1])
    expect([cache.evict({ type: "other" }), cache.evict({})]).toEqual([0, 1])
  })
})

describe("a type with a bug", () => {
  test("is reported to the observer, and leaves no caller waiting", async () => {
    const told: unknown[] = []
    cache = new ReadThroughCache({ clock, observer: { onError: (error) => told.push(error) } })
    const bug = (name: string) => () => {
      throw new Error(name)
    }
    register({ bytesOf: bug("bytesOf"), isFatal: bug("isFatal") })
    const failed = get()
    await upstream.last.fail(new Error("down"))
    const got = get()
    await upstream.last.answer({ value: "v", revision: 1, state: { close: bug("close") } })
    cache.evict({})
    await turn()

    expect([failed.state, got.value?.value]).toEqual(["failed", "v"])
    expect(told).toEqual([new Error("isFatal"), new Error("bytesOf"), new Error("close")])
  })
})

describe("rate limits", () => {
  test("CC-B19, CC-W7: hold for one entry, and for all together", async () => {
    const limits = {
      entryRate: { perSecond: 1, burst: 2 },
      totalRate: { perSecond: 2, burst: 4 },
    }
    cache = new ReadThroughCache({ clock, limits })
    register()
    const ask = (key: string) => get({ key, mustRevalidate: true })
    const times: number[] = []
    for (let asked = 0; asked < 4; asked += 1) {
      ask("a")
      while (upstream.reads.length === asked) await clock.advance(10)
      times.push(clock.elapsed())
      await upstream.last.answer({ value: "v", revision: asked + 1 })
    }
    for (const key of ["b", "c", "d", "e"]) ask(key)
    await clock.advance(2_000)

    expect(times.map((ms) => Math.round(ms / 100) * 100)).toEqual([0, 0, 1_000, 2_000])
    expect(upstream.reads.length).toBe(8)
  })

  test("CC-B34: are reloaded for waiting reads, too; zero is the default", async () => {
    cache = new ReadThroughCache({ clock, limits: { entryRate: { perSecond: 0.01, burst: 1 } } })
    register()
    get()
    await upstream.last.answer({ value: "v", revision: 1 })
    get({ mustRevalidate: true })
    await turn()
    expect(upstream.reads.length).toBe(1)
    expect(cache.reload({ entryRate: { perSecond: 0.01, burst: 1 } })).toBe(false)
    expect(cache.reload({ entryRate: { perSecond: 0, burst: 0 } })).toBe(true)

    expect(upstream.reads.length).toBe(2)
  })
})

test("10,000 waits that are given up leave no listener, no timer and no waiter", async () => {
  register({ blocking: true, refresh: true })
  get()
  await upstream.last.answer({ value: "v", revision: 1 })
  await clock.advance(0)
  let listeners = 0
  const leaving = new AbortController()
  const { signal } = leaving
  const [add, remove] = [signal.addEventListener, signal.removeEventListener]
  signal.addEventListener = (...args: unknown[]) => {
    listeners += 1
    return Reflect.apply(add, signal, args)
  }
  signal.removeEventListener = (...args: unknown[]) => {
    listeners -= 1
    return Reflect.apply(remove, signal, args)
  }
  const timers = clock.timers
  const random = prng(7)
  const all = Array.from({ length: 10_000 }, () => {
    if (random() < 0.5) return get({ since: at(1), timeoutMs: 600_000 }, signal)
    const events = cache.notify("type", { key: "k" }, { signal })
    return new Watched(events.next().then(() => events.next()))
  })
  await turn()
  // One listener, however many wait: some runtimes warn of a leak at the eleventh.
  expect(listeners).toBe(1)
  leaving.abort(new Error("gone"))
  await Promise.all(all.map(({ settled }) => settled))

  expect(new Set(all.map(({ error }) => (error as Error)?.message))).toEqual(new Set(["gone"]))
  expect([listeners, clock.timers]).toEqual([0, timers])
  await cache.close()
  expect(clock.timers).toBe(0)
})

test("loads no WebAssembly: the subpath imports itself and the vocabulary alone", () => {
  const seen = new Set<string>()
  const follow = (url: URL) => {
    if (seen.has(url.href)) return
    seen.add(url.href)
    const code = readFileSync(url, "utf8").replaceAll(/^ \*.*$/gm, "")
    for (const [, specifier = ""] of code.matchAll(/(?:from|import\() ?"([^"]+)"/g)) {
      if (specifier.startsWith(".")) follow(new URL(specifier, url))
      else expect(specifier).toBe("@headwater/core")
    }
  }
  follow(new URL("../src/index.ts", import.meta.url))

  const folder = new URL("../src/", import.meta.url).href
  expect([...seen].filter((href) => !href.startsWith(folder))).toEqual([])
})
