import type { Frame } from "@headwater/protocol"
import { afterEach, describe, expect, test } from "vitest"
import { json, LocalHub } from "../support/local-hub.ts"
import type { StreamReader } from "../support/stream-reader.ts"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

const ENTRY = "/v1/topics/t/entry?key=a"
const ready = async () => (await local.ask("/readyz")).status

/** Opens readers, and notes when each was told to leave, by the hub's clock. */
async function crowd(count: number) {
  const told: { at: number; frame: Frame | undefined }[] = []
  for (let n = 0; n < count; n++) {
    const stream = await (await local.stream()).caughtUp()
    void stream.rest().then((frames) => told.push({ at: local.clock.elapsed(), frame: frames[0] }))
  }
  await local.settle()
  return told
}

async function advance(ms: number, stepMs = 10): Promise<void> {
  for (let at = 0; at < ms; at += stepMs) await local.clock.advance(stepMs)
}

describe("a drain of readers", () => {
  test("makes the hub unready at once, and serves on for its delay", async () => {
    local = new LocalHub({ drain: { delayMs: 5_000, timeMs: 2_000 } })
    await local.settle()
    expect(await ready()).toBe(200)
    local.hub.drain.begin()
    await advance(4_900, 100)

    expect([await ready(), local.hub.drain.phase]).toEqual([503, "waiting"])
    const late = await (await local.stream()).caughtUp()
    await local.write({ a: 1 })
    expect((await late.until("delta")).changes).toMatchObject([{ key: "a" }])
    await advance(200)
    expect(await late.rest()).toMatchObject([{ type: "goodbye", reason: "draining" }])
    await advance(100)
    expect(local.hub.drain.phase).toBe("over")
  })

  test("tells readers to leave evenly, with delays that fit their number", async () => {
    local = new LocalHub({ drain: { timeMs: 4_000 } })
    await local.settle()
    const told = await crowd(200)
    const began = local.clock.elapsed()
    local.hub.drain.begin()
    await advance(4_000)
    await local.hub.drain.ended

    expect(told.length).toBe(200)
    const halves = told.filter(({ at }) => at - began < 1_900).length
    expect(Math.abs(halves - 100)).toBeLessThan(8)
    for (const { at, frame } of told) {
      expect(at - began).toBeLessThanOrEqual(3_800)
      expect(frame).toMatchObject({ type: "goodbye", reason: "draining" })
      expect((frame as { retryMs: number }).retryMs).toBeLessThan(650)
    }
  })

  test("sends a new reader to another hub, and answers everything else", async () => {
    local = new LocalHub({ drain: { timeMs: 60_000 } })
    await local.settle()
    const told = await crowd(3)
    local.hub.drain.begin()
    await advance(100)
    const late = await (await local.stream()).rest()

    expect(late).toMatchObject([{ type: "fault", code: "ERR_NOT_READY", retry: "retry" }])
    expect((late[0] as { retryMs: number }).retryMs).toBeLessThan(501)
    const put = { method: "PUT", headers: { "content-type": "application/json" }, body: "1" }
    const written = await local.ask(ENTRY, put)
    const { position } = await written.json()
    await local.settle()
    expect((await local.ask(`${ENTRY}&at-least=${position}`)).status).toBe(200)
    expect((await local.ask("/v1/topics/t/entries")).status).toBe(200)
    expect((await local.ask(`${ENTRY}&since=${position}`)).status).toBe(503)
    await advance(400)
    expect(told.length).toBe(3)
  })

  test("cuts readers that do not read at the end of its time", async () => {
    local = new LocalHub({ drain: { timeMs: 1_000 } })
    await local.settle()
    const stalled: StreamReader[] = []
    for (let n = 0; n < 20; n++) stalled.push(await (await local.stream()).caughtUp())
    const told = await crowd(20)
    local.hub.drain.begin()
    await advance(990)
    expect([told.length, local.hub.streams.size]).toEqual([20, 20])
    await advance(20)

    expect([local.hub.streams.size, local.hub.drain.phase]).toEqual([0, "over"])
    for (const stream of stalled) await expect(stream.rest()).rejects.toThrow("cut")
    expect(local.log.filter((line) => line.includes("did not end in time"))).toHaveLength(1)
  })

  test("lets a reader end its snapshot, where the time allows", async () => {
    const entries = Array.from({ length: 400 }, (_, n) => [`k${n}`, json("x".repeat(990))] as const)
    local = new LocalHub({ drain: { timeMs: 1_000 }, entries, limits: { frameBytesMax: 4_096 } })
    await local.settle()
    const joining = await local.stream()
    await joining.until("snapshot")
    const told = await crowd(5)
    local.hub.drain.begin()
    await advance(400)
    expect(told.length).toBe(5)
    const frames = await joining.caughtUp()

    expect(Object.keys(frames.replica.entries).length).toBe(400)
    await advance(100)
    expect(await joining.rest()).toMatchObject([{ type: "goodbye", reason: "draining" }])
  })

  test("answers blocking GETs early, with the state as it is", async () => {
    local = new LocalHub({ drain: { timeMs: 1_000 } })
    await local.settle()
    await local.write({ a: 1 })
    const { position } = await (await local.ask("/v1/topics/t")).json()
    const asked = Array.from({ length: 5 }, () => local.ask(`${ENTRY}&since=${position}`))
    const ahead = local.ask(`${ENTRY}&at-least=${position}9`)
    await local.settle()
    expect(local.hub.streams.size).toBe(6)
    local.hub.drain.begin()
    await advance(800)
    await local.hub.drain.ended

    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect([...statuses, (await ahead).status]).toEqual([200, 200, 200, 200, 200, 503])
  })

  test("is over at once on a hub without readers", async () => {
    local = new LocalHub({ drain: { timeMs: 60_000 } })
    await local.settle()
    local.hub.drain.begin()
    await local.hub.drain.ended

    expect(local.hub.drain.phase).toBe("over")
    expect(await ready()).toBe(503)
  })

  test("ends a reader that waits for a topic that was not read yet", async () => {
    local = new LocalHub({
      drain: { timeMs: 1_000 },
      through: (source) => ({
        name: source.name,
        identity: source.identity.bind(source),
        revision: source.revision.bind(source),
        watch: source.watch.bind(source),
        close: source.close.bind(source),
        list: neverLists,
      }),
    })
    const waiting = await local.stream()
    const rest = waiting.rest()
    await local.settle()
    local.hub.drain.begin()
    await advance(300)

    expect((await rest).at(-1)).toMatchObject({ type: "goodbye", reason: "draining" })
    expect(local.hub.drain.phase).toBe("over")
  })

  test("on a hub that knows of no other tells readers to wait for its return", async () => {
    local = new LocalHub()
    await local.settle()
    const told = await crowd(1)
    local.hub.drain.begin()
    await advance(100)

    expect(told).toMatchObject([{ frame: { type: "goodbye", reason: "draining" } }])
  })
})

describe("POST /v1/drain", () => {
  const order = () => local.ask("/v1/drain", { method: "POST" })

  test("answers 202 with the plan, and again with the drain as of then", async () => {
    local = new LocalHub({ drain: { delayMs: 1_000, timeMs: 2_000 } })
    await local.settle()
    const told = await crowd(10)
    const first = await order()
    const plan = await first.json()
    await advance(1_300)
    const second = await (await order()).json()

    expect(first.status).toBe(202)
    expect(plan).toMatchObject({
      ...{ phase: "waiting", delayMs: 1_000, timeMs: 2_000, open: 10, told: 0 },
      began: new Date(local.clock.now() - 1_300).toISOString(),
      endsBy: new Date(local.clock.now() + 1_700).toISOString(),
    })
    expect(second).toMatchObject({ phase: "leaving", began: plan.began, told: 4 })
    expect(second.open).toBe(10 - told.length)
    await advance(1_700)
    expect(await (await order()).json()).toMatchObject({ phase: "over", open: 0, told: 10 })
  })

  test("is refused to others than operators, by other methods and with parameters", async () => {
    local = new LocalHub()
    await local.settle()
    const via = await local.ask("/v1/drain", { method: "POST", headers: { via: "1.1 proxy" } })
    const get = await local.ask("/v1/drain")
    const query = await local.ask("/v1/drain?x=1", { method: "POST" })

    expect([via.status, get.status, get.headers.get("allow")]).toEqual([403, 405, "POST"])
    expect([query.status, local.hub.drain.phase]).toEqual([400, "serving"])
  })
})

async function* neverLists(_options: unknown, signal: AbortSignal): AsyncGenerator<never> {
  await new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason))
  })
}
