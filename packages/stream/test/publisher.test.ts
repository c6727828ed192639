import { ClosedError, InvariantError, LaggedError, SourceError, TopicError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { StreamLimits } from "../src/limits.ts"
import { EventPublisher } from "../src/publisher.ts"
import { PublisherFullError } from "../src/publisher-full-error.ts"
import type { StreamFrame } from "../src/subscription.ts"
import { event, read, show } from "./frames.ts"

describe("EventPublisher (debug wasm)", () => {
  let engine: Engine
  let clock: ManualClock
  let publisher: EventPublisher<string>

  const create = (limits: Partial<StreamLimits> = {}) =>
    new EventPublisher<string>({ clock, engine, limits })

  beforeEach(() => {
    engine = createEngine({ build: debugBuild, bytesMax: 4 * 2 ** 20 })
    clock = new ManualClock()
    publisher = create()
  })

  // Closing a publisher closes its subscriptions; what they held is free then.
  afterEach(() => {
    publisher.close()
    expect(publisher.subscriptions).toBe(0)
    expect(engine.liveBytes()).toBe(0)
    expect(clock.timers).toBe(0)
  })

  const register = (state: () => [number, ...string[]]) => {
    let calls = 0
    publisher.register("t", ({ subject }, append) => {
      calls++
      const [revision, ...payloads] = state()
      for (const payload of payloads) append([event(revision, payload, subject)])
      return revision
    })
    return () => calls
  }

  test("a fresh subscriber gets the state, a sync, and every event after it (CS-B31)", () => {
    register(() => [3, "a", "b"])
    const subscription = publisher.subscribe({ topic: "t" })
    publisher.publish([event(4, "c"), event(4, "d")])
    publisher.publish([event(5, "e")])

    expect(read(subscription)).toEqual(["a@3", "b@3", "sync 3", "c,d@4", "e@5"])
  })

  test("an empty state is a sync alone, at revision 1 at least (CS-B16, CS-E15)", () => {
    register(() => [0])

    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["sync 1"])
  })

  test("a topic without a handler has no state: what comes, comes", () => {
    publisher.register("t")
    const subscription = publisher.subscribe({ topic: "t" })
    publisher.publish([event(1, "a")])

    expect(read(subscription)).toEqual(["sync 1", "a@1"])
  })

  test("a topic without a handler sends no earlier events, only their newest revision", () => {
    publisher.register("t")
    const first = publisher.subscribe({ topic: "t" })
    publisher.publish([event(4, "a")])
    const second = publisher.subscribe({ topic: "t" })
    const third = publisher.subscribe({ topic: "t" })
    publisher.publish([event(5, "b")])

    expect(read(first)).toEqual(["sync 1", "a@4", "b@5"])
    expect([read(second), read(third)]).toEqual([
      ["sync 4", "b@5"],
      ["sync 4", "b@5"],
    ])
  })

  test("from the newest revision it is resumed, without framing (CS-B30)", () => {
    register(() => [3, "a"])
    const other = publisher.subscribe({ topic: "t" })
    publisher.publish([event(4, "b")])
    const resumed = publisher.subscribe({ topic: "t", from: 4 })
    publisher.publish([event(5, "c")])

    expect(read(resumed)).toEqual(["c@5"])
    expect(read(other)).toEqual(["a@3", "sync 3", "b@4", "c@5"])
  })

  test("from any other revision it is reset first (CS-B32, CS-E5)", () => {
    register(() => [4, "a"])
    publisher.subscribe({ topic: "t" })
    publisher.publish([event(4, "b")])

    expect(read(publisher.subscribe({ topic: "t", from: 3 }))).toEqual(["reset", "a@4", "sync 4"])
    expect(read(publisher.subscribe({ topic: "t", from: 9 }))).toEqual(["reset", "a@4", "sync 4"])
  })

  test("a shared snapshot holds no reset, but all that came since (CS-B25, CS-B27)", async () => {
    const calls = register(() => [1, "a"])
    publisher.subscribe({ topic: "t", from: 9 })
    publisher.publish([event(2, "b")])
    await clock.advance(9_999)

    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["a@1", "sync 1", "b@2"])
    expect(calls()).toBe(1)
    await clock.advance(1)
    publisher.subscribe({ topic: "t" })
    expect(calls()).toBe(2)
  })

  test("a snapshot is built once for all that ask meanwhile (CS-E12)", async () => {
    publisher.close()
    publisher = create({ snapshotTtlMs: 0 })
    let finish: (revision: number) => void = () => {}
    let calls = 0
    publisher.register("t", (_of, append) => {
      calls++
      append([event(2, "a")])
      return new Promise((resolve) => {
        finish = resolve
      })
    })
    const first = publisher.subscribe({ topic: "t" })
    const second = publisher.subscribe({ topic: "t" })
    expect([read(first), read(second), calls]).toEqual([["a@2"], ["a@2"], 1])

    publisher.publish([event(2, "a")])
    publisher.publish([event(3, "b")])
    finish(2)
    await clock.settle()
    expect([read(first), read(second)]).toEqual([
      ["sync 2", "b@3"],
      ["sync 2", "b@3"],
    ])
    publisher.subscribe({ topic: "t" })
    expect(calls).toBe(2)
  })

  test("a state a little older than what was published loses nothing (CS-B18, CS-E3)", async () => {
    let state: [number, ...string[]] = [0]
    register(() => {
      if (state[0] === 1) publisher.publish([event(3, "c")])
      return state
    })
    const keeper = publisher.subscribe({ topic: "t" })
    await clock.advance(10_000)
    publisher.publish([event(1, "a")])
    publisher.publish([event(2, "b")])
    state = [1, "a"]

    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["a@1", "sync 1", "b@2", "c@3"])
    expect(read(keeper)).toEqual(["sync 1", "a@1", "b@2", "c@3"])
  })

  test("a snapshot that fails gives what it had, then the error (CS-B15, CS-E1)", () => {
    let fails = true
    publisher.register("t", (_of, append) => {
      append([event(1, "a")])
      if (fails) throw new SourceError("no state")
      return 1
    })
    const subscription = publisher.subscribe({ topic: "t" })

    expect(show(subscription.poll() as StreamFrame<string>)).toBe("a@1")
    expect(() => subscription.poll()).toThrow(new SourceError("no state"))
    expect(() => subscription.poll()).toThrow(new SourceError("no state"))
    fails = false
    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["a@1", "sync 1"])
  })

  test("a handler's own exception does not show its text", async () => {
    publisher.register("t", () => Promise.reject(new Error("password=hunter2")))
    const subscription = publisher.subscribe({ topic: "t" })

    await expect(subscription.next()).rejects.toEqual(
      new SourceError("the snapshot could not be read"),
    )
  })

  test("subjects are apart; order holds within each (CS-B46, CS-B47)", () => {
    publisher.register("t")
    const a = publisher.subscribe({ topic: "t", subject: "a" })
    const b = publisher.subscribe({ topic: "t", subject: "b" })
    publisher.publish([
      event(1, "1", "a"),
      event(1, "2", "b"),
      event(1, "3", "a"),
      event(1, "4", "c"),
    ])
    publisher.publish([event(2, "5", "b")])

    expect(read(a)).toEqual(["sync 1", "a:1,a:3@1"])
    expect(read(b)).toEqual(["sync 1", "b:2@1", "b:5@2"])
  })

  test("buffer and snapshot go with the last subscriber (CS-B26)", () => {
    const calls = register(() => [1, "a"])
    publisher.subscribe({ topic: "t" }).close()
    publisher.publish([event(2, "b")])

    expect(engine.liveBytes()).toBe(0)
    expect(read(publisher.subscribe({ topic: "t", from: 2 }))).toEqual(["reset", "a@1", "sync 1"])
    expect(calls()).toBe(2)
  })

  test("closeFor() and refresh() close within the call, once (CS-B40, CS-E9)", async () => {
    publisher.register("t")
    const mine = publisher.subscribe({ topic: "t", identity: "me" })
    const too = publisher.subscribe({ topic: "t", identity: "me" })
    const yours = publisher.subscribe({ topic: "t", identity: "you" })
    read(mine)
    const waiting = mine.next()
    publisher.closeFor("me", "auth-changed")
    publisher.refresh("t")

    expect([mine.closed, too.closed, yours.closed]).toEqual([
      "auth-changed",
      "auth-changed",
      "refresh",
    ])
    await expect(waiting).rejects.toEqual(new ClosedError("auth-changed"))
    expect(publisher.subscriptions).toBe(0)
  })

  test("after a refresh nothing is resumed from the old time (CS-E6, CS-E7)", () => {
    let state: [number, ...string[]] = [9, "old"]
    register(() => state)
    const old = publisher.subscribe({ topic: "t" })
    publisher.publish([event(10, "older")])
    state = [3, "new"]
    publisher.refresh()

    expect(() => old.poll()).toThrow(new ClosedError("refresh"))
    expect(read(publisher.subscribe({ topic: "t", from: 10 }))).toEqual([
      "reset",
      "new@3",
      "sync 3",
    ])
  })

  test("conflate: a reader with too much unread gets the state anew, and stays", () => {
    publisher.close()
    publisher = create({ unreadItemsMax: 3, historyItemsMax: 1 })
    let newest = 1
    register(() => [newest, `state ${newest}`])
    const slow = publisher.subscribe({ topic: "t" })
    const quick = publisher.subscribe({ topic: "t" })
    for (newest = 2; newest <= 6; newest++) {
      publisher.publish([event(newest, `${newest}`)])
      read(quick)
    }
    newest = 6

    expect(read(slow)).toEqual(["reset", "state 6@6", "sync 6"])
    publisher.publish([event(7, "7")])
    expect(read(slow)).toEqual(["7@7"])
    expect(engine.stats().items).toBeLessThan(12)
  })

  test("pin: everything up to the bound, then LaggedError, and the memory is free", () => {
    publisher.register("t")
    const policy = { type: "pin", itemsMax: 2, bytesMax: 1_000 } as const
    const slow = publisher.subscribe({ topic: "t", policy })
    publisher.publish([event(1, "a")])
    publisher.publish([event(2, "b")])
    expect(read(slow)).toEqual(["sync 1", "a@1", "b@2"])
    for (let revision = 3; revision <= 5; revision++) publisher.publish([event(revision, "x")])

    expect(() => slow.poll()).toThrow(new LaggedError(0, 3))
    expect(() => slow.poll()).toThrow(LaggedError)
    expect(slow.closed).toBeUndefined()
  })

  test("disconnect: lagging for long ends it; a late start does not", async () => {
    publisher.register("t")
    const policy = { type: "disconnect", lagMs: 1_000, graceMs: 3_000 } as const
    const slow = publisher.subscribe({ topic: "t", policy })
    publisher.publish([event(1, "a")])
    await clock.advance(2_000)
    publisher.publish([event(2, "b")])
    expect(read(slow)).toEqual(["sync 1", "a@1", "b@2"])

    publisher.publish([event(3, "c")])
    await clock.advance(1_001)
    publisher.publish([event(4, "d")])
    expect(() => slow.poll()).toThrow(new LaggedError(1_001, 2))
  })

  test("full memory closes its own subject, and other readers stay right", () => {
    publisher.register("t")
    const slow = publisher.subscribe({ topic: "t" })
    const large = "x".repeat(600_000)
    let revision = 0
    while (slow.closed === undefined && revision < 20) publisher.publish([event(++revision, large)])

    expect(slow.closed).toBe("forced")
    const next = publisher.subscribe({ topic: "t" })
    publisher.publish([event(revision + 1, "a")])
    expect(read(next).at(-1)).toBe(`a@${revision + 1}`)
  })

  test("tables are bounded, and names are checked", () => {
    publisher.close()
    publisher = create({ topicsMax: 1, subscriptionsMax: 1 })
    publisher.register("t")

    expect(() => publisher.register("t")).toThrow(TopicError)
    expect(() => publisher.register("")).toThrow(TopicError)
    expect(() => publisher.register("u")).toThrow(new PublisherFullError("topics", 1))
    expect(() => publisher.subscribe({ topic: "u" })).toThrow(TopicError)
    expect(() => publisher.refresh("u")).toThrow(TopicError)
    publisher.subscribe({ topic: "t" })
    expect(() => publisher.subscribe({ topic: "t" })).toThrow(
      new PublisherFullError("subscriptions", 1),
    )
  })

  test("one publish is one commit, and each of a subject is above the one before", () => {
    publisher.register("t")
    publisher.publish([])
    const subscription = publisher.subscribe({ topic: "t" })
    publisher.publish([event(3, "a")])
    for (const revision of [3, 2]) {
      expect(() => publisher.publish([event(revision, "b")])).toThrow(InvariantError)
    }
    publisher.publish([event(2, "elsewhere", "s")])
    expect(read(subscription)).toEqual(["sync 1", "a@3"])

    expect(() => publisher.publish([event(0, "a")])).toThrow(InvariantError)
    expect(() => publisher.publish([event(1, "a"), event(2, "b")])).toThrow(InvariantError)
  })

  test("close() closes everything, and refuses the rest (CS-B48)", () => {
    publisher.register("t")
    const subscription = publisher.subscribe({ topic: "t" })
    publisher.close()

    expect(subscription.closed).toBe("shutdown")
    expect(() => publisher.publish([event(1, "a")])).toThrow(new ClosedError("shutdown"))
    expect(() => publisher.subscribe({ topic: "t" })).toThrow(new ClosedError("shutdown"))
    publisher.close()
  })

  test("payloads are decoded once for all readers of the newest item", () => {
    let decodes = 0
    const codec = {
      encode: (payload: string) => new TextEncoder().encode(payload),
      decode: (bytes: Uint8Array) => {
        decodes++
        return new TextDecoder().decode(bytes)
      },
    }
    const shared = new EventPublisher<string>({ clock, engine, codec })
    shared.register("t")
    const subscriptions = Array.from({ length: 100 }, () => shared.subscribe({ topic: "t" }))
    shared.publish([event(1, "a")])

    for (const subscription of subscriptions) expect(read(subscription)).toEqual(["sync 1", "a@1"])
    expect(decodes).toBe(1)
    shared.close()
  })
})
