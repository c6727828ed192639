import { encodeErrorBody, HEARTBEAT_MS, HEARTBEATS_MISSED_MAX } from "@headwater/protocol"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { commitsOf, waitFor } from "../src/follow.ts"
import { type ConnectOptions, connect, type Replica, type Report } from "../src/index.ts"
import {
  del,
  delta,
  digestOf,
  type Exchange,
  entriesOf,
  event,
  hello,
  partial,
  put,
  ScriptedHub,
  snapshot,
  sync,
  touch,
  until,
} from "./scripted-hub.ts"

let hub: ScriptedHub
let replicas: Replica[]
let reports: Report[]

beforeEach(async () => {
  hub = await ScriptedHub.listen()
  replicas = []
  reports = []
})

// Every replica lets go of its link, so the hub can close; a test that hangs here has found a leak.
afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()))
  await hub[Symbol.asyncDispose]()
})

// A `random` of 0 makes every back-off 0 ms, so that no test waits.
function follow(options: Partial<ConnectOptions> = {}): Replica {
  const replica = connect({
    url: hub.url,
    topic: "default",
    random: () => 0,
    report: (report) => reports.push(report),
    ...options,
  })
  replicas.push(replica)
  return replica
}

async function live(): Promise<{ replica: Replica; stream: Exchange }> {
  const replica = follow()
  const stream = await hub.next()
  stream.send(
    hello(),
    snapshot(["a", 1], ["b", 2]),
    sync(2, [
      ["a", 1],
      ["b", 2],
    ]),
  )
  await replica.ready
  return { replica, stream }
}

describe("connect()", () => {
  test("asks for the topic with its filters, and shows the snapshot once it is whole", async () => {
    const replica = follow({ prefix: ["a/", "b&"], keys: ["é"], token: "secret" })
    const stream = await hub.next()
    stream.send(hello({ view: "0a1b2c3d" }), snapshot(["a/1", 3]))
    await until(replica, () => replica.status.state === "snapshot")

    expect(stream.path).toBe("/v1/topics/default/stream?prefix=a/&prefix=b%26&key=%C3%A9")
    expect(stream.headers).toMatchObject({
      accept: "text/event-stream",
      authorization: "Bearer secret",
    })
    expect(stream.headers["last-event-id"]).toBeUndefined()
    expect([replica.size, replica.position]).toEqual([0, undefined])

    stream.send(
      snapshot(["é", 4, { deep: [1] }]),
      sync(5, [
        ["a/1", 3],
        ["é", 4],
      ]),
    )
    await replica.ready

    expect(replica.position).toEqual({ epoch: "e", revision: 5 })
    expect(replica.get("é")).toEqual({ deep: [1] })
    expect(replica.getEntry("a/1")).toEqual({ key: "a/1", value: 3, revision: 3 })
    expect([replica.size, replica.has("a/1"), replica.has("x")]).toEqual([2, true, false])
    expect(replica.status).toEqual({ state: "live", hub: undefined, error: undefined })
    expect(replica.proven).toMatchObject({ count: 1, position: replica.position, mismatches: 0 })
  })

  test("keeps the path of a hub that is mounted under one", async () => {
    follow({ url: `${hub.url}/hub/` })

    expect((await hub.next()).path).toBe("/hub/v1/topics/default/stream")
  })

  test("reads text as strings, and binary as bytes", async () => {
    const texts = follow()
    ;(await hub.next()).send(
      hello({ values: "text" }),
      snapshot(["a", 1, "x"]),
      sync(1, [["a", 1]]),
    )
    await texts.ready
    const bytes = follow()
    ;(await hub.next()).send(
      hello({ values: "binary" }),
      snapshot(["a", 1, "AP+A"]),
      sync(1, [["a", 1]]),
    )
    await bytes.ready

    expect(texts.get("a")).toBe("x")
    expect(bytes.get("a")).toEqual(Uint8Array.of(0, 255, 128))
  })

  test("shows the hub's status", async () => {
    const { replica, stream } = await live()
    const statusSince = "2026-01-01T00:00:00.000Z"
    stream.send(event("status", { status: "stale", statusSince, lastContact: null, invalid: 1 }))
    await until(replica, () => replica.status.hub !== undefined)

    expect(replica.status.hub).toEqual({
      status: "stale",
      statusSince: Date.parse(statusSince),
      lastContact: 0,
      invalid: 1,
    })
  })
})

describe("a stream that is cut", () => {
  test("CL-B5: is resumed from the last id, and nothing after it is kept", async () => {
    const { replica, stream } = await live()
    stream.send(delta(3, put("a", 3)), partial(5, put("a", 4), del("b", 4)))
    await until(replica, () => replica.position?.revision === 3)
    stream.destroy()
    const again = await hub.next()

    expect(again.headers["last-event-id"]).toBe("e.3")
    expect(entriesOf(replica)).toEqual([
      ["a", 3],
      ["b", 2],
    ])

    again.send(hello({ resumed: true }), partial(5, put("a", 4), del("b", 4)))
    again.send(partial(5, put("a", 5)), sync(5, [["a", 5]]))
    await until(replica, () => replica.position?.revision === 5)

    expect(entriesOf(replica)).toEqual([["a", 5]])
    expect(replica.proven.count).toBe(2)
  })

  test("DB-B8, DB-B10, TY-E8: inside a snapshot starts the next one from nothing", async () => {
    const replica = follow()
    const first = await hub.next()
    first.send(hello(), snapshot(["gone", 1], ["b", 2]))
    await until(replica, () => replica.status.state === "snapshot")
    first.destroy()
    const second = await hub.next()
    second.send(hello(), snapshot(["b", 2]), sync(3, [["b", 2]]))
    await replica.ready

    expect(second.headers["last-event-id"]).toBeUndefined()
    expect(entriesOf(replica)).toEqual([["b", 2]])
  })

  test("sends the id with its view, as the stream gave it", async () => {
    const replica = follow({ prefix: "a" })
    const first = await hub.next()
    const data = { revision: 2, entries: 1 }
    first.send(hello({ view: "0a1b2c3d" }), snapshot(["a", 1]), event("sync", data, "e.2.0a1b2c3d"))
    await replica.ready
    first.end()

    expect((await hub.next()).headers["last-event-id"]).toBe("e.2.0a1b2c3d")
    expect(replica.proven.count).toBe(0)
  })

  test("repeats are ignored, also of entries that were deleted since", async () => {
    const { replica, stream } = await live()
    stream.send(delta(4, del("b", 3), put("a", 4)))
    await until(replica, () => replica.position?.revision === 4)
    stream.end()
    const again = await hub.next()
    again.send(hello({ resumed: true }), partial(5, put("b", 2), put("a", 1), touch("b", 2)))
    again.send(sync(5, [["a", 4]]))
    await until(replica, () => replica.position?.revision === 5)

    expect(entriesOf(replica)).toEqual([["a", 4]])
    expect(replica.proven).toMatchObject({ count: 2, mismatches: 0 })
  })
})

describe("a reset", () => {
  test("DB-B9, DB-B11, TY-E9: leaves the old state readable, then swaps in one step", async () => {
    const { replica, stream } = await live()
    const commits: unknown[] = []
    replica.subscribe((_, commit) => commit && commits.push(commit))
    stream.end()
    const again = await hub.next()
    again.send(
      hello({ epoch: "f" }),
      event("reset", { reason: "epoch-changed", epoch: "f" }, "f.0"),
    )
    again.send(snapshot(["a", 7, 1], ["c", 8]), partial(9, put("c", 9)))
    await until(replica, () => replica.status.state === "snapshot")

    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["b", 2],
    ])
    expect(replica.position).toEqual({ epoch: "e", revision: 2 })

    again.send(
      sync(
        9,
        [
          ["a", 7],
          ["c", 9],
        ],
        "f",
      ),
    )
    await until(replica, () => replica.position?.epoch === "f")

    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["c", 9],
    ])
    expect(commits).toEqual([
      {
        position: { epoch: "f", revision: 9 },
        changes: [
          { type: "new", entry: { key: "c", value: 9, revision: 9 } },
          { type: "deleted", previous: { key: "b", value: 2, revision: 2 } },
        ],
      },
    ])
    expect(reports).toContainEqual({
      type: "reset",
      reason: "epoch-changed",
      epoch: "f",
      id: "f.0",
    })
  })

  test("TY-E10: another life's value under a known key is an update, not a new entry", async () => {
    const { replica, stream } = await live()
    const commits: unknown[] = []
    replica.subscribe((_, commit) => commit && commits.push(commit.changes))
    stream.destroy()
    const reset = event("reset", { reason: "epoch-changed", epoch: "f" }, "f.0")
    const other = [
      ["a", 1, "other"],
      ["b", 1, 2],
    ] as const
    ;(await hub.next()).send(hello({ epoch: "f" }), reset, snapshot(...other), sync(1, other, "f"))
    await until(replica, () => replica.position?.epoch === "f")

    expect(commits).toEqual([
      [
        {
          type: "updated",
          entry: { key: "a", value: "other", revision: 1 },
          previous: { key: "a", value: 1, revision: 1 },
        },
      ],
    ])
  })

  test("TY-E11, TY-E12: each status is notified, however quickly streams come and go", async () => {
    const { replica, stream } = await live()
    const states: string[] = []
    replica.subscribeStatus(() => states.push(replica.status.state))
    stream.destroy()
    ;(await hub.next()).destroy()
    ;(await hub.next()).send(
      hello({ resumed: true }),
      sync(2, [
        ["a", 1],
        ["b", 2],
      ]),
    )
    await until(replica, () => replica.status.state === "live")
    const moves = states.filter((state, at) => state !== states[at - 1])

    expect(moves).toEqual([
      ...["waiting", "connecting", "waiting", "connecting", "snapshot", "live"],
    ])
  })

  test("that is cut is asked for again with the id that it gave", async () => {
    const { replica, stream } = await live()
    stream.send(event("reset", { reason: "compacted", epoch: "e" }, "e.0"), snapshot(["x", 9]))
    await until(replica, () => replica.status.state === "snapshot")
    stream.destroy()
    const again = await hub.next()

    expect(again.headers["last-event-id"]).toBe("e.0")
    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["b", 2],
    ])

    again.send(hello(), snapshot(["y", 9]), sync(9, [["y", 9]]))
    await until(replica, () => replica.position?.revision === 9)

    expect(entriesOf(replica)).toEqual([["y", 9]])
  })

  test("also comes as a hello that did not resume", async () => {
    const { replica, stream } = await live()
    stream.end()
    ;(await hub.next()).send(hello(), snapshot(["b", 2]), sync(2, [["b", 2]]))
    await until(replica, () => replica.size === 1)

    expect(entriesOf(replica)).toEqual([["b", 2]])
  })
})

describe("a last frame", () => {
  test("goodbye: the client comes back with its id, and not before it may", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock })
    const stream = await hub.next()
    stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    stream.send(event("goodbye", { reason: "draining", retryMs: 5_000 }))
    await until(replica, () => replica.status.state === "waiting")
    await clock.advance(4_999)

    expect(replica.status).toMatchObject({ state: "waiting", error: { code: "ERR_CLOSED" } })

    await clock.advance(1)

    expect((await hub.next()).headers["last-event-id"]).toBe("e.1")
  })

  test("fault retry: the client comes back", async () => {
    const { stream } = await live()
    stream.send(event("fault", { code: "ERR_NOT_READY", retry: "retry" }))

    expect((await hub.next()).headers["last-event-id"]).toBe("e.2")
    expect(reports).toMatchObject([{ type: "lost", error: { code: "ERR_NOT_READY" } }])
  })

  test("fault resync: the client comes back for a snapshot", async () => {
    const { stream } = await live()
    stream.send(event("fault", { code: "ERR_LAGGED", retry: "resync" }))
    const again = await hub.next()

    expect(again.path).toBe("/v1/topics/default/stream")
    expect(again.headers["last-event-id"]).toBe("e.0")
  })

  test.each([
    ["fault stop", event("fault", { code: "ERR_FORBIDDEN", retry: "stop" }), "ERR_FORBIDDEN"],
    [
      "an op of a newer protocol",
      delta(3, { op: "merge", key: "a", revision: 3 }),
      "ERR_NOT_IMPLEMENTED",
    ],
  ])("%s: the replica closes, and stays readable", async (_, text, code) => {
    const { replica, stream } = await live()
    stream.send(text)
    await until(replica, () => replica.status.state === "closed")

    expect(replica.status.error).toMatchObject({ code, recovery: "stop" })
    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["b", 2],
    ])
    await expect(waitFor(replica, { epoch: "e", revision: 3 })).rejects.toMatchObject({ code })
  })
})

describe("an answer that is no stream", () => {
  const json = (code: Parameters<typeof encodeErrorBody>[0]) => encodeErrorBody(code, "no")

  test.each([
    [400, json("ERR_POSITION_MALFORMED"), "ERR_POSITION_MALFORMED"],
    [401, json("ERR_UNAUTHENTICATED"), "ERR_UNAUTHENTICATED"],
    [403, json("ERR_FORBIDDEN"), "ERR_FORBIDDEN"],
    [404, json("ERR_TOPIC_UNKNOWN"), "ERR_TOPIC_UNKNOWN"],
    [204, "", "ERR_SOURCE_FAILED"],
  ])("%i of a hub closes the replica", async (status, body, code) => {
    const replica = follow()
    ;(await hub.next()).answer(status, body)

    await expect(replica.ready).rejects.toMatchObject({ code, recovery: "stop" })
    expect(replica.status.state).toBe("closed")
    await expect(commitsOf(replica).next()).rejects.toMatchObject({ code })
  })

  test.each([
    [200, "<html>log in</html>", { "content-type": "text/html" }],
    [401, "who?", {}],
    [404, "<html>not found</html>", { "content-type": "text/html" }],
    [404, '{"error":', { "content-type": "application/json" }],
    [409, json("ERR_EPOCH_CHANGED"), {}],
    [429, json("ERR_TOO_MANY"), {}],
    [500, "x".repeat(100_000), {}],
    [503, json("ERR_NOT_READY"), {}],
  ])(
    "%i %s is an intermediary's or passes: the client comes back",
    async (status, body, headers) => {
      const replica = follow()
      ;(await hub.next()).answer(status, body, headers as Record<string, string>)
      ;(await hub.next()).send(hello(), sync(1, []))
      await replica.ready

      expect(replica.size).toBe(0)
    },
  )

  test("Retry-After is the floor of the back-off", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock })
    ;(await hub.next()).answer(503, "", { "retry-after": "7" })
    await until(replica, () => replica.status.state === "waiting")

    expect(reports).toMatchObject([{ type: "lost", delayMs: 7_000 }])
    expect(clock.nextTimerMs).toBe(7_000)
  })

  test("Retry-After may be a date, by the clock of the server that answers", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock })
    ;(await hub.next()).answer(503, "", {
      date: "Sun, 04 Jan 2026 10:00:00 GMT",
      "retry-after": "Sun, 04 Jan 2026 10:00:09 GMT",
    })
    await until(replica, () => replica.status.state === "waiting")

    expect(clock.nextTimerMs).toBe(9_000)
  })

  test.each(["0", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])(
    "a Retry-After of %s is none",
    async (text) => {
      const clock = new ManualClock()
      const replica = follow({ clock, random: () => 1 })
      ;(await hub.next()).answer(503, "", { "retry-after": text })
      await until(replica, () => replica.status.state === "waiting")

      expect(clock.nextTimerMs).toBe(250)
    },
  )

  test("Retry-After is kept for ten minutes at most", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock })
    ;(await hub.next()).answer(503, "", { "retry-after": "86400" })
    await until(replica, () => replica.status.state === "waiting")

    expect(clock.nextTimerMs).toBe(600_000)
  })

  test("clients that got one waiting time come back spread over as much again", async () => {
    const clock = new ManualClock()
    const delays: number[] = []
    for (const draw of [0, 0.25, 0.5, 0.999]) {
      const replica = follow({ clock, random: () => draw })
      ;(await hub.next()).answer(503, "", { "retry-after": "4" })
      await until(replica, () => replica.status.state === "waiting")
      delays.push(clock.nextTimerMs!)
      await replica.close()
    }

    expect(delays).toEqual([4_000, 5_000, 6_000, 7_996])
  })

  test("CL-B1: a hub that is not there is tried again", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock, url: "http://127.0.0.1:1" })
    await until(replica, () => replica.status.state === "waiting")

    expect(replica.status.error).toMatchObject({
      code: "ERR_SOURCE_FAILED",
      message: "http://127.0.0.1:1/v1/topics/default/stream cannot be reached",
      cause: expect.any(TypeError),
    })
  })
})

describe("a refusal that no waiting can change", () => {
  const words = encodeErrorBody("ERR_TOO_LARGE", "at most 256 prefixes and keys")

  test.each([
    [413, "", "ERR_TOO_LARGE", "answered 413"],
    [414, "<html>too long</html>", "ERR_TOO_LARGE", "answered 414"],
    [431, "", "ERR_TOO_LARGE", "answered 431"],
    [413, words, "ERR_TOO_LARGE", "answered 413, ERR_TOO_LARGE: at most 256 prefixes and keys"],
    [405, encodeErrorBody("ERR_METHOD", "GET"), "ERR_METHOD", "answered 405, ERR_METHOD: GET"],
    [
      501,
      encodeErrorBody("ERR_NOT_IMPLEMENTED", "not in this hub"),
      "ERR_NOT_IMPLEMENTED",
      "answered 501, ERR_NOT_IMPLEMENTED: not in this hub",
    ],
    [
      404,
      encodeErrorBody("ERR_TOPIC_UNKNOWN", "there is no topic default"),
      "ERR_TOPIC_UNKNOWN",
      "answered 404, ERR_TOPIC_UNKNOWN: there is no topic default",
    ],
  ])(
    "%i %s closes the replica with a code and the hub's words",
    async (status, body, code, end) => {
      const replica = follow()
      ;(await hub.next()).answer(status, body)
      const message = `${hub.url}/v1/topics/default/stream ${end}`

      await expect(replica.ready).rejects.toMatchObject({ code, recovery: "stop", message })
      expect(replica.status.state).toBe("closed")
      expect(hub.waiting).toBe(0)
    },
  )

  test("resync asks for a snapshot", async () => {
    const { stream } = await live()
    stream.destroy()
    ;(await hub.next()).answer(409, encodeErrorBody("ERR_EPOCH_CHANGED", "another epoch"))

    expect((await hub.next()).headers["last-event-id"]).toBe("e.0")
  })
})

describe("a token", () => {
  test("that a hub refuses is asked for once more, and is then final", async () => {
    const asked: unknown[] = []
    const token = (expired: string | undefined) => {
      asked.push(expired)
      return `t${asked.length}`
    }
    const replica = follow({ token })
    const refusal = encodeErrorBody("ERR_UNAUTHENTICATED", "no")
    const first = await hub.next()
    first.answer(401, refusal)
    const second = await hub.next()
    second.answer(401, refusal)

    await expect(replica.ready).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" })
    expect(asked).toEqual([undefined, "t1"])
    expect([first.headers.authorization, second.headers.authorization]).toEqual([
      "Bearer t1",
      "Bearer t2",
    ])
  })

  test("is asked for again after goodbye auth-changed, and kept otherwise", async () => {
    let asked = 0
    const replica = follow({ token: async () => `t${++asked}` })
    const first = await hub.next()
    first.send(hello(), sync(1, []), event("goodbye", { reason: "auth-changed", retryMs: 0 }))
    const second = await hub.next()
    second.send(hello({ resumed: true }), sync(1, []))
    second.end()
    const third = await hub.next()

    expect([second, third].map(({ headers }) => headers.authorization)).toEqual([
      "Bearer t2",
      "Bearer t2",
    ])
    expect(replica.position).toEqual({ epoch: "e", revision: 1 })
  })

  test("that cannot be had is asked for again after a while", async () => {
    let asked = 0
    follow({
      token: () => {
        if (++asked === 1) throw new Error("the keys are elsewhere")
        return "t"
      },
    })

    expect((await hub.next()).headers.authorization).toBe("Bearer t")
    expect(reports).toMatchObject([{ type: "lost", error: { message: "the keys are elsewhere" } }])
  })
})

describe("a mismatch", () => {
  test("is reported with both digests, and answered by one fresh snapshot", async () => {
    const { replica, stream } = await live()
    stream.send(sync(3, [["a", 1]]))
    const again = await hub.next()
    await stream.closed

    expect(again.path).toBe("/v1/topics/default/stream")
    expect(again.headers["last-event-id"]).toBe("e.0")
    expect(reports).toMatchObject([
      {
        type: "mismatch",
        isTolerated: false,
        mismatch: {
          position: { epoch: "e", revision: 3 },
          hub: digestOf(["a", 1]),
          replica: digestOf(["a", 1], ["b", 2]),
        },
      },
      { type: "lost", error: { code: "ERR_CONFLICT" } },
    ])
    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["b", 2],
    ])

    again.send(hello(), snapshot(["a", 1]), sync(3, [["a", 1]]))
    await until(replica, () => replica.size === 1)

    expect(replica.proven).toMatchObject({ count: 2, mismatches: 1 })
  })

  test("within ten minutes of another is reported, and followed on with", async () => {
    const clock = new ManualClock()
    let openGate: (token: string) => void = () => {}
    const gate = new Promise<string>((resolve) => {
      openGate = resolve
    })
    const token = (expired: string | undefined) => (expired ? gate : "t")
    const replica = follow({ clock, token })
    const first = await hub.next()
    first.send(hello(), snapshot(["a", 1]), sync(1, []))
    await until(replica, () => replica.status.state === "waiting")
    await clock.advance(0)
    const second = await hub.next()
    second.send(hello(), snapshot(["a", 1]), sync(1, []), delta(2, put("a", 2)), sync(2, []))
    await until(replica, () => replica.proven.mismatches === 3)

    expect(entriesOf(replica)).toEqual([["a", 2]])
    expect(replica.status.state).toBe("live")
    expect(reports.map((report) => "isTolerated" in report && report.isTolerated)).toEqual([
      false,
      false,
      true,
      true,
    ])

    // The client asks for a token, which takes ten minutes.
    second.send(event("goodbye", { reason: "auth-changed", retryMs: 0 }))
    await until(replica, () => replica.status.state === "waiting")
    await clock.advance(600_000)
    openGate("u")
    const third = await hub.next()
    third.send(hello({ resumed: true }), sync(2, []))
    await until(replica, () => replica.status.state === "waiting")
    await clock.advance(0)

    expect((await hub.next()).headers["last-event-id"]).toBe("e.0")
    expect(reports.at(-2)).toMatchObject({ type: "mismatch", isTolerated: false })
  })

  test("is a touch of a key that it lacks, too", async () => {
    const { replica, stream } = await live()
    stream.send(delta(3, touch("x", 3)))

    expect((await hub.next()).headers["last-event-id"]).toBe("e.0")
    expect(reports[0]).toMatchObject({ type: "mismatch", mismatch: { keyLacking: "x" } })
    expect(replica.proven.mismatches).toBe(1)
  })
})

describe("bytes", () => {
  const transcript = [
    ":\nretry: 0\n\n",
    hello(),
    snapshot(["clé/日本", 1, "ü\n"], ["🜁", 2]),
    sync(2, [
      ["clé/日本", 1],
      ["🜁", 2],
    ]),
    partial(4, put("🜁", 3)),
    delta(4, put("b", 4, "é")),
    sync(5, [
      ["clé/日本", 1],
      ["🜁", 3],
      ["b", 4],
    ]),
  ].join("")
  const end = [
    ["b", "é"],
    ["clé/日本", "ü\n"],
    ["🜁", 3],
  ]

  test("one at a time make the same replica", async () => {
    const replica = follow()
    await (await hub.next()).drip(transcript)
    await until(replica, () => replica.position?.revision === 5)

    expect(entriesOf(replica)).toEqual(end)
    expect(replica.proven.count).toBe(2)
  })

  test("split anywhere make the same replica", async () => {
    const bytes = new TextEncoder().encode(transcript)
    for (let at = 0; at <= bytes.length; at++) {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(bytes.subarray(0, at))
          controller.enqueue(bytes.subarray(at))
        },
      })
      const headers = { "content-type": "text/event-stream" }
      const replica = follow({ fetch: async () => new Response(body, { headers }) })
      await waitFor(replica, { epoch: "e", revision: 5 })

      expect(entriesOf(replica), `split at ${at}`).toEqual(end)
      await replica.close()
    }
  })

  test("with CR LF line ends make the same replica", async () => {
    const replica = follow()
    ;(await hub.next()).send(transcript.replaceAll("\n", "\r\n"))
    await until(replica, () => replica.position?.revision === 5)

    expect(entriesOf(replica)).toEqual(end)
  })

  test.each([
    ["half a JSON", 'event: delta\nid: e.3\ndata: {"revision":3,"chan\n\n'],
    ["an id of another revision", event("delta", { revision: 3, changes: [put("a", 3)] }, "e.4")],
    ["an id of another epoch", event("delta", { revision: 3, changes: [put("a", 3)] }, "f.3")],
    ["an id that goes back", delta(1, put("a", 3))],
    ["a snapshot out of turn", snapshot(["a", 3])],
    ["a second hello", hello()],
    ["a revision that is none", delta(3, { op: "put", key: "a", value: 1, revision: "3" })],
  ])("that are %s cut the link, and change nothing", async (_, text) => {
    const { replica, stream } = await live()
    stream.send(text)
    const again = await hub.next()

    expect(again.headers["last-event-id"]).toBe("e.2")
    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["b", 2],
    ])
    expect(reports).toMatchObject([{ type: "lost", error: { code: "ERR_FRAME" } }])
  })

  test("of binary that are not base64 change nothing, whatever came before them", async () => {
    const replica = follow()
    const stream = await hub.next()
    stream.send(hello({ values: "binary" }), snapshot(["a", 1, "AA=="]), sync(1, [["a", 1]]))
    await replica.ready
    stream.send(delta(3, put("a", 2, "AQ=="), put("b", 3, "?")))
    await hub.next()

    expect(entriesOf(replica)).toEqual([["a", Uint8Array.of(0)]])
  })

  test("CL-B2, CL-B3: before hello are refused, but for status and unknown events", async () => {
    const replica = follow()
    const status = { status: "waiting", statusSince: "2026-01-01T00:00:00Z", invalid: 0 }
    ;(await hub.next()).send(event("status", status), event("weather", 1), sync(1, []))
    await hub.next()

    expect(replica.status.hub?.status).toBe("waiting")
    expect(reports).toMatchObject([{ type: "lost", error: { code: "ERR_FRAME" } }])
  })

  test("that are noise never end the client", async () => {
    const replica = follow()
    for (let round = 0; round < 20; round++) {
      const noise = Array.from({ length: 300 }, (_, index) =>
        String.fromCharCode((index * 7919 + round * 104729) % 300),
      ).join("")
      const stream = await hub.next()
      stream.send(`event: snapshot\ndata: ${noise}\n\n`, noise)
      stream.destroy()
    }
    ;(await hub.next()).send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await replica.ready

    expect(entriesOf(replica)).toEqual([["a", 1]])
  })
})

describe("time", () => {
  test("CL-B4: silence of three heartbeats is a dead link; a comment is none", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock, random: () => 1 })
    const stream = await hub.next()
    stream.send(hello({ heartbeatMs: 2_000 }), sync(1, []))
    await replica.ready
    await clock.advance(5_999)
    stream.send(":\n\n", delta(2, put("a", 2)))
    await until(replica, () => replica.size === 1)
    await clock.advance(5_999)

    expect(replica.status.state).toBe("live")

    await clock.advance(1)
    await until(replica, () => replica.status.state === "waiting")

    expect(replica.status.error).toMatchObject({ code: "ERR_TIMEOUT" })
    await stream.closed
  })

  test("a heartbeat below a second is taken as the hub names it", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock, random: () => 1 })
    ;(await hub.next()).send(hello({ heartbeatMs: 100 }), sync(1, []))
    await replica.ready
    await clock.advance(299)

    expect(replica.status.state).toBe("live")

    await clock.advance(1)
    await until(replica, () => replica.status.state === "waiting")

    expect(replica.status.error).toMatchObject({
      code: "ERR_TIMEOUT",
      message: `${hub.url}/v1/topics/default/stream sent nothing for 300 ms`,
    })
  })

  test("a heartbeat of centuries does not cut the link", async () => {
    const replica = follow()
    const stream = await hub.next()
    stream.send(hello({ heartbeatMs: 2 ** 50 }), sync(1, []))
    await replica.ready
    stream.send(delta(2, put("a", 2)))
    await until(replica, () => replica.size === 1)

    expect([hub.waiting, reports]).toEqual([0, []])
  })

  test("silence is no health: a link that falls silent is asked for less often", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock, random: () => 1 })
    for (let turn = 0; turn < 4; turn++) {
      ;(await hub.next()).send(hello({ heartbeatMs: 60_000 }), sync(1, []))
      await until(replica, () => replica.status.state === "live")
      await clock.advance(180_000)
      await until(replica, () => replica.status.state === "waiting")
      await clock.advance(clock.nextTimerMs!)
    }

    expect(reports.map((report) => report.type === "lost" && report.delayMs)).toEqual([
      250, 500, 1_000, 2_000,
    ])
  })

  test("an answer that does not come is a dead link after three heartbeats", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock, random: () => 1 })
    await hub.next()
    await clock.advance(HEARTBEAT_MS * HEARTBEATS_MISSED_MAX)
    await until(replica, () => replica.status.state === "waiting")

    expect(replica.status.error).toMatchObject({ code: "ERR_TIMEOUT" })
  })

  test("the back-off grows with failures, and begins again after 10 s of health", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock, random: () => 1 })
    const delays = () => reports.map((report) => report.type === "lost" && report.delayMs)
    for (const _ of [1, 2, 3]) {
      ;(await hub.next()).destroy()
      await until(replica, () => replica.status.state === "waiting")
      await clock.advance(clock.nextTimerMs!)
    }
    const short = await hub.next()
    short.send(hello(), sync(1, []))
    await replica.ready
    await clock.advance(9_999)
    short.end()
    await until(replica, () => replica.status.state === "waiting")

    expect(delays()).toEqual([250, 500, 1_000, 2_000])

    await clock.advance(2_000)
    const long = await hub.next()
    long.send(hello({ resumed: true }), sync(1, []))
    await until(replica, () => replica.status.state === "live")
    await clock.advance(10_000)
    long.end()
    await until(replica, () => replica.status.state === "waiting")

    expect(delays()).toEqual([250, 500, 1_000, 2_000, 250])
    await replica.close()
    expect(clock.timers).toBe(0)
  })

  test.each([
    ["a goodbye", event("goodbye", { reason: "draining", retryMs: 0 })],
    ["a fault", event("fault", { code: "ERR_LAGGED", retry: "resync" })],
    ["auth-changed", event("goodbye", { reason: "auth-changed", retryMs: 0 })],
    ["a cut", ""],
  ])("a loop of streams that succeed and end at once, by %s, slows down", async (_, last) => {
    const clock = new ManualClock()
    const replica = follow({ clock, random: () => 1, token: () => "t" })
    const delays = []
    for (let turn = 0; turn < 9; turn++) {
      const stream = await hub.next()
      stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]), last)
      stream.end()
      await until(replica, () => replica.status.state === "waiting")
      delays.push(clock.nextTimerMs)
      await clock.advance(clock.nextTimerMs!)
    }

    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    expect(replica.proven).toMatchObject({ count: 9, mismatches: 0 })
  })

  test("the stream's own retry is the floor", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock })
    const stream = await hub.next()
    stream.send(":\nretry: 1700\n\n", hello())
    await until(replica, () => replica.status.state === "snapshot")
    stream.destroy()
    await until(replica, () => replica.status.state === "waiting")

    expect(reports).toMatchObject([{ type: "lost", delayMs: 1_700 }])
  })
})

describe("several urls", () => {
  test("CL-B6, CL-B7: each loss leads to the next, and from the last to the first", async () => {
    await using other = await ScriptedHub.listen()
    const replica = follow({ url: [hub.url, other.url] })
    const first = await hub.next()
    first.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await replica.ready
    first.destroy()
    const second = await other.next()
    second.send(hello({ resumed: true }), delta(2, put("b", 2)))
    await until(replica, () => replica.has("b"))
    second.destroy()
    const third = await hub.next()

    expect(second.headers["last-event-id"]).toBe("e.1")
    expect(third.headers["last-event-id"]).toBe("e.2")
  })

  test("CL-B6: a hub that cannot be reached is passed over", async () => {
    const gone = await ScriptedHub.listen()
    await gone[Symbol.asyncDispose]()
    const replica = follow({ url: [gone.url, hub.url] })
    const stream = await hub.next()
    stream.send(hello(), snapshot(), sync(1, []))
    await replica.ready

    expect(reports.map(({ type }) => type)).toEqual(["lost"])
  })

  test("a fresh token is tried where the old one was refused", async () => {
    await using other = await ScriptedHub.listen()
    let tokens = 0
    follow({ url: [hub.url, other.url], token: () => `${++tokens}` })
    const refused = await hub.next()
    refused.answer(401, encodeErrorBody("ERR_UNAUTHENTICATED", "expired"))

    expect((await hub.next()).headers.authorization).toBe("Bearer 2")
    expect(other.waiting).toBe(0)
  })
})

describe("closing", () => {
  test("TY-E13: closed while connected, it reports that once, and asks no more", async () => {
    const { replica, stream } = await live()
    const states: string[] = []
    replica.subscribeStatus(() => states.push(replica.status.state))
    await replica.close()
    await stream.closed

    expect([states, hub.waiting, reports]).toEqual([["closed"], 0, []])
  })

  test("close() lets go of the link and ends every wait", async () => {
    const { replica, stream } = await live()
    const far = waitFor(replica, { epoch: "e", revision: 99 }).catch((error) => error)
    const commits = commitsOf(replica)
    await commits.next()
    const next = commits.next()
    await replica.close()
    await stream.closed

    expect(await far).toMatchObject({ code: "ERR_CLOSED" })
    expect(await next).toEqual({ done: true, value: undefined })
    expect(replica.status.state).toBe("closed")
    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["b", 2],
    ])
  })

  test("the signal closes, also before anything began", async () => {
    const abort = new AbortController()
    const running = follow({ signal: abort.signal })
    const stream = await hub.next()
    abort.abort()
    await stream.closed
    const late = follow({ signal: abort.signal })

    await expect(running.ready).rejects.toMatchObject({ code: "ERR_CLOSED" })
    await expect(late.ready).rejects.toMatchObject({ code: "ERR_CLOSED" })
    expect(hub.waiting).toBe(0)
  })

  test("a listener may close the replica in the middle of anything", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock, report: () => void replica.close() })
    ;(await hub.next()).destroy()
    await until(replica, () => replica.status.state === "closed")
    await replica.close()

    expect(clock.timers).toBe(0)
  })
})
