import { ClosedError } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { beforeEach, describe, expect, test } from "vitest"
import { FetchFailedError, ReadThroughCache, ReadThroughError } from "../src/index.ts"
import { ScriptedType, turn, Watched } from "./scripted-type.ts"

let clock: ManualClock
let cache: ReadThroughCache
let seen: string[]

beforeEach(() => {
  clock = new ManualClock()
  seen = []
  cache = new ReadThroughCache({
    clock,
    random: () => 0,
    observer: {
      onBypass: (type) => seen.push(`bypass ${type}`),
      onHit: (type) => seen.push(`hit ${type}`),
      onMiss: (type, why) => seen.push(`miss ${type} ${why}`),
      onEvict: (type, why) => seen.push(`evict ${type} ${why}`),
      onFetch: (type, outcome) => seen.push(`fetch ${type} ${JSON.stringify(outcome)}`),
    },
  })
})

const plain = () => register("plain", {})
const blocking = () => register("blocking", { blocking: true })
const refreshing = () => register("refreshing", { blocking: true, refresh: true })

function register(name: string, options: ConstructorParameters<typeof ScriptedType>[0]) {
  const upstream = new ScriptedType(options)
  cache.register(name, upstream.type)
  return upstream
}

function get(type: string, request: Parameters<ReadThroughCache["get"]>[1], signal?: AbortSignal) {
  return new Watched(cache.get<string>(type, request, signal))
}

const at = (revision: number, epoch = "") => ({ epoch, revision })

/** An entry of a type with a value at a revision, whose get is done. */
async function filled(type: string, upstream: ScriptedType, revision = 5): Promise<void> {
  const got = get(type, { key: "k" })
  await upstream.last.answer({ value: `v${revision}`, revision })
  await got.settled
}

describe("ReadThroughCache.get()", () => {
  test("CC-B1: names a type that it does not know", async () => {
    await expect(cache.get("nothing", { key: "k" })).rejects.toThrow(
      new ReadThroughError('there is no type "nothing"', "ERR_REQUEST_INVALID"),
    )
  })

  test("CC-B2: reads past the cache for an empty key, each time", async () => {
    const upstream = blocking()
    const got = [1, 2].map((revision) => get("blocking", { key: "", since: at(revision) }))
    await upstream.reads[0]!.answer({ value: "a", revision: 7 })
    await upstream.reads[1]!.answer({ value: "b", revision: 8 })

    expect(upstream.reads.map(({ options }) => [options.since, options.waitMs])).toEqual([
      [at(1), 0],
      [at(2), 0],
    ])
    const meta = { hit: false, ageMs: 0, position: undefined }
    expect(got.map(({ value }) => value)).toEqual([
      { value: "a", meta },
      { value: "b", meta },
    ])
    expect([cache.size, seen]).toEqual([0, ["bypass blocking", "bypass blocking"]])
  })

  test("CC-B3: a blocking type ignores no since, and a plain one ignores it", async () => {
    const [block, direct] = [blocking(), plain()]
    await filled("blocking", block)
    await filled("plain", direct)
    const waits = get("blocking", { key: "k", since: at(5) })
    const older = get("blocking", { key: "k", since: at(4) })
    const other = get("blocking", { key: "k", since: at(9, "other") })
    const ignored = get("plain", { key: "k", since: at(9) })
    await turn()

    expect([waits, older, other, ignored].map(({ state }) => state)).toEqual([
      "waiting",
      "done",
      "done",
      "done",
    ])
    await block.last.answer({ value: "v6", revision: 6 })
    expect(waits.value).toEqual({
      value: "v6",
      meta: { hit: false, ageMs: 0, position: at(6) },
    })
  })

  test("CC-B3: age and revalidation are nothing to a type that refreshes", async () => {
    const upstream = refreshing()
    await filled("refreshing", upstream)
    await clock.advance(10_000)
    const got = get("refreshing", { key: "k", maxAgeMs: 1, mustRevalidate: true })
    await turn()

    expect(got.value?.meta).toEqual({ hit: true, ageMs: 0, position: at(5) })
  })

  test("CC-B3: mustRevalidate with a read under way is answered at once", async () => {
    const upstream = plain()
    await filled("plain", upstream)
    const first = get("plain", { key: "k", mustRevalidate: true })
    const second = get("plain", { key: "k", mustRevalidate: true })
    await turn()

    expect([first.state, second.state, second.value?.value]).toEqual(["waiting", "done", "v5"])
  })

  test("CC-B5, CC-B9: counts hits and misses", async () => {
    const upstream = blocking()
    await filled("blocking", upstream)
    await get("blocking", { key: "k" }).settled
    const waits = get("blocking", { key: "k", since: at(5) })
    await upstream.last.answer({ value: "v6", revision: 6 })
    await waits.settled

    expect(seen).toEqual([
      "miss blocking new",
      'fetch blocking {"ok":true,"isNotModified":false}',
      "hit blocking",
      "miss blocking block",
      'fetch blocking {"ok":true,"isNotModified":false}',
    ])
  })

  test("CC-B6, CC-E14: an answer that is too old is read again, and then is young", async () => {
    const upstream = plain()
    await filled("plain", upstream)
    await clock.advance(700)
    const young = get("plain", { key: "k", maxAgeMs: 1_000 })
    await young.settled
    await clock.advance(700)
    const old = get("plain", { key: "k", maxAgeMs: 1_000 })
    await upstream.last.answer({ value: "again", revision: 6 })

    expect(young.value?.meta).toEqual({ hit: true, ageMs: 700, position: at(5) })
    expect(old.value).toEqual({
      value: "again",
      meta: { hit: false, ageMs: 0, position: at(6) },
    })
  })

  test("CC-B7, CC-E2: a value is answered though refreshing fails, and its age grows", async () => {
    const upstream = refreshing()
    await filled("refreshing", upstream)
    await clock.advance(0)
    await upstream.last.fail(new Error("down"))
    await clock.advance(300)
    const plainly = get("refreshing", { key: "k" })
    await plainly.settled
    const waits = get("refreshing", { key: "k", since: at(5) })
    await upstream.last.fail(new Error("still down"))

    expect(plainly.value).toEqual({
      value: "v5",
      meta: { hit: true, ageMs: 300, position: at(5) },
    })
    expect(waits.error).toEqual(
      new FetchFailedError(new Error("still down"), "v5", {
        hit: false,
        ageMs: 300,
        position: at(5),
      }),
    )
  })

  test("CC-B8, CC-E1: a failed first read is reported, and the next get reads again", async () => {
    const upstream = plain()
    const first = get("plain", { key: "k", timeoutMs: 60_000 })
    await upstream.last.fail(new Error("down"))
    const second = get("plain", { key: "k" })
    await upstream.last.answer({ value: "up", revision: 1 })

    expect((first.error as FetchFailedError).cause.message).toBe("down")
    expect([second.value?.value, upstream.reads.length]).toEqual(["up", 2])
    expect(clock.timers).toBe(1)
  })

  test("CC-B10: a get answers with the old value after its time, without an error", async () => {
    const upstream = blocking()
    const never = get("blocking", { key: "k", timeoutMs: 1_000 })
    await clock.advance(1_000)
    await upstream.last.answer({ value: "v5", revision: 5 })
    const waits = get("blocking", { key: "k", since: at(5), timeoutMs: 2_000 })
    await clock.advance(2_000)

    expect(never.value).toEqual({
      value: undefined,
      meta: { hit: false, ageMs: 0, position: undefined },
    })
    expect(waits.value).toEqual({
      value: "v5",
      meta: { hit: false, ageMs: 2_000, position: at(5) },
    })
  })

  test("CC-B11, CC-E16: a caller that leaves ends its own wait, and nothing else", async () => {
    const upstream = refreshing()
    const leaving = new AbortController()
    const left = get("refreshing", { key: "k" }, leaving.signal)
    const stays = get("refreshing", { key: "k" })
    leaving.abort(new Error("gone"))
    await turn()
    expect([left.error, upstream.last.signal.aborted]).toEqual([new Error("gone"), false])
    await upstream.last.answer({ value: "v1", revision: 1 })
    await clock.advance(0)
    await upstream.last.answer({ value: "v2", revision: 2 })

    expect(stays.value?.value).toBe("v1")
    expect((await cache.get("refreshing", { key: "k" })).value).toBe("v2")
  })

  test("CC-B11: data beats a signal that is aborted", async () => {
    const upstream = plain()
    await filled("plain", upstream)

    expect((await cache.get("plain", { key: "k" }, AbortSignal.abort())).value).toBe("v5")
  })

  test("CC-B12, CC-E4: a get waits on while reads bring no news", async () => {
    const upstream = blocking()
    await filled("blocking", upstream)
    const waits = get("blocking", { key: "k", since: at(7) })
    await turn()
    await upstream.last.answer({ value: "v6", revision: 6 })
    expect([waits.state, upstream.last.options.since]).toEqual(["waiting", at(6)])
    await upstream.last.answer({ revision: 6 })
    expect(waits.state).toBe("waiting")
    await clock.advance(1_000)
    await upstream.last.answer({ value: "v8", revision: 8 })

    expect([waits.value?.value, upstream.reads.length]).toEqual(["v8", 4])
  })

  test("an upstream that answers at once with nothing new is asked once a second", async () => {
    let reads = 0
    cache.register("eager", {
      blocking: true,
      refresh: true,
      fetch: async () => {
        reads += 1
        return { value: "same", revision: 3 }
      },
    })
    await cache.get("eager", { key: "k" })
    const waits = get("eager", { key: "k", since: at(3), timeoutMs: 10_000 })
    await clock.advance(10_000)

    expect([waits.value?.value, reads]).toEqual(["same", 12])
  })

  test("CC-B13, CC-B18: a read is given the type's time and the entry's position", async () => {
    const upstream = register("timed", { blocking: true, queryTimeoutMs: 40_000 })
    const first = get("timed", { key: "k", since: at(3), timeoutMs: 5, partition: "p" })
    expect(upstream.last.options).toEqual({
      request: { key: "k", partition: "p" },
      since: undefined,
      waitMs: 40_000,
      last: undefined,
    })
    await upstream.last.answer({ value: "v2", revision: 2, epoch: "e", state: "mine" })
    await turn()
    expect([first.state, upstream.last.options]).toEqual([
      "done",
      {
        request: { key: "k", partition: "p" },
        since: undefined,
        waitMs: 40_000,
        last: undefined,
      },
    ])
    get("timed", { key: "k", partition: "p", since: at(2, "e"), timeoutMs: 5 })
    await turn()

    expect(upstream.last.options).toEqual({
      request: { key: "k", partition: "p" },
      since: at(2, "e"),
      waitMs: 40_000,
      last: { value: "v2", state: "mine", position: at(2, "e") },
    })
  })

  test("CC-B14, CC-E15: a hundred callers cause one read", async () => {
    const upstream = plain()
    await filled("plain", upstream)
    const all = Array.from({ length: 100 }, () =>
      get("plain", { key: "k", maxAgeMs: 1, mustRevalidate: true }),
    )
    await turn()
    await upstream.last.answer({ value: "new", revision: 6 })

    expect(all.map(({ value }) => value?.value)).toEqual(["new", ...Array(99).fill("v5")])
    expect([upstream.reads.length, upstream.outMax]).toEqual([2, 1])
  })

  test("CC-E13: another type, partition or token is another entry", async () => {
    const upstreams = [plain(), blocking()]
    const got = [
      get("plain", { key: "k" }),
      get("plain", { key: "k", partition: "p" }),
      get("plain", { key: "k", token: "t" }),
      get("blocking", { key: "k" }),
    ]
    for (const { reads } of upstreams) {
      for (const [index, read] of reads.entries()) {
        await read.answer({ value: `${reads.length}.${index}`, revision: 1 })
      }
    }

    expect(got.map(({ value }) => value?.value)).toEqual(["3.0", "3.1", "3.2", "1.0"])
    expect(cache.size).toBe(4)
  })

  test("CC-E10: a waiting caller gets a reset of upstream, by number or by epoch", async () => {
    const upstream = refreshing()
    await filled("refreshing", upstream, 12)
    await clock.advance(0)
    const byNumber = get("refreshing", { key: "k", since: at(12) })
    await upstream.last.answer({ value: "restored", revision: 3 })
    expect(byNumber.value).toEqual({
      value: "restored",
      meta: { hit: false, ageMs: 0, position: at(3) },
    })
    await clock.advance(1_000)
    const byEpoch = get("refreshing", { key: "k", since: at(3) })
    await upstream.last.answer({ value: "anew", revision: 1, epoch: "e2" })

    expect(byEpoch.value?.meta.position).toEqual(at(1, "e2"))
  })

  test("an upstream that lags behind, in one epoch, changes nothing", async () => {
    const upstream = register("hub", { blocking: true })
    const first = get("hub", { key: "k" })
    await upstream.last.answer({ value: "v9", revision: 9, epoch: "e" })
    await first.settled
    const waits = get("hub", { key: "k", since: at(9, "e") })
    await upstream.last.answer({ value: "v7", revision: 7, epoch: "e" })
    expect(waits.state).toBe("waiting")
    await clock.advance(1_000)
    await upstream.last.answer({ value: "v10", revision: 10, epoch: "e" })

    expect(waits.value?.value).toBe("v10")
  })
})

describe("ReadThroughCache.close()", () => {
  test("CC-B33, CC-E8: answers with its values, and refuses other keys at once", async () => {
    const upstream = plain()
    await filled("plain", upstream)
    await cache.close()
    await cache.close()

    expect((await cache.get("plain", { key: "k" })).value).toBe("v5")
    const closed = new ClosedError("shutdown")
    for (const request of [{ key: "other" }, { key: "k", mustRevalidate: true }, { key: "" }]) {
      await expect(cache.get("plain", request)).rejects.toThrow(closed)
    }
    expect([upstream.reads.length, clock.timers]).toEqual([1, 0])
  })

  test("CC-B33: lets a first read finish, and ends one that waits for news", async () => {
    const upstream = refreshing()
    const first = get("refreshing", { key: "new" })
    await filled("refreshing", upstream)
    await clock.advance(0)
    const waits = get("refreshing", { key: "k", since: at(5) })
    await turn()
    const closing = new Watched(cache.close())
    await turn()
    expect([waits.error, first.state, closing.state]).toEqual([
      new ClosedError("shutdown"),
      "waiting",
      "waiting",
    ])
    await upstream.reads[0]!.answer({ value: "late", revision: 1 })

    expect([first.value?.value, closing.state]).toEqual(["late", "done"])
    expect(upstream.reads.map(({ signal }) => signal.aborted)).toEqual([false, false, true])
    expect(clock.timers).toBe(0)
  })

  test("CC-B19: ends callers that wait for the rate limit, as nothing else does", async () => {
    cache = new ReadThroughCache({
      clock,
      limits: { entryRate: { perSecond: 0.1, burst: 1 } },
    })
    const upstream = plain()
    await filled("plain", upstream)
    const leaving = new AbortController()
    const left = get("plain", { key: "k", mustRevalidate: true }, leaving.signal)
    await turn()
    leaving.abort(new Error("gone"))
    await left.settled
    expect(clock.timers).toBe(2)
    const waits = get("plain", { key: "k", maxAgeMs: 1 })
    await clock.advance(5)
    const late = get("plain", { key: "k", maxAgeMs: 1 })
    await turn()
    await cache.close()
    await late.settled

    expect([waits.state, late.error]).toEqual(["done", new ClosedError("shutdown")])
    expect([upstream.reads.length, clock.timers]).toEqual([1, 0])
  })
})
