import { ClosedError, CompactedError, SyncError, type ViewFrame } from "@headwater/core"
import { EventPublisher } from "@headwater/stream"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { retryWaitMs } from "../../src/index.ts"
import {
  applyFrame,
  entriesView,
  type KeyedEvent,
  Materializer,
  newFeed,
  VIEW_RETRY,
} from "../../src/view/index.ts"
import { turn, Watched } from "../scripted-type.ts"
import { ScriptedFeeds } from "./scripted-feed.ts"

type Entry = { readonly name: string; readonly up?: boolean }
type Event = KeyedEvent<Entry>

let clock: ManualClock
let feeds: ScriptedFeeds<Event>
let stop: AbortController
let materializer: Materializer<Event, readonly Entry[]>
let running: Watched<void>

class StopError extends SyncError {
  readonly code
  readonly recovery = "stop"
  constructor(code: "ERR_UNAUTHENTICATED" | "ERR_FORBIDDEN") {
    super(code)
    this.code = code
  }
}

beforeEach(() => {
  clock = new ManualClock()
  feeds = new ScriptedFeeds()
  start()
})

afterEach(async () => {
  stop.abort(new Error("over"))
  await running.settled
  expect([clock.timers, materializer.changes.size]).toEqual([0, 0])
})

function start(makeView = () => entriesView<Entry>({ filter: ({ up = true }) => up })) {
  stop = new AbortController()
  const { subscribe } = feeds
  materializer = new Materializer({ subscribe, makeView, clock, random: () => 0.5 })
  running = new Watched(materializer.run(stop.signal))
}

const put = (name: string, up = true): Event => ({ op: "put", key: name, value: { name, up } })
const del = (name: string): Event => ({ op: "delete", key: name })
const events = (revision: number, ...list: Event[]): ViewFrame<Event> => ({
  type: "events",
  revision,
  events: list,
})
const sync = (revision: number): ViewFrame<Event> => ({ type: "sync", revision })
const RESET: ViewFrame<Event> = { type: "reset" }
const at = (revision: number, epoch = "e") => ({ epoch, revision })
const shown = () => materializer.seen?.result.map(({ name }) => name)
const query = (since?: number, signal = new AbortController().signal) =>
  new Watched(materializer.query(since === undefined ? undefined : at(since), signal))

describe("applyFrame()", () => {
  const staged = applyFrame(newFeed(false), events(3, put("a")))[0]
  const stream = applyFrame(newFeed(true), sync(3))[0]

  test.each([
    ["snapshot", newFeed(false), [undefined, undefined, "replace"]],
    ["snapshot, in part", staged, [undefined, undefined, "replace"]],
    ["resume", newFeed(true), [undefined, "apply", "alive"]],
    ["stream", stream, [undefined, "apply", "alive"]],
  ] as const)("SV-B2: in %s, a reset begins anew", (_name, state, effects) => {
    const frames = [RESET, events(4, put("b")), sync(4)]

    expect(frames.map((frame) => applyFrame(state, frame)[1]?.type)).toEqual(effects)
    expect(applyFrame(state, RESET)[0]).toEqual(newFeed(false))
  })

  test("SV-E5: a snapshot's parts are one list, in their order", () => {
    const [, effect] = applyFrame(applyFrame(staged, events(3, put("b"), put("c")))[0], sync(3))

    expect(effect).toEqual({
      type: "replace",
      events: [put("a"), put("b"), put("c")],
      revision: 3,
    })
  })
})

describe("a materializer", () => {
  test("SV-B1, SV-B3: shows a snapshot once it is whole, also an empty one", async () => {
    const waits = query()
    await feeds.last.send(events(5, put("a")))
    expect([waits.state, materializer.seen]).toEqual(["waiting", undefined])
    await feeds.last.send(sync(5))
    expect(waits.value).toEqual({ result: [{ name: "a", up: true }], position: at(5), hit: false })
    feeds.epoch = "f"
    await feeds.last.fail(new CompactedError(5, 9))
    await feeds.last.send(sync(0))

    expect(materializer.seen).toEqual({ result: [], position: at(1, "f") })
  })

  test("SV-B3: takes each commit in one step", async () => {
    await feeds.last.send(events(5, put("a")), sync(5))
    const waits = query(5)
    await feeds.last.send(events(6, del("a"), put("b")))

    expect([waits.value?.position, shown()]).toEqual([at(6), ["b"]])
  })

  test("SV-E1, SV-W1: a reset is not visible, and neither is a part of a snapshot", async () => {
    await feeds.last.send(events(5, put("a")), sync(5))
    const waits = query(5)
    await feeds.last.send(RESET, events(9, put("b")))
    expect([shown(), waits.state, query().value]).toEqual([["a"], "waiting", undefined])
    await turn()
    await feeds.last.send(events(9, put("c")), sync(9))

    expect([shown(), waits.value?.result.length]).toEqual([["b", "c"], 2])
  })

  test("SV-E1: a subscription that is lost within a snapshot shows none of it", async () => {
    await feeds.last.send(events(5, put("a")), sync(5), RESET, events(9, put("b")))
    await feeds.last.fail(new Error("cut"))
    expect([shown(), feeds.feeds.length, feeds.last.from]).toEqual([["a"], 2, at(5)])
    await feeds.last.send(RESET, events(9, put("c")), sync(9))

    expect(shown()).toEqual(["c"])
  })

  test("SV-B4: a view that fails is made anew; the old result stays until then", async () => {
    stop.abort()
    await running.settled
    let isBad = false
    start(() => {
      const view = entriesView<Entry>()
      return {
        result: () => view.result(),
        update(list) {
          view.update(list)
          if (isBad) throw new Error("bad event")
        },
      }
    })
    await feeds.last.send(events(5, put("a")), sync(5))
    expect(shown()).toEqual(["a"])
    isBad = true
    await feeds.last.send(events(6, put("b")))
    isBad = false
    expect([shown(), feeds.last.from]).toEqual([["a"], undefined])
    await feeds.last.send(events(7, put("a"), put("c")), sync(7))

    expect(shown()).toEqual(["a", "c"])
  })

  test("SV-B5: answers at once when newer, also while the subscription fails", async () => {
    await feeds.last.send(events(5, put("a")), sync(5))
    feeds.refusal = new Error("down")
    await feeds.last.fail(feeds.refusal)
    await clock.advance(1_000)
    expect(materializer.error).toEqual(feeds.refusal)
    const [newer, waits] = [query(4), query(5)]
    await turn()
    expect([newer.value?.hit, waits.state]).toEqual([true, "waiting"])
    const leaving = new AbortController()
    const left = query(5, leaving.signal)
    leaving.abort(new Error("gone"))
    await turn()

    expect(left.error).toEqual(new Error("gone"))
    await clock.advance(10_000)
    expect((waits.error as { cause: Error; value: unknown }).cause).toEqual(feeds.refusal)
    expect((waits.error as { value: unknown }).value).toEqual([{ name: "a", up: true }])
  })

  test("SV-B6, SV-E2: a first failure that may pass is not reported, the second is", async () => {
    const waits = query()
    await feeds.last.fail(new Error("one"))
    expect([waits.state, materializer.error]).toEqual(["waiting", undefined])
    await feeds.last.fail(new Error("two"))
    const late = query()
    await turn()

    expect((waits.error as { cause: Error }).cause).toEqual(new Error("two"))
    expect(late.state).toBe("waiting")
    await clock.advance(300)
    await feeds.last.send(sync(3))
    expect([late.value?.position, materializer.error]).toEqual([at(3), undefined])
  })

  test("SV-B6: a failure that will not pass is reported at once", async () => {
    const waits = query()
    await turn()
    await feeds.last.fail(new StopError("ERR_FORBIDDEN"))

    expect((waits.error as { code: string }).code).toBe("ERR_FORBIDDEN")
    expect([materializer.isOver, feeds.feeds.length]).toEqual([false, 2])
  })

  test("SV-B7, SV-B10: retries at once, then after longer and longer, until it works", async () => {
    feeds.refusal = new Error("down")
    await feeds.last.fail(feeds.refusal)
    const waits: number[] = []
    for (let retry = 0; retry < 11; retry += 1) {
      waits.push(clock.nextTimerMs!)
      await clock.advance(clock.nextTimerMs!)
    }
    expect(waits).toEqual([
      ...[300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 76_800],
      ...[90_000, 90_000],
    ])
    feeds.refusal = undefined
    await clock.advance(90_000)
    await feeds.last.send(sync(1))
    await clock.advance(10_000)
    await feeds.last.fail(new Error("again"))

    expect(clock.timers).toBe(0)
    expect([1, 2, 3].map((failures) => retryWaitMs(VIEW_RETRY, failures, 0))).toEqual([0, 200, 400])
  })

  test("SV-B8, SV-E4: a subscription that cannot be resumed begins afresh", async () => {
    await feeds.last.send(events(5, put("a")), sync(5))
    const waits = query(5)
    feeds.epoch = "f"
    await feeds.last.fail(new CompactedError(5, 8))
    expect([feeds.last.from, waits.state, shown()]).toEqual([undefined, "waiting", ["a"]])
    await feeds.last.send(events(2, put("b")), sync(2))

    expect([waits.value?.position, query(5).state]).toEqual([at(2, "f"), "waiting"])
    await turn()
    expect(shown()).toEqual(["b"])
  })

  test("SV-B9: closed by force, it asks to go on where it was", async () => {
    await feeds.last.send(events(5, put("a")), sync(5))
    await feeds.last.fail(new ClosedError("forced"))
    expect(feeds.last.from).toEqual(at(5))
    await feeds.last.send(RESET, events(6, put("b")), sync(6))

    expect(shown()).toEqual(["b"])
  })

  test("SV-B9: ends for good when its token is unknown, and wakes waiting callers", async () => {
    const waits = query()
    await turn()
    await feeds.last.fail(new StopError("ERR_UNAUTHENTICATED"))

    expect((waits.error as { code: string }).code).toBe("ERR_UNAUTHENTICATED")
    expect([materializer.isOver, running.state, feeds.feeds.length]).toEqual([true, "done", 1])
  })

  test("SV-E3: a later query gets a new snapshot of the same revision", async () => {
    await feeds.last.send(events(5, put("a")), sync(5))
    await feeds.last.send(RESET, events(5, put("b")), sync(5))

    const got = query(4)
    await turn()
    expect(got.value?.result).toEqual([{ name: "b", up: true }])
  })

  test("SV-B18: a value that fails the filter disappears; keys give the order", async () => {
    await feeds.last.send(events(1, put("c"), put("a"), put("b", false)), sync(1))
    expect(shown()).toEqual(["a", "c"])
    await feeds.last.send(events(2, put("c", false), put("b")), events(3, del("none")))

    expect(shown()).toEqual(["a", "b"])
    const view = entriesView<Entry>({ compare: (a, b) => (a.name < b.name ? 1 : -1) })
    view.update([put("a"), put("b")])
    expect(view.result().map(({ name }) => name)).toEqual(["b", "a"])
  })
})

test("SV-B9: a view follows a publisher of this process, and a refresh of it", async () => {
  type Published = { payload: Event }
  const publisher = new EventPublisher<Event>({ clock })
  const event = (revision: number, payload: Event) => ({
    topic: "t",
    subject: "",
    revision,
    payload,
  })
  let entries = ["a"]
  publisher.register("t", (_request, append) => {
    append(entries.map((name) => event(entries.length, put(name))))
    return entries.length
  })
  const local = new Materializer<Published, readonly Entry[]>({
    subscribe(from, signal) {
      const place = from && { from: from.revision, epoch: from.epoch }
      const subscription = publisher.subscribe({ topic: "t", ...place })
      signal.addEventListener("abort", () => subscription.close())
      return subscription
    },
    makeView() {
      const view = entriesView<Entry>()
      return {
        update: (list) => view.update(list.map(({ payload }) => payload)),
        result: () => view.result(),
      }
    },
    clock,
    random: () => 0,
  })
  const ending = new AbortController()
  const ran = new Watched(local.run(ending.signal))
  await clock.settle()
  publisher.publish([event(2, put("b")), event(2, del("a"))])
  await clock.settle()
  expect(local.seen?.result).toEqual([{ name: "b", up: true }])
  entries = ["x", "y", "z"]
  publisher.refresh("t")
  await clock.settle()
  expect(local.seen?.result.map(({ name }) => name)).toEqual(["x", "y", "z"])
  ending.abort(new Error("over"))
  await ran.settled

  expect([ran.error, publisher.subscriptions]).toEqual([new Error("over"), 0])
  await publisher.close()
})
