import { debugBuild } from "@headwater/core/debug"
import { createEngine } from "@headwater/core/engine"
import { integerBelow, ManualClock, prng, seedFrom } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { EventPublisher } from "../src/publisher.ts"
import type { Subscription } from "../src/subscription.ts"

const isFull = process.env.HEADWATER_FULL === "1"
const READERS = isFull ? 1_000 : 100
const ITEMS = isFull ? 1_000 : 300

/** A reader that now and then does not read for a while. */
interface Reader {
  readonly subscription: Subscription<number>
  readonly seen: number[]
  pausedUntil: number
}

/** Mostly 0 or 1, seldom many: rank r with a probability that falls as 1/r. */
function zipf(random: () => number, ranks: number): number {
  return Math.floor(ranks ** random()) - 1
}

describe("one writer and many readers (model)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)

  test(`every reader sees all, in order: ${READERS} readers, ${ITEMS} items`, () => {
    const random = prng(seed)
    const clock = new ManualClock()
    const engine = createEngine(isFull ? {} : { build: debugBuild })
    const publisher = new EventPublisher<number>({ clock, engine })
    publisher.register("t", () => 1)
    const policy = { type: "pin", itemsMax: ITEMS, bytesMax: 1e9 } as const
    const readers: Reader[] = Array.from({ length: READERS }, () => ({
      subscription: publisher.subscribe({ topic: "t", policy }),
      seen: [],
      pausedUntil: 0,
    }))

    for (let revision = 2; revision <= ITEMS + 1; revision++) {
      publisher.publish([{ topic: "t", subject: "", revision, payload: revision }])
      for (const reader of readers) {
        if (reader.pausedUntil > revision) continue
        drain(reader)
        reader.pausedUntil = revision + zipf(random, ITEMS)
      }
      // A reader leaves, and comes back to where it was.
      const mover = readers[integerBelow(random, READERS)] as Reader
      drain(mover)
      mover.subscription.close()
      const at = { from: revision, epoch: mover.subscription.epoch }
      const subscription = publisher.subscribe({ topic: "t", policy, ...at })
      readers[readers.indexOf(mover)] = { ...mover, subscription }
    }

    const all = Array.from({ length: ITEMS }, (_, index) => index + 2)
    for (const reader of readers) {
      drain(reader)
      expect(reader.seen, `HEADWATER_SEED=${seed}`).toEqual(all)
    }
    publisher.close()
    expect(engine.liveBytes()).toBe(0)
  })
})

function drain({ subscription, seen }: Reader): void {
  for (let frame = subscription.poll(); frame !== undefined; frame = subscription.poll()) {
    if (frame.type === "reset") throw new Error("it was resumed, or read from the beginning")
    if (frame.type === "events") seen.push(...frame.events.map(({ payload }) => payload))
  }
}
