import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type ConnectOptions, connect, type Replica, type Report } from "../../src/index.ts"
import type { Port } from "../../src/shared/holder-protocol.ts"
import { RelayHost } from "../../src/shared/relay-host.ts"
import { sharedRequestOf } from "../../src/shared/shared-request.ts"
import { TabStreams } from "../../src/shared/tab-streams.ts"
import {
  del,
  delta,
  entriesOf,
  event,
  hello,
  partial,
  put,
  ScriptedHub,
  snapshot,
  sync,
  until,
} from "../scripted-hub.ts"

let hub: ScriptedHub
let host: RelayHost
let tabs: TabStreams[]
let replicas: Replica[]
let resets: Report[]

beforeEach(async () => {
  hub = await ScriptedHub.listen()
  host = new RelayHost({ random: () => 0, untakenCharactersMax: 1_000 })
  tabs = []
  replicas = []
  resets = []
})

afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()))
  for (const tab of tabs) tab.close("the test is over")
  await host.close()
  await hub[Symbol.asyncDispose]()
})

/** A `fetch` of a tab of its own, over a real channel. */
async function tabFetch(of: RelayHost = host): Promise<typeof globalThis.fetch> {
  const { port1, port2 } = new MessageChannel()
  const streams = await new Promise<TabStreams>((resolve) => {
    const opened = new TabStreams(port1 as unknown as Port, () => resolve(opened))
    of.serve(port2 as unknown as Port)
  })
  tabs.push(streams)
  return async (input, init) => streams.open(sharedRequestOf(input as URL, init)!, init?.signal)
}

async function follow(options: Partial<ConnectOptions> = {}): Promise<Replica> {
  const replica = connect({
    url: hub.url,
    topic: "default",
    fetch: await tabFetch(),
    random: () => 0,
    report: (report) => report.type !== "lost" && resets.push(report),
    ...options,
  })
  replicas.push(replica)
  return replica
}

describe("tabs of one host", () => {
  test("share one stream, whenever they come, and each proves its replica", async () => {
    const first = await follow()
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await first.ready
    const second = await follow()
    await second.ready
    stream.send(delta(2, put("b", 2)), delta(3, del("a", 3)))
    await Promise.all([first, second].map((one) => until(one, () => !one.has("a"))))
    const third = await follow()
    await third.ready
    stream.send(sync(4, [["b", 2]]))
    await Promise.all(replicas.map((one) => until(one, () => one.position?.revision === 4)))

    for (const replica of replicas) {
      expect(entriesOf(replica)).toEqual([["b", 2]])
      expect(replica.proven).toMatchObject({ count: 2, mismatches: 0 })
    }
    expect([hub.waiting, host.size, resets]).toEqual([0, 1, []])
  })

  test("come in between whole states, never into a run of partial frames", async () => {
    const first = await follow()
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]), partial(2, put("b", 2)))
    await first.ready
    const second = await follow()
    await until(second, () => second.status.state === "connecting")
    stream.send(delta(2, put("c", 2)))
    await second.ready

    expect(entriesOf(second)).toEqual(entriesOf(first))
    expect(second.size).toBe(3)
    expect(second.proven.mismatches).toBe(0)
  })

  test("get the values of every kind as the hub sent them", async () => {
    const first = await follow()
    const stream = await hub.next()
    const digest = sync(1, [["a", 1]])
    stream.send(hello({ values: "binary" }), snapshot(["a", 1, "AQID"]), digest)
    await first.ready
    const second = await follow()
    await second.ready

    expect(second.get("a")).toEqual(Uint8Array.of(1, 2, 3))
  })

  test("with other credentials, headers or views have streams of their own", async () => {
    const seen: (string | undefined)[] = []
    for (const options of [{ token: "a" }, { token: "b" }, {}, { token: "c", prefix: "p/" }]) {
      const replica = await follow(options)
      const stream = await hub.next()
      seen.push(stream.headers.authorization)
      stream.send(hello(), snapshot([`of ${seen.length}`, 1]), sync(1, [[`of ${seen.length}`, 1]]))
      await replica.ready
    }

    expect(seen).toEqual(["Bearer a", "Bearer b", undefined, "Bearer c"])
    expect(replicas.map((one) => entriesOf(one)[0]?.[0])).toEqual(["of 1", "of 2", "of 3", "of 4"])
    expect(host.size).toBe(4)
  })

  test("each ask for a fresh token where the hub no longer takes theirs", async () => {
    const asked: (string | undefined)[] = []
    const token = (expired: string | undefined) => {
      asked.push(expired)
      return expired === undefined ? "old" : "new"
    }
    const one = await follow({ token })
    const two = await follow({ token: (expired) => token(expired) })
    const refused = await hub.next()
    const error = { code: "ERR_UNAUTHENTICATED", message: "expired", retry: "stop" }
    refused.answer(401, JSON.stringify({ error }))
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await Promise.all([one.ready, two.ready])

    expect([refused.headers.authorization, stream.headers.authorization]).toEqual([
      "Bearer old",
      "Bearer new",
    ])
    expect(asked).toEqual([undefined, undefined, "old", "old"])
    expect(hub.waiting).toBe(0)
  })

  test("come back with a fresh token after auth-changed", async () => {
    let turn = 0
    const token = () => {
      turn += 1
      return `token ${turn}`
    }
    const replica = await follow({ token })
    const before = await hub.next()
    before.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await replica.ready
    before.send(event("goodbye", { reason: "auth-changed", retryMs: 0 }))
    const after = await hub.next()

    expect(after.headers.authorization).toBe("Bearer token 2")
  })

  test("are closed by a refusal of the hub, with its code", async () => {
    const replica = await follow()
    const error = { code: "ERR_TOPIC_UNKNOWN", message: "no such topic", retry: "stop" }
    ;(await hub.next()).answer(404, JSON.stringify({ error }))

    await expect(replica.ready).rejects.toMatchObject({ code: "ERR_TOPIC_UNKNOWN" })
  })

  test("lose the link with the hub's, and go on from their ids", async () => {
    const [one, two] = [await follow(), await follow()]
    const before = await hub.next()
    before.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await Promise.all([one.ready, two.ready])
    const states: string[] = []
    one.subscribeStatus(() => states.push(one.status.state))
    before.destroy()
    const after = await hub.next()
    after.send(hello({ resumed: true }), delta(2, put("b", 2)))
    after.send(sync(2, [["a", 1], ["b", 2]])) // biome-ignore format: one state, one line
    await Promise.all([one, two].map((each) => until(each, () => each.has("b"))))

    expect(after.headers["last-event-id"]).toBe("e.1")
    expect(states).toContain("waiting")
    expect(resets).toEqual([])
  })
})

describe("a tab that comes to another host", () => {
  test("goes on from the same id without a snapshot", async () => {
    const replica = await follow()
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await replica.ready
    const texts: string[] = []
    const fetch = await tabFetch()
    const response = await fetch(new URL(`${hub.url}/v1/topics/default/stream`), {
      headers: { accept: "text/event-stream", "last-event-id": "e.1" },
    })
    const reader = response.body!.getReader()
    while (!texts.join("").includes("event: sync")) {
      texts.push(new TextDecoder().decode((await reader.read()).value))
    }
    await reader.cancel()

    expect(texts.join("")).toContain('"resumed":true')
    expect(texts.join("")).not.toContain("event: snapshot")
  })

  test("waits where it is ahead of it, and never goes back", async () => {
    const behind = await follow()
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await behind.ready
    const other = new RelayHost({ random: () => 0 })
    // A tab that was at another host, which is gone, and is ahead of this one.
    let fetch = await tabFetch(other)
    const ahead = await follow({ fetch: (...args) => fetch(...args) })
    const others = await hub.next()
    others.send(hello(), snapshot(["a", 3]), sync(3, [["a", 3]]))
    await ahead.ready
    const revisions: unknown[] = []
    ahead.subscribe(() => revisions.push(ahead.position?.revision))
    fetch = await tabFetch()
    await other.close()
    await until(ahead, () => ahead.status.state === "connecting")
    stream.send(delta(3, put("a", 3)), delta(4, put("a", 4)))
    await until(ahead, () => ahead.get("a") === 4)

    expect(revisions).toEqual([3, 4])
    expect(resets).toEqual([])
  })
})

describe("a tab that takes nothing", () => {
  test("is cut off at a bound", async () => {
    const first = await follow()
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await first.ready
    const messages: { type: string }[] = []
    // As a frozen page: its messages are queued, and it answers none.
    const port = {
      postMessage: (message: { type: string }) => void messages.push(message),
      onmessage: undefined as unknown as (event: { data: unknown }) => void,
      close() {},
    }
    host.serve(port as unknown as Port)
    const url = `${hub.url}/v1/topics/default/stream`
    const request = { url, headers: { accept: "text/event-stream" } }
    port.onmessage({ data: { type: "open", stream: 1, request } })
    const large = "x".repeat(500)
    for (let revision = 2; revision < 6; revision++) {
      stream.send(delta(revision, put("large", revision, large)))
    }
    await until(first, () => first.position?.revision === 5)

    expect(messages.at(-1)).toMatchObject({ type: "end", stream: 1 })
    expect(messages.filter(({ type }) => type === "text").length).toBeLessThan(7)
  })
})
