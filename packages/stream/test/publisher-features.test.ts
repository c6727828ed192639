import { ClosedError, type Event, InvariantError, TopicError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { StreamLimits } from "../src/limits.ts"
import { EventPublisher } from "../src/publisher.ts"
import { EVERY_SUBJECT } from "../src/subject.ts"
import type { Subscription } from "../src/subscription.ts"
import { event, read } from "./frames.ts"

let engine: Engine
let clock: ManualClock
let publisher: EventPublisher<string>

const create = (limits: Partial<StreamLimits> = {}) => {
  publisher?.close()
  publisher = new EventPublisher<string>({ clock, engine, limits })
  return publisher
}

beforeEach(() => {
  engine = createEngine({ build: debugBuild, bytesMax: 4 * 2 ** 20 })
  clock = new ManualClock()
  create()
})

afterEach(() => {
  publisher.close()
  expect(publisher.subscriptions).toBe(0)
  expect(engine.liveBytes()).toBe(0)
  expect(clock.timers).toBe(0)
})

describe("EventPublisher, resuming (debug wasm)", () => {
  const publishUpTo = (last: number, first = 2) => {
    for (let revision = first; revision <= last; revision++) {
      publisher.publish([event(revision, `${revision}`)])
    }
  }

  test("from every revision that is held it goes on, without framing (U3)", () => {
    publisher.register("t", () => 1)
    const first = publisher.subscribe({ topic: "t" })
    publishUpTo(6)

    for (let from = 1; from <= 6; from++) {
      const expected = [2, 3, 4, 5, 6]
        .filter((revision) => revision > from)
        .map((revision) => `${revision}@${revision}`)
      expect(read(publisher.subscribe({ topic: "t", from }))).toEqual(expected)
    }
    expect(read(first)[0]).toBe("sync 1")
  })

  test("from the revision of a sync it goes on, though nothing was published (CS-B33)", () => {
    publisher.register("t", () => 5)
    publisher.subscribe({ topic: "t" })

    const back = publisher.subscribe({ topic: "t", from: 5 })
    expect(read(back)).toEqual([])
    publisher.publish([event(6, "6")])
    expect(read(back)).toEqual(["6@6"])
  })

  test("below what is held it is reset; history is bounded in items and in bytes", () => {
    for (const limits of [{ historyItemsMax: 2 }, { historyBytesMax: 16 }]) {
      create(limits)
      publisher.register("t", () => 1)
      publisher.subscribe({ topic: "t" })
      publishUpTo(6)

      expect(read(publisher.subscribe({ topic: "t", from: 4 }))).toEqual(["5@5", "6@6"])
      expect(read(publisher.subscribe({ topic: "t", from: 3 }))[0]).toBe("reset")
    }
  })

  test("CS-E5: a revision that is not known yet is reset", () => {
    publisher.register("t", () => 3)
    publisher.subscribe({ topic: "t" })
    publisher.publish([event(4, "4")])

    expect(read(publisher.subscribe({ topic: "t", from: 5 }))[0]).toBe("reset")
  })

  test("CS-E15: a reader that got 1 for an empty state misses nothing at revision 1", () => {
    let state = 0
    publisher.register("t", (_, append) => {
      if (state > 0) append([event(1, "one")])
      return state
    })
    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["sync 1"])
    state = 1
    publisher.publish([event(1, "one")])
    publisher.publish([event(2, "two")])

    const back = read(publisher.subscribe({ topic: "t", from: 1 }))
    expect(back[0]).toBe("reset")
    expect(back.slice(1)).toEqual(["sync 1", "one@1", "two@2"])
  })

  test("CS-E7: a revision of before a refresh is of another epoch for all readers", () => {
    publisher.register("t", () => 5)
    const old = publisher.subscribe({ topic: "t" })
    publisher.refresh("t")
    expect(() => old.poll()).toThrow(new ClosedError("refresh"))
    const other = publisher.subscribe({ topic: "t" })

    const back = publisher.subscribe({ topic: "t", from: 5, epoch: old.epoch })
    expect(read(back)).toEqual(["reset", "sync 5"])
    expect(read(publisher.subscribe({ topic: "t", from: 5, epoch: other.epoch }))).toEqual([])
  })

  test("full memory takes history and shared snapshots before subscribers", () => {
    create({ historyItemsMax: 1e6, historyBytesMax: 1e9 })
    publisher.register("t", () => 1)
    const subscription = publisher.subscribe({ topic: "t" })
    read(subscription)
    const payload = "x".repeat(100_000)
    for (let revision = 2; revision < 100; revision++) {
      publisher.publish([event(revision, payload)])
      expect(read(subscription)).toEqual([`${payload}@${revision}`])
    }
  })
})

describe("EventPublisher, wildcard (debug wasm)", () => {
  test("CS-E16: every subject in one subscription, beside one of them; each event once", () => {
    publisher.register("t", () => 1, { wildcard: true })
    const every = publisher.subscribe({ topic: "t", subject: EVERY_SUBJECT })
    const named = publisher.subscribe({ topic: "t", subject: "a" })
    publisher.publish([event(2, "1", "a"), event(2, "2", "b")])
    publisher.publish([event(3, "3", "b")])

    expect(read(every)).toEqual(["sync 1", "a:1,b:2@2", "b:3@3"])
    expect(read(named)).toEqual(["sync 1", "a:1@2"])
  })

  test("its snapshot names the subject of each event", () => {
    publisher.register(
      "t",
      (_, append) => {
        append([event(1, "x", "a"), event(1, "y", "b")])
        return 1
      },
      { wildcard: true },
    )
    const every = publisher.subscribe({ topic: "t", subject: EVERY_SUBJECT })
    expect(read(every)).toEqual(["a:x,b:y@1", "sync 1"])
  })

  test("it is opt-in, and no event has it for a subject (CS-B28, CS-B43)", () => {
    publisher.register("t")
    expect(() => publisher.subscribe({ topic: "t", subject: EVERY_SUBJECT })).toThrow(TopicError)
    expect(publisher.subscriptions).toBe(0)
    expect(() => publisher.publish([event(1, "x", EVERY_SUBJECT)])).toThrow(InvariantError)
  })
})

describe("EventPublisher, permits (debug wasm)", () => {
  test("CS-E14: a commit is cut down for one, and shared whole by the others", () => {
    publisher.register("t", (_, append) => {
      append([event(1, "public"), event(1, "secret")])
      return 1
    })
    const permits = ({ payload }: Event<string>) => !payload.startsWith("secret")
    const some = publisher.subscribe({ topic: "t", permits })
    const all = publisher.subscribe({ topic: "t" })
    publisher.publish([event(2, "secret 2")])
    publisher.publish([event(3, "a"), event(3, "secret 3")])

    expect(read(some)).toEqual(["public@1", "sync 1", "a@3"])
    expect(read(all)).toEqual(["public,secret@1", "sync 1", "secret 2@2", "a,secret 3@3"])
  })

  test("what permits everything shares the frame itself (CS-B55)", () => {
    publisher.register("t")
    const [a, b] = [() => true, undefined].map((permits) =>
      publisher.subscribe({ topic: "t", ...(permits === undefined ? {} : { permits }) }),
    ) as [Subscription<string>, Subscription<string>]
    a.poll()
    b.poll()
    publisher.publish([event(1, "x")])

    expect(a.poll()).toBe(b.poll())
  })

  test("permits that throws shows nothing more, and throws each time", () => {
    publisher.register("t")
    const failure = new Error("no answer")
    const permits = () => {
      throw failure
    }
    const subscription = publisher.subscribe({ topic: "t", permits })
    expect(read(subscription)).toEqual(["sync 1"])
    publisher.publish([event(2, "x")])

    expect(() => subscription.poll()).toThrow(failure)
    expect(() => subscription.poll()).toThrow(failure)
  })
})

describe("EventPublisher, topics that come and go (debug wasm)", () => {
  test("a topic is unregistered and registered anew while others go on (CS-W11)", () => {
    publisher.register("t", () => 1)
    publisher.register("other", () => 1)
    const subscription = publisher.subscribe({ topic: "t" })
    const other = publisher.subscribe({ topic: "other" })
    publisher.unregister("t")

    expect(() => subscription.poll()).toThrow(new ClosedError("refresh"))
    expect(() => publisher.subscribe({ topic: "t" })).toThrow(TopicError)
    expect(() => publisher.unregister("t")).toThrow(TopicError)
    publisher.register("t", () => 7)
    expect(read(publisher.subscribe({ topic: "t", from: 1, epoch: subscription.epoch }))).toEqual([
      "reset",
      "sync 7",
    ])
    expect(read(other)).toEqual(["sync 1"])
  })
})

describe("EventPublisher, offer (debug wasm)", () => {
  test("batches are published in order, each in its own turn (CS-B42)", async () => {
    publisher.register("t")
    const subscription = publisher.subscribe({ topic: "t" })
    const offers = [1, 2, 3].map((revision) => publisher.offer([event(revision, `${revision}`)]))
    expect(read(subscription)).toEqual(["sync 1"])
    await Promise.all(offers)

    expect(read(subscription)).toEqual(["1@1", "2@2", "3@3"])
  })

  test("a full queue holds its caller back, which may give up (CS-B42)", async () => {
    create({ queueBatchesMax: 1 })
    publisher.register("t")
    const subscription = publisher.subscribe({ topic: "t" })
    const queued = publisher.offer([event(1, "1")])
    const controller = new AbortController()
    const givenUp = publisher.offer([event(2, "2")], controller.signal)
    const waiting = publisher.offer([event(3, "3")])
    controller.abort(new Error("enough"))

    await expect(givenUp).rejects.toThrow("enough")
    await Promise.all([queued, waiting])
    expect(read(subscription)).toEqual(["sync 1", "1@1", "3@3"])
  })

  test("close() rejects queued and waiting offers (CS-B48)", async () => {
    create({ queueBatchesMax: 1 })
    publisher.register("t")
    const offers = [1, 2].map((revision) => publisher.offer([event(revision, "x")]))
    publisher.close()

    const outcomes = await Promise.allSettled(offers)
    expect(outcomes).toEqual(
      [1, 2].map(() => ({ status: "rejected", reason: new ClosedError("shutdown") })),
    )
  })
})
