import { ClosedError, SyncError, type ViewFrame } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { ReadThroughError } from "../../src/index.ts"
import { entriesView, type KeyedEvent, ViewStore } from "../../src/view/index.ts"
import { collect, turn, Watched } from "../scripted-type.ts"
import { ScriptedFeeds } from "./scripted-feed.ts"

type Event = KeyedEvent<string>

class UnknownTokenError extends SyncError {
  readonly code = "ERR_UNAUTHENTICATED"
  readonly recovery = "stop"
}

let clock: ManualClock
let store: ViewStore
let feeds: ScriptedFeeds<Event>

beforeEach(() => {
  clock = new ManualClock()
  feeds = new ScriptedFeeds()
  open()
})

afterEach(() => store.assertInvariants())

function open(viewsMax?: number) {
  store = new ViewStore({ clock, random: () => 0, ...(viewsMax && { viewsMax }) })
  store.register<Event, readonly string[]>("type", {
    subscribe: (_request, from, signal) => feeds.subscribe(from, signal),
    makeView: () => entriesView(),
  })
}

const put = (revision: number, value: string): ViewFrame<Event> => ({
  type: "events",
  revision,
  events: [{ op: "put", key: "k", value }],
})
const sync = (revision: number): ViewFrame<Event> => ({ type: "sync", revision })
const at = (revision: number, epoch = "e") => ({ epoch, revision })
const get = (request: object = {}) =>
  new Watched(store.get<readonly string[]>("type", { key: "k", ...request }))
const follow = (request: object = {}, signal?: AbortSignal) =>
  collect(
    store.notify<readonly string[]>(
      "type",
      { key: "k", ...request },
      { correlationId: "c", signal },
    ),
  )

const value = (value: string, revision: number, hit = false, isReset = false, epoch = "e") => ({
  type: "value",
  correlationId: "c",
  value: [value],
  meta: { hit, ageMs: 0, position: at(revision, epoch) },
  isReset,
})

describe("ViewStore", () => {
  test("SV-B11: another partition, token or key is another view", async () => {
    for (const request of [{}, { partition: "p" }, { token: "t" }, { key: "other" }, {}])
      get(request)
    await turn()

    expect([store.size, feeds.feeds.length]).toEqual([4, 4])
    await store.close()
  })

  test("SV-B12, SV-B13: all share one subscription, which ends when idle for long", async () => {
    const all = Array.from({ length: 50 }, () => get())
    const heard = follow()
    await turn()
    await feeds.last.send(put(1, "a"), sync(1))
    expect(new Set(all.map(({ state }) => state))).toEqual(new Set(["done"]))
    await clock.advance(5_000_000)
    expect([store.size, feeds.feeds.length, heard.events.length]).toEqual([1, 1, 1])
    const leaving = new AbortController()
    follow({}, leaving.signal)
    await turn()
    await store.close()
    await turn()

    expect([heard.error, feeds.last.isEnded]).toEqual([new ClosedError("shutdown"), true])
    expect(clock.timers).toBe(0)
  })

  test("SV-B13: the time counts from the last use, and anew each time", async () => {
    const got = get()
    await feeds.last.send(put(1, "a"), sync(1))
    await got.settled
    await clock.advance(1_199_999)
    await store.get("type", { key: "k" })
    await clock.advance(1_199_999)
    expect(store.size).toBe(1)
    await clock.advance(1)

    expect([store.size, feeds.last.isEnded, clock.timers]).toEqual([0, true, 0])
  })

  test("SV-B14: a get answers with the visible result after its time, no error", async () => {
    const never = get({ timeoutMs: 10 })
    await clock.advance(10)
    await feeds.last.send(put(3, "a"), sync(3))
    const waits = get({ since: at(3), timeoutMs: 1_000 })
    await clock.advance(1_000)

    expect(never.value).toEqual({
      value: undefined,
      meta: { hit: false, ageMs: 0, position: undefined },
    })
    expect(waits.value).toEqual({ value: ["a"], meta: { hit: false, ageMs: 0, position: at(3) } })
  })

  test("SV-B14: other errors are thrown, with the value", async () => {
    const leaving = new AbortController()
    const left = new Watched(store.get("type", { key: "k" }, leaving.signal))
    leaving.abort(new Error("gone"))
    await turn()

    expect(left.error).toEqual(new Error("gone"))
    await store.close()
  })

  test("SV-B15: notify begins at since, and sends every outcome, and a reset", async () => {
    get()
    await feeds.last.send(put(3, "a"), sync(3))
    const [fromThree, fromNothing] = [follow({ since: at(3) }), follow()]
    await feeds.last.send(put(4, "b"))
    feeds.refusal = new Error("down")
    await feeds.last.fail(feeds.refusal)
    feeds.refusal = undefined
    feeds.epoch = "f"
    await clock.advance(200)
    await feeds.last.send({ type: "reset" }, put(2, "c"), sync(2))

    const failing = {
      type: "state",
      correlationId: "c",
      state: "failing",
      error: new Error("down"),
    }
    const healthy = { type: "state", correlationId: "c", state: "healthy" }
    const rest = [value("b", 4), failing, value("c", 2, false, true, "f"), healthy]
    expect(fromThree.events).toEqual(rest)
    expect(fromNothing.events).toEqual([value("a", 3, true), ...rest])
    await store.close()
  })

  test("SV-B16, SV-E6: one that ended for good lets go with its last user, and once", async () => {
    const heard = follow()
    const waits = get()
    await turn()
    await feeds.last.fail(new UnknownTokenError("no such token"))
    await turn()

    const error = new UnknownTokenError("no such token")
    expect((waits.error as { cause: Error }).cause).toEqual(error)
    expect(heard.events).toEqual([{ type: "error", correlationId: "c", error }])
    expect([store.size, clock.timers]).toEqual([0, 0])
    const again = get()
    await feeds.last.send(sync(1))
    expect(again.state).toBe("done")
    await store.close()
  })

  test("SV-B16: a follower that got failures is not left waiting when the view ends", async () => {
    const heard = follow()
    await turn()
    await feeds.last.send(put(1, "a"), sync(1))
    feeds.refusal = new Error("down")
    await feeds.last.fail(feeds.refusal)
    feeds.refusal = new UnknownTokenError("no such token")
    await clock.advance(200)
    await turn()

    const state = { type: "state", correlationId: "c", state: "failing", error: new Error("down") }
    expect(heard.events).toEqual([value("a", 1), state])
    expect([store.size, clock.timers]).toEqual([0, 0])
  })

  test("makes room for a view by dropping an unused one, and refuses otherwise", async () => {
    open(2)
    const unused = get({ key: "a" })
    await feeds.last.send(sync(1))
    await unused.settled
    for (const key of ["b", "c"]) get({ key })
    await turn()
    expect([store.size, feeds.feeds[0]?.isEnded]).toEqual([2, true])
    const message = "all of 2 views are in use: raise viewsMax, or try again later"
    const error = new ReadThroughError(message, "ERR_TOO_MANY")
    await expect(store.get("type", { key: "d" })).rejects.toThrow(error)
    await store.close()
  })

  test("refuses unknown types, and everything once it is closed", async () => {
    expect(() => store.notify("none", { key: "k" })).toThrow(ReadThroughError)
    await store.close()
    await store.close()

    await expect(store.get("type", { key: "k" })).rejects.toThrow(new ClosedError("shutdown"))
  })
})
