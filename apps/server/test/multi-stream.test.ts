import { connect, type Replica, type Report } from "@headwater/client"
import { multiplexed } from "@headwater/client/shared"
import { decodeErrorBody, decodeFrame } from "@headwater/protocol"
import { type MemorySource, memorySource } from "@headwater/syncer/memory"
import { prng } from "@headwater/testing"
import { createParser } from "eventsource-parser"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type ServedHub, serveHub } from "./support/served-hub.ts"

// Several views on one connection: the hub's route, and the client that reads it.

const seed = Number(process.env.HEADWATER_SEED ?? Math.trunc(Math.random() * 2 ** 31))
const TOPICS = ["a", "b", "c"]
const JSON_TYPE = { "content-type": "application/json" }

let served: ServedHub
let sources: Map<string, MemorySource>
let replicas: Replica[]

beforeEach(async () => {
  replicas = []
  sources = new Map(TOPICS.map((name) => [name, memorySource()]))
  const topics = TOPICS.map((name) => ({ name, source: sources.get(name)! }))
  served = await serveHub({ topics, limits: { heartbeatMs: 200, syncIntervalMs: 400 } })
})

afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()))
  await served.close()
})

function ask(body: unknown): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return fetch(`${served.url}/v1/stream`, { method: "POST", headers: JSON_TYPE, body: text })
}

async function put(topic: string, key: string, value: unknown): Promise<void> {
  const url = `${served.url}/v1/topics/${topic}/entries/${key}`
  const answer = await fetch(url, {
    method: "PUT",
    headers: JSON_TYPE,
    body: JSON.stringify(value),
  })
  expect(answer.status).toBe(200)
  await answer.text()
}

interface Labelled {
  readonly type: string
  readonly n: number
  readonly topic: string
  readonly view: string
  readonly id?: string
  readonly data: Record<string, unknown>
}

/** Reads frames until a condition holds of all so far. */
async function framesUntil(
  response: Response,
  isEnough: (frames: readonly Labelled[]) => boolean,
): Promise<Labelled[]> {
  const frames: Labelled[] = []
  const parser = createParser({
    onEvent: ({ event = "", data, id }) => {
      expect(id).toBeUndefined()
      frames.push({ type: event, ...JSON.parse(data) })
    },
  })
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  while (!isEnough(frames)) {
    const { done, value } = await reader.read()
    if (done) break
    parser.feed(decoder.decode(value, { stream: true }))
  }
  await reader.cancel()
  return frames
}

describe("POST /v1/stream", () => {
  test("sends each view in its own order, under its name, with its own ids", async () => {
    await put("a", "x", 1)
    await put("a", "y", 2)
    await put("b", "z", 3)
    const views = [{ topic: "a" }, { topic: "b" }, { topic: "a", keys: ["x"] }]
    const frames = await framesUntil(
      await ask({ views }),
      (all) => all.filter(({ type }) => type === "status").length === 3,
    )

    for (const [n, { topic }] of views.entries()) {
      const own = frames.filter((frame) => frame.n === n)
      expect(own.map(({ type }) => type)).toEqual(["hello", "snapshot", "sync", "status"])
      expect(new Set(own.map((frame) => frame.topic))).toEqual(new Set([topic]))
      expect(new Set(own.map((frame) => frame.view)).size).toBe(1)
      for (const { type, data, id = "" } of own) {
        expect(decodeFrame(type, JSON.stringify(data), id)?.type).toBe(type)
      }
    }
    const counts = frames.filter(({ type }) => type === "sync").map(({ data }) => data.entries)
    expect(counts.sort()).toEqual([1, 1, 2])
  })

  test("resumes each view from its own id", async () => {
    await put("a", "x", 1)
    const before = await framesUntil(await ask({ views: [{ topic: "a" }] }), (all) =>
      all.some(({ type }) => type === "sync"),
    )
    const { id } = before.find(({ type }) => type === "sync")!
    await put("a", "y", 2)
    const after = await framesUntil(
      await ask({ views: [{ topic: "b" }, { topic: "a", id }] }),
      (all) => all.filter(({ type }) => type === "sync").length === 2,
    )
    const own = after.filter(({ n }) => n === 1)

    expect(own[0]!.data.resumed).toBe(true)
    expect(own.some(({ type }) => type === "snapshot")).toBe(false)
    expect(own.find(({ type }) => type === "delta")!.data.changes).toMatchObject([{ key: "y" }])
  })

  test("a view that is refused faults alone, and the stream ends with its last view", async () => {
    const views = [{ topic: "none" }, { topic: "a", id: "what" }, { topic: "a", keys: [""] }]
    const frames = await framesUntil(await ask({ views }), () => false)
    const codes = frames.map(({ n, type, data }) => [n, type, data.code, data.retry])

    expect(codes).toEqual([
      [0, "fault", "ERR_TOPIC_UNKNOWN", "stop"],
      [1, "fault", "ERR_POSITION_MALFORMED", "stop"],
      [2, "fault", "ERR_KEY_INVALID", "stop"],
    ])
  })

  test.each<[string, unknown]>([
    ["no JSON", "{"],
    ["no object", []],
    ["no views", {}],
    ["an empty list", { views: [] }],
    ["too many views", { views: Array.from({ length: 65 }, () => ({ topic: "a" })) }],
    ["no topic", { views: [{}] }],
    ["a misspelt member", { views: [{ topic: "a", prefix: ["x"] }] }],
    ["keys that are none", { views: [{ topic: "a", keys: [1] }] }],
    ["another policy", { views: [{ topic: "a" }], policy: "fast" }],
  ])("answers 400 to %s", async (_, body) => {
    const answer = await ask(body)

    expect([answer.status, decodeErrorBody(await answer.text())?.code]).toEqual([
      400,
      "ERR_REQUEST_INVALID",
    ])
  })

  test("answers 405 to a GET, and 415 to another type", async () => {
    const get = await fetch(`${served.url}/v1/stream`)
    const text = await fetch(`${served.url}/v1/stream`, { method: "POST", body: "{}" })

    expect([get.status, text.status]).toEqual([405, 415])
    await Promise.all([get.text(), text.text()])
  })
})

describe("multiplexed()", () => {
  test("puts the topics of a hub on one connection, which changes unnoticed", async () => {
    const asked: string[] = []
    const reports: Report[] = []
    const shared = multiplexed(async (input, init) => {
      asked.push(`${init?.method ?? "GET"} ${new URL(String(input)).pathname}`)
      return fetch(input, init)
    })
    const follow = (topic: string) => {
      const report = (one: Report) => reports.push(one)
      const replica = connect({ url: served.url, topic, fetch: shared, report })
      replicas.push(replica)
      return replica
    }
    await put("a", "x", 1)
    const first = follow("a")
    await first.ready
    const [second, third] = [follow("b"), follow("c")]
    await Promise.all([second.ready, third.ready])
    await Promise.all([put("a", "x", 2), put("b", "y", 3), put("c", "z", 4)])
    await untilAll([first, second, third], ["x", "y", "z"], [2, 3, 4])

    expect(asked).toEqual(["GET /v1/topics/a/stream", "POST /v1/stream"])
    expect(reports).toEqual([])
    expect(served.hub.streams.size).toBe(3)
    expect(replicas.map(({ status }) => status.state)).toEqual(["live", "live", "live"])
  })

  test("gives each replica its own refusal, and asks an old hub for each view", async () => {
    const old = multiplexed(async (input, init) => {
      if (init?.method !== "POST") return fetch(input, init)
      return new Response("no such resource", { status: 404 })
    })
    const follow = (topic: string, fetch: typeof globalThis.fetch) => {
      const replica = connect({ url: served.url, topic, fetch, report: () => {} })
      replicas.push(replica)
      return replica
    }
    const on = multiplexed()
    const [a, none] = [follow("a", on), follow("none", on)]
    const olds = [follow("a", old), follow("b", old)]
    await Promise.all([a.ready, ...olds.map((replica) => replica.ready)])

    await expect(none.ready).rejects.toMatchObject({ code: "ERR_TOPIC_UNKNOWN" })
    expect(a.status.state).toBe("live")
  })

  test("ends with the same proven replicas under cuts, views that come and go, and load", {
    timeout: 120_000,
  }, async () => {
    console.log(`multi-stream: HEADWATER_SEED=${seed}`)
    const random = prng(seed)
    const shared = multiplexed(async (input, init) => cut(await fetch(input, init), random))
    const follow = (topic: string) => {
      const prefix = random() < 0.3 ? "k1" : undefined
      const options = { topic, fetch: shared, random, report: () => {}, prefix }
      const replica = connect({ url: served.url, ...options, clock: hasty })
      replicas.push(replica)
    }
    for (const topic of TOPICS) follow(topic)
    for (let step = 0; step < 150; step++) {
      const topic = TOPICS[Math.floor(random() * 3)]!
      await put(topic, `k${Math.floor(random() * 20)}`, step)
      if (random() < 0.1) follow(topic)
      if (random() < 0.08 && replicas.length > 3) await replicas.splice(3, 1)[0]!.close()
    }
    for (const topic of TOPICS) await put(topic, "k1-last", "last")
    for (const replica of replicas) await untilAll([replica], ["k1-last"], ["last"])
    for (const replica of replicas) {
      expect(replica.proven).toMatchObject({ mismatches: 0 })
      while (replica.proven.position?.revision !== replica.position?.revision) await soon()
    }
  })
})

/** The clock of the machine, on which a back-off takes a hundredth of its time. */
const hasty = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(delayMs: number, task: () => void) {
    const timer = setTimeout(task, delayMs > 5_000 ? delayMs : delayMs / 100)
    return () => clearTimeout(timer)
  },
}

/** The same answer, cut after a random number of pieces. */
function cut(response: Response, random: () => number): Response {
  const reader = response.body!.getReader()
  let left = 3 + Math.floor(random() * 60)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read()
      left -= 1
      if (done) controller.close()
      else controller.enqueue(value)
      if (left > 0 || done) return
      controller.error(new Error("cut"))
      await reader.cancel()
    },
    cancel: (reason) => reader.cancel(reason),
  })
  return new Response(body, response)
}

async function untilAll(
  all: readonly Replica[],
  keys: readonly string[],
  values: readonly unknown[],
): Promise<void> {
  for (const [at, replica] of all.entries()) {
    while (replica.get(keys[at]!) !== values[at]) await soon()
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}
