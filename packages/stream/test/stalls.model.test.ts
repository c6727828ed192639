import { type Event, LaggedError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { integerBelow, ManualClock, prng, seedFrom } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { StreamLimits } from "../src/limits.ts"
import type { Policy } from "../src/policy.ts"
import { EventPublisher } from "../src/publisher.ts"
import type { StreamFrame, Subscription } from "../src/subscription.ts"

const isFull = process.env.HEADWATER_FULL === "1"
const EVENTS = isFull ? 1_000_000 : 20_000
const HISTORIES = isFull ? 3_000 : 150

/** A clock that is moved by the way, without anything to settle. */
class SteppedClock extends ManualClock {
  #elapsedMs = 0

  override elapsed(): number {
    return this.#elapsedMs
  }

  step(ms: number): void {
    this.#elapsedMs += ms
  }
}

/** A change of a key. */
interface Change {
  readonly key: number
  readonly revision: number
}

/** Keys and their revisions, published as they change. */
class Keys {
  readonly state = new Map<number, number>()
  readonly publisher: EventPublisher<Change>
  revision = 1

  constructor(options: { clock: ManualClock; engine: Engine; limits?: Partial<StreamLimits> }) {
    this.publisher = new EventPublisher<Change>(options)
    this.publisher.register("t", (_of, append) => {
      const entries = [...this.state].sort(([, a], [, b]) => a - b)
      for (const [key, revision] of entries) append([eventOf({ key, revision })])
      return this.revision
    })
  }

  change(key: number): void {
    const revision = ++this.revision
    this.state.set(key, revision)
    this.publisher.publish([eventOf({ key, revision })])
  }
}

function eventOf(change: Change): Event<Change> {
  return { topic: "t", subject: "", revision: change.revision, payload: change }
}

/** A reader's replica of the keys. */
class Replica {
  readonly subscription: Subscription<Change>
  readonly policy: Policy
  state = new Map<number, number>()
  resets = 0
  heard = 0
  lagged: unknown

  constructor(subscription: Subscription<Change>, policy: Policy) {
    this.subscription = subscription
    this.policy = policy
  }

  /** Reads so many frames, as far as there are any. Returns how many there were. */
  read(framesMax: number): number {
    for (let frames = 0; frames < framesMax; frames++) {
      const frame = this.#poll()
      if (frame === undefined) return frames
      if (frame.type === "reset") {
        this.resets++
        this.state = new Map()
      } else if (frame.type === "events")
        for (const { payload } of frame.events) this.#hear(payload)
    }
    return framesMax
  }

  #poll(): StreamFrame<Change> | undefined {
    try {
      return this.subscription.poll()
    } catch (error) {
      this.lagged = error
      return undefined
    }
  }

  #hear({ key, revision }: Change): void {
    if (revision <= (this.state.get(key) ?? 0)) throw new Error(`${key} went back to ${revision}`)
    this.state.set(key, revision)
    this.heard++
  }
}

let engine: Engine
let clock: SteppedClock

beforeEach(() => {
  engine = createEngine(isFull ? {} : { build: debugBuild })
  clock = new SteppedClock()
})

afterEach(() => {
  expect(engine.liveBytes()).toBe(0)
  expect(clock.timers).toBe(0)
})

describe(`one stalled reader and ${EVENTS} events`, () => {
  const limits = { unreadItemsMax: 1_000, historyItemsMax: 256, snapshotTtlMs: 1_000 }
  // What is unread at most by the policy. The shared snapshot may leave as much unread as `limits`
  // say, and beside these stand history and both ends.
  const policies: readonly (readonly [Policy, number])[] = [
    [{ type: "conflate" }, 1_000],
    [{ type: "pin", itemsMax: 3_000, bytesMax: 1e9 }, 3_000],
    [{ type: "pin", itemsMax: 1e9, bytesMax: 60_000 }, 3_000],
    [{ type: "disconnect", lagMs: 500, graceMs: 100 }, 500],
  ]

  test.each(policies)(
    "%j holds no more than its bound, others notice nothing",
    (policy, itemsMax) => {
      const keys = new Keys({ clock, engine, limits })
      const { publisher } = keys
      const stalled = new Replica(publisher.subscribe({ topic: "t", policy }), policy)
      const others = [policy, { type: "conflate" } as const].map(
        (each) => new Replica(publisher.subscribe({ topic: "t", policy: each }), each),
      )
      stalled.read(Number.POSITIVE_INFINITY)
      const most = { items: 0, bytes: 0 }
      for (let event = 0; event < EVENTS; event++) {
        clock.step(1)
        keys.change(event % 100)
        // Each of the others reads at its own pace, always in time.
        for (const [index, other] of others.entries()) {
          if (event % (index * 99 + 1) === 0) other.read(Number.POSITIVE_INFINITY)
        }
        if (event % 97 > 0) continue
        const { items } = engine.stats()
        most.items = Math.max(most.items, items)
        most.bytes = Math.max(most.bytes, engine.liveBytes())
      }

      expect(most.items).toBeGreaterThan(itemsMax / 3)
      const unreadMax = Math.max(itemsMax, limits.unreadItemsMax)
      expect(most.items).toBeLessThanOrEqual(unreadMax + limits.historyItemsMax + 100)
      expect(most.bytes).toBeLessThanOrEqual(most.items * 160 + 1_024)
      for (const other of others) {
        other.read(Number.POSITIVE_INFINITY)
        expect([other.heard, other.resets, other.lagged]).toEqual([EVENTS, 0, undefined])
        expect(other.state).toEqual(keys.state)
      }
      stalled.read(Number.POSITIVE_INFINITY)
      if (policy.type === "conflate") {
        expect([stalled.resets, stalled.heard]).toEqual([1, 100])
        expect(stalled.state).toEqual(keys.state)
      } else expect(stalled.lagged).toBeInstanceOf(LaggedError)
      publisher.close()
    },
    300_000,
  )
})

/** The point at which a reader without a loss so far must lag, by the rules of its policy. */
class Expected {
  readonly policy: Policy
  lags = false
  // The time of the item it stands at, or of the next one, if it waited for that.
  #since = 0
  #unread: { readonly bytes: number; readonly time: number }[] = []

  constructor(policy: Policy) {
    this.policy = policy
  }

  onPublish(bytes: number, time: number): void {
    if (this.lags) return
    if (this.#unread.length === 0) this.#since = time
    this.#unread.push({ bytes, time })
    const { policy } = this
    if (policy.type === "pin") {
      const unread = this.#unread.reduce((sum, item) => sum + item.bytes, 0)
      this.lags = this.#unread.length > policy.itemsMax || unread > policy.bytesMax
    } else if (policy.type === "disconnect") {
      this.lags = time - this.#since > policy.lagMs && time > policy.graceMs
    }
  }

  onRead(items: number): void {
    this.#since = this.#unread.splice(0, items).at(-1)?.time ?? this.#since
  }
}

describe("random stalls (model)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)

  function drawPolicy(random: () => number): Policy {
    const [itemsMax, bytesMax] = [1 + integerBelow(random, 12), 20 + integerBelow(random, 400)]
    const [lagMs, graceMs] = [integerBelow(random, 40), integerBelow(random, 40)]
    const policies: Policy[] = [
      { type: "conflate" },
      { type: "pin", itemsMax, bytesMax },
      { type: "disconnect", lagMs, graceMs },
    ]
    return policies[integerBelow(random, 3)] as Policy
  }

  function playHistory(random: () => number): void {
    const limits = { unreadItemsMax: 2 + integerBelow(random, 9), historyItemsMax: 3 }
    const pinnedAt = { unreadItemsMax: 1e6, historyItemsMax: 3 }
    const isTight = integerBelow(random, 2) === 0
    const keys = new Keys({ clock, engine, limits: isTight ? limits : pinnedAt })
    const start = clock.elapsed()
    const readers = Array.from({ length: 5 }, () => {
      const policy = drawPolicy(random)
      const subscription = keys.publisher.subscribe({ topic: "t", policy })
      const replica = new Replica(subscription, policy)
      replica.read(1)
      return { replica, expected: new Expected(policy) }
    })
    for (let step = 0; step < 80; step++) {
      clock.step(integerBelow(random, 6))
      if (integerBelow(random, 3) > 0) {
        keys.change(integerBelow(random, 4))
        const payload = JSON.stringify({ key: 0, revision: keys.revision }).length + 5
        for (const { expected } of readers) expected.onPublish(payload, clock.elapsed() - start)
      } else {
        const reader = readers[integerBelow(random, readers.length)] as (typeof readers)[0]
        reader.expected.onRead(reader.replica.read(1 + integerBelow(random, 9)))
      }
      keys.publisher.assertInvariants()
    }
    for (const { replica, expected } of readers) {
      replica.read(Number.POSITIVE_INFINITY)
      const { type } = replica.policy
      const mayLagByBound = isTight && type === "disconnect"
      if (type === "conflate") expect(replica.lagged).toBeUndefined()
      else if (!mayLagByBound) expect(replica.lagged !== undefined).toBe(expected.lags)
      if (replica.lagged === undefined) expect(replica.state).toEqual(keys.state)
      else expect(replica.lagged).toBeInstanceOf(LaggedError)
    }
    keys.publisher.close()
  }

  test(`${HISTORIES} of them: each gets what its policy says, and no more or less`, () => {
    const random = prng(seed)
    for (let history = 0; history < HISTORIES; history++) {
      try {
        playHistory(random)
      } catch (error) {
        throw new Error(`in history ${history} of HEADWATER_SEED=${seed}`, { cause: error })
      }
    }
  })
})
