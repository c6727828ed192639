import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { StreamLimits } from "../src/limits.ts"
import { EventPublisher } from "../src/publisher.ts"
import type { Subscription } from "../src/subscription.ts"
import { event } from "./frames.ts"

let engine: Engine
let clock: ManualClock
let publisher: EventPublisher<string>

beforeEach(() => {
  engine = createEngine()
  clock = new ManualClock()
})

afterEach(async () => {
  publisher.close()
  await clock.settle()
  expect(engine.liveBytes()).toBe(0)
  expect(clock.timers).toBe(0)
})

/** A state that is as large as it is old: one batch an item, and then one event after another. */
function serve(items: number, limits: Partial<StreamLimits> = {}) {
  let revision = 1
  publisher = new EventPublisher<string>({ clock, engine, limits })
  publisher.register("t", (_of, append) => {
    for (let item = 0; item < items; item++) append([event(revision, `item ${item}`)])
    return revision
  })
  return { publish: () => publisher.publish([event(++revision, "change")]) }
}

/** Reads so many frames, with so many events between one and the next. */
function readSlowly(
  subscription: Subscription<string>,
  options: { readonly frames: number; readonly eventsPerFrame: number; publish(): void },
) {
  const seen = { resets: 0, syncs: [] as number[], revision: 0 }
  let due = 0
  for (let frame = 0; frame < options.frames; frame++) {
    const next = subscription.poll()
    if (next?.type === "reset") seen.resets++
    if (next?.type === "sync") seen.syncs.push(next.revision)
    if (next?.type === "events") seen.revision = next.revision
    for (due += options.eventsPerFrame; due >= 1; due--) options.publish()
    if (frame % 100 === 0) publisher.assertInvariants()
  }
  return seen
}

describe("a conflated reader", () => {
  test("becomes whole and live when events come more slowly than it reads", () => {
    const { publish } = serve(50_000)
    const slow = publisher.subscribe({ topic: "t" })

    const seen = readSlowly(slow, { frames: 70_000, eventsPerFrame: 1 / 4, publish })

    expect(seen.resets).toBe(0)
    expect(seen.syncs).toEqual([1])
    expect(slow.unread?.items).toBeLessThanOrEqual(1)
  })

  test.each([
    [1, 5_000, 500],
    [3, 5_000, 500],
    [50, 500, 1_000],
    [4, 40, 1],
    [40, 40, 0],
  ])(
    "at %d events a frame, a state of %d items and a bound of %d, is whole again and again",
    (eventsPerFrame, items, unreadItemsMax) => {
      const { publish } = serve(items, { unreadItemsMax, historyItemsMax: 8 })
      const slow = publisher.subscribe({ topic: "t" })

      const frames = 8 * items + 100
      const { resets, syncs } = readSlowly(slow, { frames, eventsPerFrame, publish })

      expect(syncs.length).toBeGreaterThanOrEqual(3)
      expect(syncs).toEqual([...new Set(syncs)].sort((a, b) => a - b))
      expect(resets).toBeLessThan(3 * syncs.length + 3)
    },
  )

  test("becomes whole by a handler that takes longer than the bound", async () => {
    publisher = new EventPublisher<string>({ clock, engine, limits: { unreadItemsMax: 10 } })
    let revision = 1
    publisher.register("t", async (_of, append, signal) => {
      const of = revision
      for (let batch = 0; batch < 5 && !signal.aborted; batch++) {
        append([event(of, `batch ${batch}`)])
        await clock.sleep(10, signal)
      }
      return of
    })
    const slow = publisher.subscribe({ topic: "t" })
    const syncs: number[] = []
    for (let ms = 0; ms < 400; ms++) {
      for (let frame = slow.poll(); frame; frame = slow.poll()) {
        if (frame.type === "sync") syncs.push(frame.revision)
      }
      publisher.publish([event(++revision, "change")])
      await clock.advance(1)
    }

    expect(syncs.length).toBeGreaterThanOrEqual(2)
  })

  test("that pauses in the middle of an unlinked state holds it for a while only", async () => {
    const limits = { unreadItemsMax: 10, historyItemsMax: 0, snapshotTtlMs: 0 }
    const { publish } = serve(1_000, limits)
    const slow = publisher.subscribe({ topic: "t" })
    // It lags in the middle of a state that it would need more than its size of events for.
    readSlowly(slow, { frames: 500, eventsPerFrame: 3, publish })
    readSlowly(slow, { frames: 100, eventsPerFrame: 3, publish })
    expect(engine.stats().items).toBeGreaterThan(500)

    await clock.advance(10_001)
    for (let events = 0; events < 20; events++) publish()

    expect(engine.stats().items).toBeLessThan(20)
    expect(slow.poll()).toEqual({ type: "reset" })
  })
})

test("a state that is read slowly holds a trail as large as itself", async () => {
  const { publish } = serve(2_000, { unreadItemsMax: 100, historyItemsMax: 0, snapshotTtlMs: 0 })
  const slow = publisher.subscribe({ topic: "t" })
  let itemsMax = 0
  for (let step = 0; step < 20_000; step++) {
    publish()
    if (step % 5 === 0) slow.poll()
    // Snapshots that are not shared are dropped in a turn of their own.
    await Promise.resolve()
    itemsMax = Math.max(itemsMax, engine.stats().items)
  }

  expect(itemsMax).toBeLessThan(2 * 2_000 + 100)
})
