import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { ClosedError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { EventPublisher } from "../src/publisher.ts"
import type { Subscription } from "../src/subscription.ts"
import { event, read } from "./frames.ts"

const isFull = process.env.HEADWATER_FULL === "1"
const ROUNDS = 10
const SUBSCRIPTIONS = isFull ? 10_000 : 1_000
// A subscription that stayed would hold about 1 kB; what a runtime caches of code does not grow.
const HEAP_BYTES_MAX = 2 ** 20

describe("nothing is left", () => {
  test(`of ${ROUNDS * SUBSCRIPTIONS} subscriptions that came and went, in every way`, async () => {
    const engine = createEngine(isFull ? {} : { build: debugBuild })
    const clock = new ManualClock()
    const publisher = new EventPublisher<string>({ clock, engine })
    publisher.register("t", (_of, append) => {
      append([event(1, "state")])
      return 1
    })
    let revision = 1
    const round = async () => {
      const open: Subscription<string>[] = []
      const waits: Promise<unknown>[] = []
      const abort = new AbortController()
      for (let index = 0; index < SUBSCRIPTIONS; index++) {
        const identity = `user ${index % 7}`
        const subscription = publisher.subscribe({ topic: "t", identity })
        open.push(subscription)
        if (index % 3 === 0) read(subscription)
        if (index % 3 === 1) waits.push(subscription.next(abort.signal))
        if (index % 100 === 0) publisher.publish([event(++revision, "x")])
      }
      for (const [index, subscription] of open.entries()) {
        if (index % 4 === 0) subscription.close()
        if (index % 4 === 1) waits.push(consumeOne(subscription))
      }
      const settled = Promise.allSettled(waits)
      publisher.closeFor("user 1", "auth-changed")
      publisher.publish([event(++revision, "last")])
      await clock.settle()
      publisher.refresh("t")
      abort.abort()
      await settled
    }
    await round()
    const before = heapBytes()
    for (let index = 1; index < ROUNDS; index++) {
      await round()
      expect([publisher.subscriptions, engine.liveBytes(), clock.timers]).toEqual([0, 0, 0])
      expect(publisher.stats().subjects).toBe(0)
    }
    const grown = (heapBytes() ?? 0) - (before ?? 0)
    expect(grown).toBeLessThan(HEAP_BYTES_MAX)
    publisher.close()
  }, 120_000)

  test("of many subjects that were listened to once", () => {
    const engine = createEngine({ build: debugBuild })
    const clock = new ManualClock()
    const publisher = new EventPublisher<string>({ clock, engine })
    publisher.register("t", () => 1)
    for (let index = 0; index < SUBSCRIPTIONS; index++) {
      const subject = `subject ${index}`
      const subscription = publisher.subscribe({ topic: "t", subject })
      publisher.publish([event(index + 2, "x", subject)])
      expect(read(subscription)).toHaveLength(2)
      subscription.close()
    }

    expect([engine.liveBytes(), clock.timers, publisher.stats().subjects]).toEqual([0, 0, 0])
    publisher.close()
  })

  test("of waits that were aborted, at each frame", async () => {
    const engine = createEngine({ build: debugBuild })
    const publisher = new EventPublisher<string>({ clock: new ManualClock(), engine })
    publisher.register("t", (_of, append) => {
      append([event(1, "state")])
      return 1
    })
    const subscription = publisher.subscribe({ topic: "t" })
    publisher.publish([event(2, "x")])
    const frames: string[] = []
    for (let index = 0; index < 5; index++) {
      // Data beats cancelled: an item is returned to a cancelled caller, so nothing is lost.
      const late = AbortSignal.abort(new Error("late"))
      const outcome = await subscription.next(late).catch((error: Error) => error.message)
      frames.push(typeof outcome === "string" ? outcome : outcome.type)
      const abort = new AbortController()
      const next = subscription.next(abort.signal).catch((error: Error) => error.message)
      abort.abort(new Error("left"))
      const waited = await next
      frames.push(typeof waited === "string" ? waited : waited.type)
    }
    subscription.close()

    expect(frames).toEqual(["events", "sync", "events", ...Array(7).fill(0).map(give)])
    expect(engine.liveBytes()).toBe(0)
    publisher.close()
  })
})

function give(_: unknown, index: number): string {
  return index % 2 === 0 ? "left" : "late"
}

async function consumeOne(subscription: Subscription<string>): Promise<void> {
  try {
    for await (const _ of subscription) return
  } catch (error) {
    if (!(error instanceof ClosedError)) throw error
  }
}

/** Bytes of the heap in use after a collection; only Node lets itself be asked for one. */
function heapBytes(): number | undefined {
  if ("Bun" in globalThis || "Deno" in globalThis) return undefined
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as () => void
  collect()
  return process.memoryUsage().heapUsed
}
