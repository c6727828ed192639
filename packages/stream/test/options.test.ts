import { OptionError, TopicError } from "@headwater/core"
import { createEngine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { StreamLimits } from "../src/limits.ts"
import {
  EventPublisher,
  type EventPublisherOptions,
  type SubscribeRequest,
} from "../src/publisher.ts"
import { event, read } from "./frames.ts"

const engine = createEngine()
let clock: ManualClock
let publisher: EventPublisher<string>

beforeEach(() => {
  clock = new ManualClock()
  publisher = new EventPublisher<string>({ clock, engine })
  publisher.register("t", undefined, { wildcard: true })
})

afterEach(() => {
  publisher.close()
  expect(engine.liveBytes()).toBe(0)
})

describe("an option that makes no sense is refused at the call", () => {
  test.each([
    [{ topicsMax: 0 }, "topicsMax"],
    [{ subscriptionsMax: -1 }, "subscriptionsMax"],
    [{ snapshotTtlMs: Number.NaN }, "snapshotTtlMs"],
    [{ snapshotTtlMs: -1 }, "snapshotTtlMs"],
    [{ unreadItemsMax: 0.5 }, "unreadItemsMax"],
    [{ queueBatchesMax: 0 }, "queueBatchesMax"],
    [{ itemsMax: 10 }, "itemsMax"],
  ])("EventPublisher: limits %j", (limits, name) => {
    const create = () =>
      new EventPublisher({ clock, limits: limits as unknown as Partial<StreamLimits> })
    expect(create).toThrow(OptionError)
    expect(create).toThrow(name)
  })

  test("EventPublisher: without a clock, or with an option that it does not have", () => {
    const wrong: readonly unknown[] = [{}, { clock, codecs: {} }, { clock, engine: "mine" }]
    for (const options of wrong) {
      expect(() => new EventPublisher(options as EventPublisherOptions<string>)).toThrow(
        OptionError,
      )
    }
  })

  test.each([
    [{ topic: "t", form: 3 }, "form"],
    [{ topic: "t", from: -1 }, "from"],
    [{ topic: "t", from: 0.5 }, "from"],
    [{ topic: "t", policy: { type: "drop" } }, "policy.type"],
    [{ topic: "t", policy: { type: "pin", itemsMax: 3 } }, "bytesMax"],
    [{ topic: "t", policy: { type: "disconnect", lagMs: -1, graceMs: 0 } }, "lagMs"],
    [{ topic: "t", policy: { type: "conflate", itemsMax: 3 } }, "itemsMax"],
    [{ topic: "t", permits: true }, "permits"],
    [{}, "topic"],
  ])("subscribe(%j)", (request, name) => {
    const subscribe = () => publisher.subscribe(request as unknown as SubscribeRequest<string>)
    expect(subscribe).toThrow(OptionError)
    expect(subscribe).toThrow(name)
    expect(publisher.subscriptions).toBe(0)
  })

  test("register() with an option that it does not have", () => {
    const options = { wildcards: true } as unknown as { wildcard: boolean }
    expect(() => publisher.register("u", undefined, options)).toThrow(OptionError)
  })
})

test.each([2 ** 31, 30 * 86_400_000, Number.POSITIVE_INFINITY])(
  "a snapshot is shared for %d ms, not for 1",
  async (snapshotTtlMs) => {
    let calls = 0
    const own = new EventPublisher<string>({ clock, limits: { snapshotTtlMs } })
    own.register("t", () => ++calls)
    own.subscribe({ topic: "t" })
    await clock.advance(86_400_000)
    own.subscribe({ topic: "t" })

    expect(calls).toBe(1)
    own.close()
  },
)

describe("text", () => {
  test("that begins with U+FEFF stays as it is, in subjects and payloads", () => {
    const all = publisher.subscribe({ topic: "t", subject: "*" })
    publisher.publish([event(2, "\ufeffpayload", "\ufeffsubject")])

    expect(read(all)).toEqual(["sync 1", "\ufeffsubject:\ufeffpayload@2"])
  })

  test("with half of a surrogate pair is no subject for all subjects to read", () => {
    const all = publisher.subscribe({ topic: "t", subject: "*" })

    expect(() => publisher.publish([event(2, "x", "\ud800")])).toThrow(TopicError)
    expect(read(all)).toEqual(["sync 1"])
  })

  test("undefined is no payload in JSON", () => {
    publisher.subscribe({ topic: "t" })
    expect(() => publisher.publish([event(2, undefined as unknown as string)])).toThrow(
      "a payload is undefined",
    )
  })
})

test("a hundred subscriptions that wait with one signal have one listener", async () => {
  const stop = new AbortController()
  let listeners = 0
  const { signal } = stop
  const [add, remove] = [signal.addEventListener, signal.removeEventListener]
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove.apply(signal, args)
  }
  const waiting = Array.from({ length: 100 }, async () => {
    const subscription = publisher.subscribe({ topic: "t" })
    await subscription.next()
    return subscription.next(signal)
  })
  await clock.settle()
  expect(listeners).toBe(1)
  publisher.publish([event(2, "news")])
  await Promise.all(waiting)

  expect(listeners).toBe(0)
})
