import { ClosedError, InvariantError, LaggedError, SourceError, ValueError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { PayloadCodec } from "../src/codec.ts"
import type { StreamLimits } from "../src/limits.ts"
import type { StreamObserver } from "../src/observer.ts"
import { EventPublisher } from "../src/publisher.ts"
import type { SnapshotHandler } from "../src/shared-snapshot.ts"
import type { StreamFrame, Subscription } from "../src/subscription.ts"
import { event, read, show } from "./frames.ts"

// What is called from the middle of a publisher calls it back, or throws.
let engine: Engine
let clock: ManualClock
let publisher: EventPublisher<string>

const create = (
  options: {
    limits?: Partial<StreamLimits>
    observer?: StreamObserver
    codec?: PayloadCodec<string>
  } = {},
) => {
  publisher?.close()
  publisher = new EventPublisher<string>({ clock, engine, ...options })
}

beforeEach(() => {
  engine = createEngine({ build: debugBuild, bytesMax: 4 * 2 ** 20 })
  clock = new ManualClock()
  create()
})

afterEach(async () => {
  publisher.assertInvariants()
  publisher.close()
  await clock.settle()
  expect(publisher.subscriptions).toBe(0)
  expect(engine.liveBytes()).toBe(0)
  expect(clock.timers).toBe(0)
})

/** Resolves when a test says so. */
function gate<Value>() {
  let open: (value: Value) => void = () => {}
  let fail: (error: unknown) => void = () => {}
  const promise = new Promise<Value>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}

describe("within a snapshot handler", () => {
  test.each([
    ["closes the publisher", () => publisher.close(), "shutdown"],
    ["refreshes the topic", () => publisher.refresh("t"), "refresh"],
    ["unregisters the topic", () => publisher.unregister("t"), "refresh"],
    ["closes the identity", () => publisher.closeFor("me", "auth-changed"), "auth-changed"],
  ] as const)("a handler that %s gets its subscriber a closed one", (_what, act, reason) => {
    publisher.register("t", (_of, append) => {
      append([event(1, "a")])
      act()
      append([event(1, "b")])
      return 1
    })
    const subscription = publisher.subscribe({ topic: "t", identity: "me" })

    expect(subscription.closed).toBe(reason)
    expect(() => subscription.poll()).toThrow(new ClosedError(reason))
  })

  test("one that closes the publisher under a lagging reader: the reader gets shutdown", () => {
    create({ limits: { unreadItemsMax: 1, historyItemsMax: 1 } })
    let calls = 0
    publisher.register("t", () => {
      if (++calls === 2) publisher.close()
      return 1
    })
    const slow = publisher.subscribe({ topic: "t" })
    for (const revision of [2, 3, 4]) publisher.publish([event(revision, "x")])

    expect(() => slow.poll()).toThrow(new ClosedError("shutdown"))
    expect(calls).toBe(2)
  })

  test("one that subscribes to what it is asked for shares what it makes", () => {
    let inner: Subscription<string> | undefined
    publisher.register("t", (_of, append) => {
      append([event(3, "a")])
      inner = publisher.subscribe({ topic: "t" })
      append([event(3, "b")])
      return 3
    })
    const outer = publisher.subscribe({ topic: "t" })

    expect(read(outer)).toEqual(["a@3", "b@3", "sync 3"])
    expect(inner === undefined ? [] : read(inner)).toEqual(["a@3", "b@3", "sync 3"])
  })

  test("events that it publishes come after the batches that it appended", () => {
    publisher.register("t", (_of, append) => {
      publisher.publish([event(1, "old")])
      append([event(1, "a")])
      publisher.publish([event(2, "new")])
      return 1
    })

    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["a@1", "sync 1", "new@2"])
  })

  test("one whose first subscriber leaves while it runs serves the next one afresh", () => {
    let first: Subscription<string> | undefined
    let calls = 0
    publisher.register("t", (_of, append) => {
      calls++
      append([event(1, `${calls}`)])
      first?.close()
      return 1
    })
    publisher.register("other", () => {
      first = publisher.subscribe({ topic: "t" })
      first.close()
      return 1
    })
    publisher.subscribe({ topic: "other" })

    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["2@1", "sync 1"])
  })
})

describe("a snapshot handler that fails", () => {
  const failures: readonly (readonly [string, SnapshotHandler<string>, string[]])[] = [
    [
      "throws at once",
      () => {
        throw new SourceError("gone")
      },
      [],
    ],
    [
      "throws midway",
      (_of, append) => {
        append([event(1, "a")])
        throw new SourceError("gone")
      },
      ["a@1"],
    ],
    [
      "rejects midway",
      async (_of, append) => {
        append([event(1, "a")])
        await Promise.resolve()
        append([event(1, "b")])
        throw new SourceError("gone")
      },
      ["a@1", "b@1"],
    ],
  ]

  test.each(failures)("and %s: CS-E1, what it had, then the error", async (_how, handler, had) => {
    publisher.register("t", handler)
    const subscription = publisher.subscribe({ topic: "t" })
    await clock.settle()
    const frames: string[] = []
    const readOn = () => {
      for (;;) frames.push(show(subscription.poll() as StreamFrame<string>))
    }

    expect(readOn).toThrow(new SourceError("gone"))
    expect(readOn).toThrow(new SourceError("gone"))
    expect(frames).toEqual(had)
  })

  test("a state with a refused batch is never sent as whole", () => {
    publisher.register("t", (_of, append) => {
      append([event(1, "a")])
      expect(() => append([event(1, "b"), event(2, "c")])).toThrow(InvariantError)
      append([event(2, "d")])
      return 2
    })
    const subscription = publisher.subscribe({ topic: "t" })

    expect(subscription.poll()?.type).toBe("events")
    expect(() => subscription.poll()).toThrow(new SourceError("the snapshot could not be read"))
  })

  test.each([Number.NaN, -1, 1.5, 1, undefined as unknown as number])(
    "an answer that is no revision, or below what was appended, is an error: %s",
    (answer) => {
      publisher.register("t", (_of, append) => {
        append([event(2, "a")])
        return answer
      })
      const subscription = publisher.subscribe({ topic: "t" })

      expect(subscription.poll()?.type).toBe("events")
      expect(() => subscription.poll()).toThrow(SourceError)
    },
  )

  test("an answer that is above 2⁵³, or of another topic or subject, is refused", () => {
    let state: [number, string] = [2 ** 53, ""]
    publisher.register("t", (_of, append) => {
      append([event(1, "a", state[1])])
      return state[0]
    })
    const messages = [2 ** 53, 1].map((revision, index) => {
      state = [revision, ["", "elsewhere"][index] as string]
      const subscription = publisher.subscribe({ topic: "t" })
      try {
        for (;;) if (subscription.poll() === undefined) return "nothing"
      } catch (error) {
        return (error as Error).message
      }
    })

    expect(messages).toEqual([
      "a snapshot is of a revision that none of its events is above",
      "the snapshot could not be read",
    ])
  })

  test("memory that runs out midway is an error, also when the handler goes on", () => {
    const large = "x".repeat(900_000)
    publisher.register("t", (_of, append) => {
      for (let batch = 0; batch < 8; batch++) {
        try {
          append([event(1, large)])
        } catch {}
      }
      return 1
    })
    const subscription = publisher.subscribe({ topic: "t" })

    expect(() => {
      for (let frame = subscription.poll(); frame?.type !== "sync"; frame = subscription.poll());
    }).toThrow(SourceError)
  })
})

describe("a snapshot that is being built", () => {
  test("its handler is aborted when no reader waits any more, with the reason", async () => {
    const signals: AbortSignal[] = []
    const { promise, open } = gate<number>()
    publisher.register("t", (_of, append, signal) => {
      signals.push(signal)
      return promise.then((revision) => {
        append([event(revision, "late")])
        return revision
      })
    })
    publisher.subscribe({ topic: "t" }).close()
    const second = publisher.subscribe({ topic: "t" })
    await clock.settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    expect(signals[0]?.reason).toEqual(new ClosedError("unsubscribed"))

    open(4)
    await clock.settle()
    expect(read(second)).toEqual(["late@4", "sync 4"])
    expect(signals[1]?.aborted).toBe(false)
  })

  test("closing the publisher under it leaves nothing, and its end is ignored", async () => {
    const { promise, fail } = gate<number>()
    publisher.register("t", (_of, append) => {
      append([event(1, "a")])
      return promise.finally(() => append([event(1, "late")]))
    })
    const subscription = publisher.subscribe({ topic: "t" })
    const waits = subscription.next().then(() => subscription.next())
    await clock.settle()
    publisher.close()
    expect(engine.liveBytes()).toBe(0)
    fail(new Error("nobody hears this"))

    await expect(waits).rejects.toEqual(new ClosedError("shutdown"))
  })

  test("it lags too far to be shared: its readers get an error, at any policy", async () => {
    create({ limits: { unreadItemsMax: 2, historyItemsMax: 1 } })
    const gates = [gate<number>(), gate<number>()]
    let calls = 0
    publisher.register("t", () => (gates[calls++] as (typeof gates)[0]).promise)
    const policy = { type: "pin", itemsMax: 1_000, bytesMax: 1_000_000 } as const
    const patient = publisher.subscribe({ topic: "t", policy })
    const waits = patient.next()
    for (const revision of [1, 2, 3]) publisher.publish([event(revision, "x")])
    const next = publisher.subscribe({ topic: "t" })

    await expect(waits).rejects.toEqual(new SourceError(new LaggedError(0, 3).message))
    gates[0]?.open(1)
    gates[1]?.open(3)
    await clock.settle()
    expect(read(next)).toEqual(["sync 3"])
  })

  test("it lags too far and is finished then: its readers get an error", async () => {
    create({ limits: { unreadItemsMax: 2, historyItemsMax: 1 } })
    const { promise, open } = gate<number>()
    publisher.register("t", () => promise)
    const policy = { type: "pin", itemsMax: 1_000, bytesMax: 1_000_000 } as const
    const waits = publisher.subscribe({ topic: "t", policy }).next()
    for (const revision of [1, 2, 3]) publisher.publish([event(revision, "x")])
    open(0)

    await expect(waits).rejects.toEqual(new SourceError(new LaggedError(0, 3).message))
  })
})

describe("within a consumer", () => {
  test("it publishes, leaves and subscribes as it reads", async () => {
    publisher.register("t", () => 1)
    const heard: string[] = []
    const follow = async (subscription: Subscription<string>) => {
      for await (const frame of subscription) {
        heard.push(frame.type === "events" ? `${frame.events[0]?.payload}` : frame.type)
        if (frame.type === "sync") publisher.publish([event(2, "from within")])
        if (frame.type === "events") publisher.close()
      }
    }
    const ends = follow(publisher.subscribe({ topic: "t" }))

    await expect(ends).rejects.toEqual(new ClosedError("shutdown"))
    expect(heard).toEqual(["sync", "from within"])
  })

  test("permits that closes its subscription: what it judged is not delivered", () => {
    publisher.register("t")
    const subscription: Subscription<string> = publisher.subscribe({
      topic: "t",
      permits: () => {
        subscription.close("auth-changed")
        return true
      },
    })
    expect(read(subscription)).toEqual(["sync 1"])
    publisher.publish([event(1, "a")])

    expect(() => subscription.poll()).toThrow(new ClosedError("auth-changed"))
  })

  test("permits that publishes: what it publishes comes after", () => {
    publisher.register("t")
    const subscription = publisher.subscribe({
      topic: "t",
      permits: ({ revision }) => {
        if (revision < 3) publisher.publish([event(revision + 1, "more")])
        return true
      },
    })
    publisher.publish([event(1, "a")])

    expect(read(subscription)).toEqual(["sync 1", "a@1", "more@2", "more@3"])
  })
})

describe("a codec that throws", () => {
  const codec = {
    encode: (payload: string) => {
      if (payload === "bad") throw new Error("no bytes for it")
      return new TextEncoder().encode(payload)
    },
    decode: (bytes: Uint8Array) => {
      const text = new TextDecoder().decode(bytes)
      if (text === "unreadable") throw new Error("not mine")
      return text
    },
  }

  test("on encoding: nothing of the commit is published", () => {
    create({ codec })
    publisher.register("t")
    const [a, b] = ["a", "b"].map((subject) => publisher.subscribe({ topic: "t", subject }))
    const commit = [event(1, "good", "a"), event(1, "bad", "b")]
    expect(() => publisher.publish(commit)).toThrow("no bytes for it")
    publisher.publish([event(1, "good", "a"), event(1, "good", "b")])

    expect([a, b].map((each) => each && read(each))).toEqual([
      ["sync 1", "a:good@1"],
      ["sync 1", "b:good@1"],
    ])
  })

  test("on decoding: it is thrown each time, and no later event is shown", () => {
    create({ codec })
    publisher.register("t")
    const subscription = publisher.subscribe({ topic: "t" })
    expect(read(subscription)).toEqual(["sync 1"])
    publisher.publish([event(1, "unreadable")])
    publisher.publish([event(2, "good")])

    expect(() => subscription.poll()).toThrow("not mine")
    expect(() => subscription.poll()).toThrow("not mine")
  })

  test("on encoding a state: the snapshot fails", () => {
    create({ codec })
    publisher.register("t", (_of, append) => {
      append([event(1, "bad")])
      return 1
    })

    expect(() => publisher.subscribe({ topic: "t" }).poll()).toThrow(
      new SourceError("the snapshot could not be read"),
    )
  })
})

describe("within a codec", () => {
  /** A codec that runs a task when it encodes a payload for the first time. */
  const running = (payload: string, task: () => void): PayloadCodec<string> => {
    let isDone = false
    return {
      encode(each) {
        if (each === payload && !isDone) {
          isDone = true
          task()
        }
        return new TextEncoder().encode(each)
      },
      decode: (bytes) => new TextDecoder().decode(bytes),
    }
  }
  const commit = () =>
    publisher.publish([event(2, "one", "a"), event(2, "two", "b"), event(2, "three", "c")])

  test("one that closes a subscription does not tear a commit", () => {
    create({ codec: running("two", () => first.close()) })
    publisher.register("t")
    const first = publisher.subscribe({ topic: "t", subject: "a" })
    const others = ["b", "c"].map((subject) => publisher.subscribe({ topic: "t", subject }))

    commit()
    expect(others.map(read)).toEqual([
      ["sync 1", "b:two@2"],
      ["sync 1", "c:three@2"],
    ])
    expect(first.closed).toBe("unsubscribed")
  })

  test("one that subscribes gets its subscriber all of the commit", () => {
    const inner: Subscription<string>[] = []
    const subscribe = () => {
      for (const subject of ["a", "b", "c"]) {
        inner.push(publisher.subscribe({ topic: "t", subject }))
      }
    }
    create({ codec: running("two", subscribe) })
    publisher.register("t")
    publisher.subscribe({ topic: "t", subject: "b" })

    commit()
    expect(inner.map(read)).toEqual([
      ["sync 1", "a:one@2"],
      ["sync 1", "b:two@2"],
      ["sync 1", "c:three@2"],
    ])
  })

  test("one that publishes a newer commit has the older one refused whole", () => {
    const newer = () => publisher.publish([event(3, "newer", "b")])
    create({ codec: running("three", newer) })
    publisher.register("t")
    const all = ["a", "b", "c"].map((subject) => publisher.subscribe({ topic: "t", subject }))

    expect(commit).toThrow(InvariantError)
    expect(all.map(read)).toEqual([["sync 1"], ["sync 1", "b:newer@3"], ["sync 1"]])
  })

  test.each([
    ["closes the publisher", () => publisher.close(), new ClosedError("shutdown")],
  ] as const)("one that %s has nothing published", (_what, act, error) => {
    create({ codec: running("two", act) })
    publisher.register("t")
    const all = ["a", "b"].map((subject) => publisher.subscribe({ topic: "t", subject }))

    expect(commit).toThrow(error)
    expect(all.map(({ closed }) => closed)).toEqual(["shutdown", "shutdown"])
  })

  test("one that refreshes the topic: an offered commit is dropped", async () => {
    let inner: Subscription<string> | undefined
    const refresh = () => {
      publisher.refresh("t")
      inner = publisher.subscribe({ topic: "t", subject: "a" })
    }
    create({ codec: running("two", refresh) })
    publisher.register("t")
    publisher.subscribe({ topic: "t", subject: "b" })

    const offered = publisher.offer([event(2, "one", "a"), event(2, "two", "b")])
    await clock.settle()
    await offered
    expect(inner && read(inner)).toEqual(["sync 1"])
  })

  test("one that returns no bytes has the commit refused", () => {
    const encode = (payload: string) => payload as unknown as Uint8Array
    create({ codec: { encode, decode: () => "" } })
    publisher.register("t")
    const subscription = publisher.subscribe({ topic: "t" })

    expect(() => publisher.publish([event(2, "a")])).toThrow(ValueError)
    expect(read(subscription)).toEqual(["sync 1"])
  })
})

test("a handler that subscribes when it is stopped gets a whole state", async () => {
  create({ limits: { unreadItemsMax: 2, historyItemsMax: 1 } })
  const gates = [gate<number>(), gate<number>(), gate<number>()]
  let inner: Subscription<string> | undefined
  let calls = 0
  publisher.register("t", (_of, _append, signal) => {
    signal.addEventListener("abort", () => {
      inner ??= publisher.subscribe({ topic: "t" })
    })
    return (gates[calls++] as (typeof gates)[0]).promise
  })
  publisher.subscribe({ topic: "t" })
  for (const revision of [1, 2, 3]) publisher.publish([event(revision, "x")])
  // The first build lags too far: another one replaces it, and its handler is aborted.
  const outer = publisher.subscribe({ topic: "t" })
  await clock.settle()
  for (const { open } of gates) open(3)
  await clock.settle()

  expect(inner && read(inner)).toEqual(["sync 3"])
  expect(read(outer)).toEqual(["sync 3"])
})

describe("within an observer", () => {
  test("one that throws changes nothing, and gets the error", () => {
    const errors: unknown[] = []
    const failure = new Error("no more room for metrics")
    const tell = () => {
      throw failure
    }
    const observer: StreamObserver = {
      onPublish: tell,
      onEncode: tell,
      onWake: tell,
      onSnapshot: tell,
      onSnapshotShared: tell,
      onSubscribe: tell,
      onClose: tell,
      onLag: tell,
      onError: (error) => {
        errors.push(error)
        throw error
      },
    }
    create({ observer, limits: { unreadItemsMax: 1 } })
    publisher.register("t", () => 1)
    const subscriptions = [1, 2].map(() => publisher.subscribe({ topic: "t" }))
    for (const revision of [2, 3]) publisher.publish([event(revision, "x")])
    const frames = subscriptions.map((subscription) => read(subscription)[0])
    publisher.refresh()

    expect(frames).toEqual(["reset", "reset"])
    expect(subscriptions.map(({ closed }) => closed)).toEqual(["refresh", "refresh"])
    expect(new Set(errors)).toEqual(new Set([failure]))
    expect(errors.length).toBeGreaterThan(10)
  })

  test("one that closes a subscription is refused, and tears no commit", () => {
    const errors: unknown[] = []
    const observer: StreamObserver = {
      onEncode: () => others[1]?.close(),
      onError: (error) => errors.push(error),
    }
    const others: Subscription<string>[] = []
    create({ observer })
    publisher.register("t")
    for (const subject of ["a", "b"]) others.push(publisher.subscribe({ topic: "t", subject }))
    publisher.publish([event(2, "one", "a"), event(2, "two", "b")])

    expect(others.map(read)).toEqual([
      ["sync 1", "a:one@2"],
      ["sync 1", "b:two@2"],
    ])
    expect(errors.map((error) => error instanceof InvariantError)).toEqual([true, true])
  })

  test("one that calls the publisher is refused, and spoils nothing", () => {
    const errors: unknown[] = []
    const calls = [
      () => publisher.publish([event(9, "x")]),
      () => publisher.subscribe({ topic: "t" }),
      () => publisher.refresh(),
      () => publisher.unregister("t"),
      () => publisher.closeFor("me", "forced"),
      () => publisher.close(),
    ]
    let call = 0
    create({
      observer: {
        onPublish: () => calls[call++]?.(),
        onError: (error) => errors.push(error),
      },
    })
    publisher.register("t", () => 1)
    const subscription = publisher.subscribe({ topic: "t", identity: "me" })
    for (let revision = 2; revision < 2 + calls.length; revision++) {
      publisher.publish([event(revision, "x")])
    }

    expect(read(subscription)).toEqual(["sync 1", ...calls.map((_, index) => `x@${index + 2}`)])
    const refusal = new InvariantError("an observer does not call the object that it observes")
    expect(errors).toEqual(calls.map(() => refusal))
  })
})
