import { describe, expect, test } from "vitest"
import { createHub } from "../../src/hub.ts"
import { type HubObserver, OBSERVER_METHODS } from "../../src/observe/hub-observer.ts"
import { joinObservers } from "../../src/observe/observers.ts"
import { json, LocalHub } from "../support/local-hub.ts"

/** An observer that notes everything, as `method {fields}`. */
function notes(): { readonly observer: HubObserver; readonly seen: string[] } {
  const seen: string[] = []
  const observer = Object.fromEntries(
    OBSERVER_METHODS.map((name) => [
      name,
      (event: object) => seen.push(`${name} ${JSON.stringify(event, withoutTimes)}`),
    ]),
  )
  return { observer, seen }
}

// Times and sizes vary; `bytes` of a frame contains an epoch.
function withoutTimes(name: string, value: unknown): unknown {
  return name.endsWith("Ms") || name === "bytes" || name === "epoch" ? "…" : value
}

describe("HubObserver", () => {
  test("hears a reader come, go on, and leave, and what was encoded for it", async () => {
    const { observer, seen } = notes()
    const local = new LocalHub({ observer, entries: [["a", json(1)]] })
    await local.settle()

    const stream = await local.stream("policy=conflate")
    await stream.caughtUp()
    await stream.reached(await local.write({ b: 2 }))
    await stream.close()
    await local.settle()

    expect(seen.filter((line) => /Stream|Encode|Snapshot|Apply/.test(line))).toEqual([
      'onStream {"topic":"t","policy":"conflate"}',
      'onSnapshot {"topic":"t","isShared":false}',
      'onEncode {"topic":"t","kind":"snapshot","entries":1,"bytes":"…"}',
      'onApply {"topic":"t","updates":1}',
      'onEncode {"topic":"t","kind":"delta","entries":1,"bytes":"…"}',
      'onStreamEnd {"topic":"t","policy":"conflate","reason":"left","frames":5,"bytes":"…",' +
        '"durationMs":"…"}',
    ])
    expect(await local.close()).toEqual([])
    expect(seen.at(-1)).toEqual('onTopicEnd {"topic":"t"}')
  })

  test("hears of the source, resets, refusals, writes and waiting requests", async () => {
    const { observer, seen } = notes()
    const local = new LocalHub({ observer, entries: [["a", json(1)]] })
    await local.settle()

    const stream = await local.stream("since=other.7&once=1")
    await stream.rest()
    await local.ask("/v1/topics/none")
    const put = { method: "PUT", body: "1", headers: { "content-type": "application/json" } }
    await local.ask("/v1/topics/t/entries/b", put)
    await local.ask("/v1/topics/t/entries/b", {
      ...put,
      headers: { ...put.headers, "if-none-match": "*" },
    })
    const position = (await local.ask("/v1/topics/t").then((r) => r.json())).position
    const waiting = local.ask(`/v1/topics/t/entries/b?since=${position}&wait=10`)
    await local.clock.advance(10)
    await waiting

    expect(seen.filter((line) => !/Stream|Encode|Snapshot|Apply|Audit/.test(line))).toEqual([
      'onEpoch {"topic":"t","epoch":"…"}',
      'onWatch {"topic":"t"}',
      'onStatus {"topic":"t","status":"resyncing"}',
      'onResync {"topic":"t","entries":1,"durationMs":"…"}',
      'onStatus {"topic":"t","status":"in-sync"}',
      'onReset {"topic":"t","reason":"epoch-changed"}',
      'onRefusal {"at":"request","code":"ERR_TOPIC_UNKNOWN"}',
      'onWrite {"topic":"t","result":"written","changes":1,"durationMs":"…"}',
      'onWrite {"topic":"t","result":"conflict","changes":1,"durationMs":"…"}',
      'onRefusal {"at":"request","code":"ERR_CONFLICT"}',
      'onBlockingGet {"topic":"t","change":1}',
      'onBlockingGet {"topic":"t","change":-1}',
    ])
    expect(await local.close()).toEqual([])
  })

  test("hears that a slow reader was given the changes of several versions as one", async () => {
    const { observer, seen } = notes()
    const local = new LocalHub({ observer, entries: [["a", json(1)]] })
    await local.settle()
    const fast = await local.stream()
    const slow = await local.stream()
    for (const stream of [fast, slow]) await stream.caughtUp()

    // The first delta waits in the queue of the slow stream, which takes nothing meanwhile.
    for (let value = 2; value <= 4; value++) await fast.reached(await local.write({ a: value }))
    await slow.reached(4)

    expect(seen.filter((line) => line.startsWith("onConflation"))).toEqual([
      'onConflation {"topic":"t"}',
    ])
    expect(await local.close()).toEqual([])
  })
})

describe("joinObservers()", () => {
  test("tells all, and gives the error of an owner's observer to its onError alone", () => {
    const { observer, seen } = notes()
    const errors: unknown[] = []
    const broken: HubObserver = {
      onDrain: () => {
        throw new Error("broken")
      },
      onError: (error) => errors.push(String(error)),
    }

    const joined = joinObservers(observer, [broken, {}])
    joined.onDrain?.({ state: "begun", streams: 2 })

    expect(seen).toEqual(['onDrain {"state":"begun","streams":2}'])
    expect(errors).toEqual(["Error: broken"])
  })

  test("has no method that no observer has, so that it costs nothing", () => {
    expect(Object.keys(joinObservers({}, [{ onDrain: () => {} }]))).toEqual(["onDrain"])
  })

  test("an observer that is no object is refused by createHub", () => {
    const options = { topics: [], observer: "all" } as never
    expect(() => createHub(options)).toThrow(/createHub/)
  })
})
