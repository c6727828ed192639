import { ClosedError, InvariantError, LaggedError, SourceError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { EventBuffer } from "../src/event-buffer.ts"
import { EventSnapshot } from "../src/event-snapshot.ts"
import type { StreamLimits } from "../src/limits.ts"
import { EventPublisher } from "../src/publisher.ts"
import { EVERY_SUBJECT } from "../src/subject.ts"
import type { StreamFrame } from "../src/subscription.ts"
import { event, read } from "./frames.ts"

let engine: Engine
let clock: ManualClock

beforeEach(() => {
  engine = createEngine({ build: debugBuild, bytesMax: 4 * 2 ** 20 })
  clock = new ManualClock()
})

afterEach(() => {
  expect(engine.liveBytes()).toBe(0)
  expect(clock.timers).toBe(0)
})

describe("EventBuffer and EventSnapshot (debug wasm)", () => {
  const encoder = new TextEncoder()
  const bytes = (text: string) => encoder.encode(text)
  let live: EventBuffer

  beforeEach(() => {
    live = new EventBuffer(engine, clock)
  })
  afterEach(() => live.close())

  test("CS-B3: one writer; readers at their own pace see the same items", () => {
    const readers = [1, 2, 3].map(() => live.follow())
    const seen: number[][] = [[], [], []]
    for (let revision = 1; revision <= 6; revision++) {
      live.append({ revision, payload: bytes("x") })
      for (const [index, reader] of readers.entries()) {
        if (revision % (index + 1) > 0) continue
        for (let item = reader.advance(); item !== undefined; item = reader.advance()) {
          seen[index]?.push(item.revision)
        }
      }
    }
    for (const reader of readers) reader.close()

    expect(seen).toEqual([
      [1, 2, 3, 4, 5, 6],
      [1, 2, 3, 4, 5, 6],
      [1, 2, 3, 4, 5, 6],
    ])
  })

  test("CS-B7, U9: next() ends with the abort, with the close, or with an error item", async () => {
    const ends = [
      [(abort: AbortController) => abort.abort(new Error("left")), new Error("left")],
      [
        () => live.append({ revision: 0, kind: "error", payload: bytes("bad") }),
        new SourceError("bad"),
      ],
      [() => live.close("forced"), new ClosedError("forced")],
    ] as const
    for (const [act, error] of ends) {
      const abort = new AbortController()
      const cursor = live.follow()
      const next = cursor.next(abort.signal)
      act(abort)
      await expect(next).rejects.toEqual(error)
      cursor.close()
    }
    expect(live.changes.size).toBe(0)
  })

  test("CS-B10: a sentinel has no revision, and matches none, not even 0", () => {
    expect(live.revision).toBe(0)
    const snapshot = new EventSnapshot(engine, live, () => true)
    live.append({ revision: 1, payload: bytes("one") })
    snapshot.finish(0, bytes("end"))
    const cursor = snapshot.follow()

    expect([cursor.advance()?.revision, cursor.advance()?.revision]).toEqual([0, 1])
    cursor.close()
    snapshot.close()
  })

  test("CS-B12: an appended payload is a copy, and is read as one", () => {
    const cursor = live.follow()
    const payload = bytes("as it was")
    live.append({ revision: 1, payload })
    payload.fill(0)

    expect(cursor.advance()?.payload).toEqual(bytes("as it was"))
    cursor.close()
  })

  test("CS-B13: a list that was spliced takes no more: a link is written once", () => {
    const snapshot = new EventSnapshot(engine, live, () => true)
    snapshot.finish(1, bytes("end"))
    snapshot.append(2, bytes("late"))
    snapshot.finish(2, bytes("again"))
    live.append({ revision: 2, payload: bytes("live") })
    const cursor = snapshot.follow()

    expect([cursor.advance(), cursor.advance(), cursor.advance()]).toMatchObject([
      { payload: bytes("end") },
      { payload: bytes("live") },
      undefined as never,
    ])
    cursor.close()
    snapshot.close()
  })

  test("CS-E4: an error on the trail at the splice ends readers", () => {
    const snapshot = new EventSnapshot(engine, live, () => true)
    live.append({ revision: 3, payload: bytes("held") })
    live.append({ revision: 0, kind: "error", payload: bytes("the trail broke") })
    live.append({ revision: 9, payload: bytes("never seen") })
    snapshot.append(4, bytes("state"))
    snapshot.finish(4, bytes("end"))
    const cursor = snapshot.follow()

    expect([cursor.advance()?.revision, cursor.advance()?.revision]).toEqual([4, 4])
    expect(() => cursor.advance()).toThrow(new SourceError("the trail broke"))
    expect(() => cursor.advance()).toThrow(new SourceError("the trail broke"))
    cursor.close()
    snapshot.close()
  })

  test("memory that is full at the splice leaks nothing", () => {
    const snapshot = new EventSnapshot(engine, live, () => true)
    const filler = new EventBuffer(engine, clock)
    const holder = filler.follow()
    const fill = (byteLength: number) => {
      for (;;) filler.append({ revision: 1, payload: new Uint8Array(byteLength) })
    }
    for (const byteLength of [100_000, 1_000, 0]) expect(() => fill(byteLength)).toThrow("no room")

    expect(() => snapshot.finish(1, bytes("end"))).toThrow("no room")
    expect(() => snapshot.fail(new Error("x"))).toThrow("no room")
    holder.close()
    filler.close()
    snapshot.close()
  })
})

describe("EventPublisher (debug wasm)", () => {
  let publisher: EventPublisher<string>
  let state: [number, ...string[]]
  let calls: number

  const create = (limits: Partial<StreamLimits> = {}) => {
    publisher?.close()
    publisher = new EventPublisher<string>({ clock, engine, limits })
    publisher.register(
      "t",
      ({ subject }, append) => {
        calls++
        const [revision, ...payloads] = state
        for (const payload of payloads) append([event(revision, payload, subject)])
        return revision
      },
      { wildcard: true },
    )
  }

  beforeEach(() => {
    state = [1]
    calls = 0
    create()
  })
  afterEach(() => publisher.close())

  test("CS-E2: events within a state are not sent again, later ones once", async () => {
    let finish = (_revision: number) => {}
    publisher.unregister("t")
    publisher.register("t", (_of, append) => {
      return new Promise((resolve) => {
        finish = (revision) => {
          append([event(revision, "state")])
          resolve(revision)
        }
      })
    })
    const subscription = publisher.subscribe({ topic: "t" })
    for (const revision of [4, 5, 6]) publisher.publish([event(revision, `${revision}`)])
    finish(5)
    await clock.settle()
    publisher.publish([event(7, "7")])

    expect(read(subscription)).toEqual(["state@5", "sync 5", "6@6", "7@7"])
  })

  test("CS-E2: nor one that is published only after the two were spliced", () => {
    state = [5, "state"]
    const subscription = publisher.subscribe({ topic: "t" })
    for (const revision of [4, 5, 6]) publisher.publish([event(revision, `${revision}`)])

    expect(read(subscription)).toEqual(["state@5", "sync 5", "6@6"])
  })

  test("CS-E6: after a refresh to a lower revision, the old trail is not replayed", () => {
    state = [9, "old"]
    const keeper = publisher.subscribe({ topic: "t" })
    publisher.publish([event(10, "older")])
    state = [3, "new"]
    publisher.refresh()
    const fresh = publisher.subscribe({ topic: "t" })
    publisher.publish([event(4, "newer")])

    expect(() => keeper.poll()).toThrow(new ClosedError("refresh"))
    expect(read(fresh)).toEqual(["new@3", "sync 3", "newer@4"])
  })

  test("CS-E6: a commit that was offered before a refresh is dropped by it", async () => {
    const offer = publisher.offer([event(8, "of the old state")])
    publisher.refresh("t")
    const subscription = publisher.subscribe({ topic: "t" })
    await offer
    await publisher.offer([event(2, "of the new one")])

    expect(read(subscription)).toEqual(["sync 1", "of the new one@2"])
  })

  test("CS-E8: a close ends a next() that waits, promptly, with its reason", async () => {
    const acts = [
      [() => publisher.closeFor("me", "forced"), "forced"],
      [() => publisher.refresh("t"), "refresh"],
      [() => publisher.close(), "shutdown"],
    ] as const
    for (const [act, reason] of acts) {
      const subscription = publisher.subscribe({ topic: "t", identity: "me" })
      expect(await subscription.next()).toEqual({ type: "sync", revision: 1 })
      const next = subscription.next()
      act()
      await expect(next).rejects.toEqual(new ClosedError(reason))
    }
  })

  test("CS-E9: of two closes that race the first counts", () => {
    const subscription = publisher.subscribe({ topic: "t", identity: "me" })
    publisher.closeFor("me", "forced")
    publisher.close()

    expect(subscription.closed).toBe("forced")
  })

  test("CS-E10: an unsubscribed reader gets that, though data was there", async () => {
    const subscription = publisher.subscribe({ topic: "t" })
    publisher.publish([event(2, "x")])
    subscription.close()

    await expect(subscription.next()).rejects.toEqual(new ClosedError("unsubscribed"))
  })

  test("CS-E11: a slow reader delays no other, and holds no more memory than its bound", () => {
    create({ unreadItemsMax: 5, historyItemsMax: 1 })
    const slow = publisher.subscribe({ topic: "t" })
    const quick = publisher.subscribe({ topic: "t" })
    read(quick)
    for (let revision = 2; revision <= 100; revision++) {
      publisher.publish([event(revision, "x")])
      expect(read(quick)).toEqual([`x@${revision}`])
      expect(engine.stats().items).toBeLessThan(16)
    }
    state = [100, "all"]

    expect(read(slow)).toEqual(["reset", "all@100", "sync 100"])
  })

  test("CS-E13: the timer of an older snapshot leaves a newer one alone", async () => {
    create({ unreadItemsMax: 2, historyItemsMax: 1 })
    publisher.subscribe({ topic: "t" })
    await clock.advance(6_000)
    // The shared snapshot lags too far to be shared on: the next one is built anew.
    for (const revision of [2, 3, 4]) publisher.publish([event(revision, "x")])
    state = [4]
    publisher.subscribe({ topic: "t" })
    expect(calls).toBe(2)
    await clock.advance(9_999)
    publisher.subscribe({ topic: "t" })
    expect(calls).toBe(2)
    await clock.advance(1)
    publisher.subscribe({ topic: "t" })

    expect(calls).toBe(3)
  })

  test("CS-E15: a reader that got 1 for an empty state is reset at 1, also after a pause", () => {
    state = [0]
    const first = publisher.subscribe({ topic: "t" })
    const { epoch } = first
    expect(read(first)).toEqual(["sync 1"])
    first.close()
    state = [1, "one"]
    publisher.publish([event(1, "one")])
    publisher.subscribe({ topic: "t" })
    const back = publisher.subscribe({ topic: "t", from: 1, epoch })

    expect(read(back)).toEqual(["reset", "one@1", "sync 1"])
  })

  test("TY-E18, CS-B19: late and early readers end with the same state", () => {
    const holds = (frames: readonly string[]) => frames.filter((frame) => frame.includes("@"))
    const early = publisher.subscribe({ topic: "t" })
    publisher.publish([event(2, "a")])
    publisher.publish([event(3, "a again")])
    const before = read(early)
    create()
    state = [3, "a again"]
    const late = publisher.subscribe({ topic: "t" })

    expect(holds(before).at(-1)).toBe("a again@3")
    expect(holds(read(late))).toEqual(["a again@3"])
  })

  test("CS-B14, CS-B17, CS-B20: a handler is asked for a subject, off the publisher", async () => {
    const asked: unknown[] = []
    publisher.unregister("t")
    publisher.register("t", async (of) => {
      asked.push(of)
      await clock.sleep(5, new AbortController().signal)
      return 4
    })
    const subscription = publisher.subscribe({ topic: "t", subject: "s" })
    publisher.publish([event(5, "meanwhile", "s")])
    const other = publisher.subscribe({ topic: "t", subject: "r" })
    other.close()
    expect(read(subscription)).toEqual([])
    await clock.advance(5)

    expect(asked).toEqual([
      { topic: "t", subject: "s" },
      { topic: "t", subject: "r" },
    ])
    expect(read(subscription)).toEqual(["sync 4", "s:meanwhile@5"])
  })

  test("CS-B21, CS-B22: snapshots are shared by subject; at 0 ms not at all", async () => {
    publisher.subscribe({ topic: "t", subject: "a", identity: "me" })
    publisher.subscribe({ topic: "t", subject: "a", identity: "you" })
    publisher.subscribe({ topic: "t", subject: "b" })
    expect(calls).toBe(2)
    create({ snapshotTtlMs: 0 })
    calls = 0
    publisher.subscribe({ topic: "t" })
    await clock.settle()
    publisher.subscribe({ topic: "t" })

    expect([calls, clock.timers]).toEqual([2, 0])
  })

  test("CS-B24: a snapshot that failed is not shared", async () => {
    state = [Number.NaN]
    const failed = publisher.subscribe({ topic: "t" })
    state = [2, "a"]
    const next = publisher.subscribe({ topic: "t" })

    expect(() => failed.poll()).toThrow(SourceError)
    expect(read(next)).toEqual(["a@2", "sync 2"])
  })

  test("CS-B26, U18: the shared snapshot goes with the last, its timer too", () => {
    const subscriptions = [1, 2].map(() => publisher.subscribe({ topic: "t" }))
    for (const subscription of subscriptions) {
      expect(clock.timers).toBe(1)
      subscription.close()
    }

    expect([clock.timers, engine.liveBytes(), publisher.stats().subjects]).toEqual([0, 0, 0])
  })

  test("CS-B29, CS-B41: one buffer for all is let go of once, at any number of closes", () => {
    const first = publisher.subscribe({ topic: "t" })
    const second = publisher.subscribe({ topic: "t" })
    for (let time = 0; time < 3; time++) first.close()
    publisher.publish([event(2, "x")])

    expect([publisher.subscriptions, publisher.stats().subjects]).toEqual([1, 1])
    expect(read(second)).toEqual(["sync 1", "x@2"])
  })

  test("CS-B34: two subscriptions of one request are both closed by force", () => {
    const request = { topic: "t", identity: "me" }
    const both = [publisher.subscribe(request), publisher.subscribe(request)]
    publisher.closeFor("me", "forced")

    expect(both.map(({ closed }) => closed)).toEqual(["forced", "forced"])
  })

  test("CS-B37, U8: items that hold nothing to see are passed over in silence", () => {
    const permits = ({ revision }: { revision: number }) => revision > 3
    const subscription = publisher.subscribe({ topic: "t", permits })
    for (const revision of [2, 3, 4]) publisher.publish([event(revision, "x")])

    expect(read(subscription)).toEqual(["sync 1", "x@4"])
  })

  test("CS-B38, U6: a commit of several events is one frame, to one subject and to all", () => {
    const named = publisher.subscribe({ topic: "t", subject: "a" })
    const every = publisher.subscribe({ topic: "t", subject: EVERY_SUBJECT })
    publisher.publish([event(2, "1", "a"), event(2, "2", "b"), event(2, "3", "a")])

    expect(read(named)).toEqual(["sync 1", "a:1,a:3@2"])
    expect(read(every)).toEqual(["sync 1", "a:1,b:2,a:3@2"])
  })

  test("CS-B44: a reader that was closed by force gets no later event", () => {
    const subscription = publisher.subscribe({ topic: "t", identity: "me" })
    publisher.closeFor("me", "auth-changed")
    publisher.publish([event(2, "secret")])

    expect(() => subscription.poll()).toThrow(new ClosedError("auth-changed"))
  })

  test("CS-B45, CS-B47, U25: every subject, in the order of the commits, each event once", () => {
    const every = publisher.subscribe({ topic: "t", subject: EVERY_SUBJECT })
    publisher.publish([event(2, "1", "b"), event(2, "2", "a")])
    publisher.publish([event(3, "3", "a")])

    expect(read(every)).toEqual(["sync 1", "b:1,a:2@2", "a:3@3"])
    expect(() => publisher.publish([event(4, "x", EVERY_SUBJECT)])).toThrow(InvariantError)
  })

  test("CS-B49, U36: what is published after its commit is never missed by a state", () => {
    state = [2, "committed"]
    publisher.publish([event(2, "committed")])

    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["committed@2", "sync 2"])
  })

  test("CS-B52: refresh() lets go of shared snapshots before a new subscription", () => {
    state = [1, "old"]
    publisher.subscribe({ topic: "t" })
    state = [1, "new"]
    publisher.refresh("t")

    expect(read(publisher.subscribe({ topic: "t" }))).toEqual(["new@1", "sync 1"])
  })

  test("U14: early and late readers read a snapshot while it is built", async () => {
    let append = (_payload: string) => {}
    let finish = () => {}
    publisher.unregister("t")
    publisher.register("t", (_of, appendAll) => {
      append = (payload) => appendAll([event(3, payload)])
      return new Promise((resolve) => {
        finish = () => resolve(3)
      })
    })
    const first = publisher.subscribe({ topic: "t" })
    const frame = first.next()
    append("a")
    expect(await frame).toMatchObject({ type: "events", revision: 3 })
    const second = publisher.subscribe({ topic: "t" })
    append("b")
    expect([read(first), read(second)]).toEqual([["b@3"], ["a@3", "b@3"]])
    const ends: Promise<StreamFrame<string>>[] = [first, second].map((each) => each.next())
    finish()

    expect(await Promise.all(ends)).toEqual([
      { type: "sync", revision: 3 },
      { type: "sync", revision: 3 },
    ])
  })

  test("U17: a lag is sticky too, under policies that end", () => {
    const policy = { type: "pin", itemsMax: 1, bytesMax: 100 } as const
    const slow = publisher.subscribe({ topic: "t", policy })
    for (const revision of [2, 3, 4]) publisher.publish([event(revision, "x")])

    for (let time = 0; time < 2; time++) expect(() => slow.poll()).toThrow(LaggedError)
    slow.close()
    expect(() => slow.poll()).toThrow(new ClosedError("unsubscribed"))
  })
})
