import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { commitsOf, waitFor } from "../src/follow.ts"
import { type ConnectOptions, connect, type Replica } from "../src/index.ts"
import { writer } from "../src/writer.ts"
import {
  del,
  delta,
  entriesOf,
  hello,
  put,
  ScriptedHub,
  snapshot,
  sync,
  until,
} from "./scripted-hub.ts"

let hub: ScriptedHub
let replicas: Replica[]
const random = () => 0

beforeEach(async () => {
  hub = await ScriptedHub.listen()
  replicas = []
})

// A stream that outlives its last owner would hang here.
afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()))
  await hub[Symbol.asyncDispose]()
})

function follow(options: Partial<ConnectOptions> = {}): Replica {
  const replica = connect({ url: hub.url, topic: "default", random, ...options })
  replicas.push(replica)
  return replica
}

describe("connect(), for several owners", () => {
  test("twice with the same arguments is one request and one state", async () => {
    const one = follow({ prefix: "a", keys: ["k"] })
    const other = follow({ prefix: ["a"], keys: ["k"], report: () => {} })
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await Promise.all([one.ready, other.ready])
    const late = follow({ prefix: "a", keys: ["k"] })
    await late.ready
    stream.send(delta(2, put("b", 2)))
    await until(late, () => late.has("b"))

    expect(hub.waiting).toBe(0)
    expect([one, other, late].map(entriesOf)).toEqual(Array(3).fill(entriesOf(one)))
    expect(entriesOf(one)).toEqual([
      ["a", 1],
      ["b", 2],
    ])
    expect(one.getSnapshot()).toBe(late.getSnapshot())
    expect(one.digest).toBe(late.digest)
    expect(late.proven).toBe(one.proven)
  })

  test("prefixes and keys in another order are the same filter", async () => {
    const one = follow({ prefix: ["b", "a"], keys: ["y", "x"] })
    const other = follow({ prefix: ["a", "b"], keys: ["x", "y"] })
    const stream = await hub.next()
    stream.send(hello(), sync(1, []))
    await Promise.all([one.ready, other.ready])

    expect(stream.path).toBe("/v1/topics/default/stream?prefix=a&prefix=b&key=x&key=y")
    expect(hub.waiting).toBe(0)
  })

  test("another topic, filter, token or function of one is another stream", async () => {
    const token = () => "x"
    follow()
    follow({ topic: "other" })
    follow({ prefix: "a" })
    follow({ token: "x" })
    follow({ token })
    follow({ token: () => "x" })
    follow({ token })
    const paths = []
    for (let count = 0; count < 6; count++) paths.push((await hub.next()).path)

    expect(paths.filter((path) => path === "/v1/topics/default/stream").length).toBe(4)
    expect(hub.waiting).toBe(0)
  })

  test("closing one leaves the others' stream, and its own state as it was", async () => {
    const one = follow()
    const other = follow()
    const stream = await hub.next()
    stream.send(
      hello(),
      snapshot(["a", 1], ["b", 1]),
      sync(1, [
        ["a", 1],
        ["b", 1],
      ]),
    )
    await one.ready
    const seen: unknown[] = []
    let statuses = 0
    one.subscribe((_, commit) => commit && seen.push(commit))
    one.subscribeStatus(() => statuses++)
    const commits = commitsOf(one)
    await commits.next()
    const next = commits.next()
    const far = waitFor(one, { epoch: "e", revision: 9 }).catch((error) => error)
    await one.close()
    await one.close()
    stream.send(delta(2, put("a", 2), del("b", 2)))
    await until(other, () => other.get("a") === 2)

    expect(await next).toEqual({ done: true, value: undefined })
    expect(await far).toMatchObject({ code: "ERR_CLOSED" })
    expect([seen, statuses]).toEqual([[], 1])
    expect(one.status.state).toBe("closed")
    expect(entriesOf(one)).toEqual([
      ["a", 1],
      ["b", 1],
    ])
    expect([one.size, one.position, one.digest === other.digest]).toEqual([
      2,
      { epoch: "e", revision: 1 },
      false,
    ])
    expect(other.status.state).toBe("live")

    await other.close()
    await stream.closed

    expect(entriesOf(other)).toEqual([["a", 2]])
  })

  test("the last one's end is the stream's, also where a signal ends it", async () => {
    const abort = new AbortController()
    const one = follow({ signal: abort.signal })
    follow({ signal: abort.signal })
    const stream = await hub.next()
    abort.abort()
    await stream.closed

    await expect(one.ready).rejects.toMatchObject({ code: "ERR_CLOSED" })

    follow({ signal: abort.signal })
    const again = follow()
    ;(await hub.next()).send(hello(), sync(1, []))
    await again.ready

    expect(hub.waiting).toBe(0)
  })

  test("a call after a refusal asks the hub again", async () => {
    const clock = new ManualClock()
    const refused = follow({ clock })
    ;(await hub.next()).answer(204)
    await refused.ready.catch(() => {})
    const again = follow({ clock })
    ;(await hub.next()).send(hello(), sync(1, []))
    await again.ready

    expect([refused.status.state, again.status.state]).toEqual(["closed", "live"])
  })

  test("each owner gets reports, and no other copy of the module opens a stream", async () => {
    const reports: string[] = []
    follow({ report: ({ type }) => reports.push(`one ${type}`) })
    const other = follow({ report: ({ type }) => reports.push(`other ${type}`) })
    vi.resetModules()
    const copy = await import("../src/index.ts")
    expect(copy.connect).not.toBe(connect)
    const third: Replica = copy.connect({ url: hub.url, topic: "default", random })
    replicas.push(third)
    ;(await hub.next()).destroy()
    ;(await hub.next()).send(hello(), sync(1, []))
    await Promise.all([third.ready, other.ready])

    expect(reports).toEqual(["one lost", "other lost"])
    expect(hub.waiting).toBe(0)
  })

  test("can be written through", async () => {
    const replica = follow()
    const stream = await hub.next()
    stream.send(hello(), sync(1, []))
    await replica.ready
    const written = writer(replica).put("a", 1)
    const request = await hub.next()
    request.answer(200, JSON.stringify({ revision: 2, position: "e.2" }))
    stream.send(delta(2, put("a", 2, 1)))

    expect(await written).toEqual({ epoch: "e", revision: 2 })
  })
})
