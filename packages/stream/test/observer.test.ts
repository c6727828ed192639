import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { StreamLimits } from "../src/limits.ts"
import type { StreamObserver } from "../src/observer.ts"
import { EventPublisher } from "../src/publisher.ts"
import { event, read } from "./frames.ts"

describe("StreamObserver (debug wasm)", () => {
  let engine: Engine
  let clock: ManualClock
  let publisher: EventPublisher<string>
  let heard: string[]

  const note = (what: string) => (topic: string, how?: unknown) => {
    heard.push(`${what} ${topic}${how === undefined ? "" : ` ${JSON.stringify(how)}`}`)
  }
  const create = (limits: Partial<StreamLimits> = {}) => {
    const observer: StreamObserver = {
      onPublish: note("publish"),
      onEncode: note("encode"),
      onWake: note("wake"),
      onSnapshot: note("snapshot"),
      onSnapshotShared: note("shared"),
      onSubscribe: note("subscribe"),
      onClose: note("close"),
      onLag: note("lag"),
      onError: (error) => {
        throw error
      },
    }
    publisher?.close()
    publisher = new EventPublisher<string>({ clock, engine, limits, observer })
  }
  const hearing = (act: () => void): string[] => {
    heard = []
    act()
    return [...heard]
  }

  beforeEach(() => {
    engine = createEngine({ build: debugBuild, bytesMax: 4 * 2 ** 20 })
    clock = new ManualClock()
    heard = []
    create()
  })

  afterEach(() => {
    publisher.close()
    expect(engine.liveBytes()).toBe(0)
    expect(clock.timers).toBe(0)
  })

  test("publishes, drops, encodes and wake-ups, each once (CS-W8)", async () => {
    publisher.register("t", () => 1, { wildcard: true })
    const dropped = hearing(() => publisher.publish([event(1, "x", "a"), event(1, "x", "b")]))
    const readers = [1, 2, 3].map(() => publisher.subscribe({ topic: "t", subject: "a" }))
    for (const reader of readers) read(reader)
    const waits = readers.slice(1).map((reader) => reader.next())
    const published = hearing(() => publisher.publish([event(2, "x", "a"), event(2, "x", "b")]))
    await Promise.all(waits)

    expect(dropped).toEqual(['publish t {"events":2,"dropped":2}'])
    expect(published).toEqual(["wake t 2", "encode t 8", 'publish t {"events":2,"dropped":1}'])
  })

  test("subscribers by policy, snapshots built and shared, closes by reason (CS-W8)", () => {
    publisher.register("t", (_of, append) => {
      append([event(1, "x")])
      return 1
    })
    const pin = { type: "pin", itemsMax: 9, bytesMax: 99 } as const
    const begun = hearing(() => {
      publisher.subscribe({ topic: "t", identity: "me" })
      publisher.subscribe({ topic: "t", policy: pin })
      publisher.subscribe({ topic: "t", from: 1, policy: pin })
    })
    const { subscriptions } = publisher.stats()
    const ended = hearing(() => {
      publisher.closeFor("me", "auth-changed")
      publisher.refresh("t")
    })

    expect(begun).toEqual([
      "encode t 8",
      'snapshot t {"outcome":"built","durationMs":0}',
      'subscribe t {"policy":"conflate","resumed":false}',
      "shared t",
      'subscribe t {"policy":"pin","resumed":false}',
      'subscribe t {"policy":"pin","resumed":true}',
    ])
    expect(subscriptions).toEqual({ conflate: 1, pin: 2, disconnect: 0 })
    expect(ended).toEqual([
      'close t {"policy":"conflate","reason":"auth-changed"}',
      'close t {"policy":"pin","reason":"refresh"}',
      'close t {"policy":"pin","reason":"refresh"}',
    ])
  })

  test("how long a snapshot took, why it failed in full, and that it was given up", async () => {
    let settle = (_revision: number) => {}
    let refuse = (_error: Error) => {}
    publisher.register("t", () => {
      return new Promise((resolve, reject) => {
        settle = resolve
        refuse = reject
      })
    })
    const first = publisher.subscribe({ topic: "t" })
    await clock.advance(250)
    refuse(new TypeError("no table"))
    await clock.settle()
    const second = publisher.subscribe({ topic: "t" })
    await clock.advance(40)
    settle(3)
    await clock.settle()
    first.close()
    second.close()
    publisher.subscribe({ topic: "t" }).close()

    expect(heard.filter((what) => what.startsWith("snapshot"))).toEqual([
      'snapshot t {"outcome":"failed","error":{},"durationMs":250}',
      'snapshot t {"outcome":"built","durationMs":40}',
      'snapshot t {"outcome":"given-up","durationMs":0}',
    ])
  })

  test("lag, whether it was conflated or ended it, and its gauge (CS-W1, CS-W8)", async () => {
    create({ unreadItemsMax: 2 })
    publisher.register("t", () => 1)
    const conflated = publisher.subscribe({ topic: "t" })
    const pinned = publisher.subscribe({
      topic: "t",
      policy: { type: "pin", itemsMax: 2, bytesMax: 1_000 },
    })
    publisher.publish([event(2, "x")])
    await clock.advance(30)
    publisher.publish([event(3, "x")])
    expect(publisher.stats()).toEqual({
      topics: 1,
      subjects: 1,
      subscriptions: { conflate: 1, pin: 1, disconnect: 0 },
      queued: 0,
      unreadMax: { items: 2, bytes: 16, behindMs: 30 },
    })
    publisher.publish([event(4, "x")])
    const lags = hearing(() => {
      conflated.poll()
      expect(() => pinned.poll()).toThrow("lagged by 3 items")
      expect(() => pinned.poll()).toThrow("lagged by 3 items")
    })

    expect(lags).toEqual([
      'snapshot t {"outcome":"built","durationMs":0}',
      'lag t {"policy":"conflate","items":3,"lagMs":30,"outcome":"conflated"}',
      'lag t {"policy":"pin","items":3,"lagMs":30,"outcome":"lagged"}',
    ])
  })
})
