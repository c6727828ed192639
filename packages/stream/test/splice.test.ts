import type { Event } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { EventPublisher } from "../src/publisher.ts"
import type { Subscription } from "../src/subscription.ts"

// What can happen, in the order in which each of them does it:
//   the writer commits a revision and then publishes it, three times
//   the first subscriber subscribes; its snapshot reads the state; its snapshot is whole
//   another one subscribes, or leaves, or the shared snapshot is let go of
const WRITER = ["commit", "publish", "commit", "publish", "commit", "publish"] as const
const READER = ["subscribe", "read", "finish"] as const
const OTHERS = [
  ["expire", "join"],
  ["join", "leave"],
] as const
type Step = (typeof WRITER)[number] | (typeof READER)[number] | (typeof OTHERS)[number][number]

/** All ways to merge lists, each in its own order. */
function* merges(lists: readonly (readonly Step[])[]): Generator<Step[]> {
  const left = lists.filter((list) => list.length > 0)
  if (left.length === 0) yield []
  for (const list of left) {
    const rest = left.map((other) => (other === list ? other.slice(1) : other))
    for (const tail of merges(rest)) yield [list[0] as Step, ...tail]
  }
}

class Reader {
  readonly subscription: Subscription<number>
  readonly #held = new Set<number>()
  #synced: number | undefined

  constructor(subscription: Subscription<number>) {
    this.subscription = subscription
  }

  /** Reads all that is there; the state is the set of revisions 1…n, an event brings n + 1. */
  read(): void {
    for (;;) {
      const frame = this.subscription.poll()
      if (frame === undefined) return
      if (frame.type === "sync") {
        // An empty state is sent as of 1.
        expect(Math.max(1, this.#held.size)).toBe(frame.revision)
        this.#synced = frame.revision
      } else if (frame.type === "events") {
        for (const { payload } of frame.events) {
          expect(this.#held.has(payload), `${payload} comes twice`).toBe(false)
          if (this.#synced !== undefined) expect(payload).toBe(this.#held.size + 1)
          this.#held.add(payload)
        }
      } else throw new Error("nobody asked for a reset")
    }
  }

  get holds(): number[] {
    return [...this.#held]
  }
}

/** Lets promises settle: none of them waits for more than a few others. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve()
}

const engine = createEngine({ build: debugBuild, bytesMax: 4 * 2 ** 20 })

async function play(steps: readonly Step[]): Promise<void> {
  const clock = new ManualClock()
  const publisher = new EventPublisher<number>({ clock, engine })
  let committed = 0
  let published = 0
  const event = (revision: number): Event<number> => ({
    topic: "t",
    subject: "",
    revision,
    payload: revision,
  })
  let read = () => {}
  let finish = () => {}
  let builds = 0
  publisher.register("t", (_of, append) => {
    // Later readers read at once; the first one reads and ends by the schedule.
    if (builds++ > 0) {
      for (let revision = 1; revision <= committed; revision++) append([event(revision)])
      return committed
    }
    return new Promise((resolve) => {
      let state = 0
      read = () => {
        state = committed
        for (let revision = 1; revision <= state; revision++) append([event(revision)])
      }
      finish = () => resolve(state)
    })
  })
  const readers: Reader[] = []
  const subscribe = () => readers.push(new Reader(publisher.subscribe({ topic: "t" })))

  for (const step of steps) {
    if (step === "commit") committed++
    else if (step === "publish") publisher.publish([event(++published)])
    else if (step === "subscribe" || step === "join") subscribe()
    else if (step === "read") read()
    else if (step === "finish") finish()
    else if (step === "leave") readers.shift()?.subscription.close()
    else await clock.advance(10_000)
    await settle()
    for (const reader of readers) reader.read()
  }
  finish()
  await settle()
  for (const reader of readers) {
    reader.read()
    expect(reader.holds).toEqual([1, 2, 3])
  }
  publisher.close()
  expect(engine.liveBytes()).toBe(0)
}

describe("splice", () => {
  test.each(OTHERS)(
    "no gap and no repeat, however things fall together, with: %s %s",
    async (...others) => {
      const list: readonly Step[] = others
      for (const steps of merges([WRITER, READER, list])) {
        // The first reader leaves, so it has to have come.
        const first = steps.indexOf("subscribe")
        if (steps.some((step, at) => (step === "leave" || step === "join") && at < first)) continue
        try {
          await play(steps)
        } catch (error) {
          throw new Error(`after ${steps.join(", ")}`, { cause: error })
        }
      }
    },
  )
})
