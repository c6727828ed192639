import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { waitFor } from "../src/follow.ts"
import { type ConnectOptions, connect, type Replica } from "../src/index.ts"
import { WARN_MS } from "../src/stream-loop.ts"
import { writer } from "../src/write.ts"
import { delta, entriesOf, hello, put, ScriptedHub, snapshot, sync, until } from "./scripted-hub.ts"

let hub: ScriptedHub
let replicas: Replica[]
const uncaught: unknown[] = []
const printed = { error: [] as unknown[], warn: [] as string[] }
const collect = (error: unknown) => void uncaught.push(error)

beforeEach(async () => {
  hub = await ScriptedHub.listen()
  replicas = []
  for (const list of [uncaught, printed.error, printed.warn]) list.length = 0
  vi.spyOn(console, "error").mockImplementation((error) => void printed.error.push(error))
  vi.spyOn(console, "warn").mockImplementation((text) => void printed.warn.push(text))
  process.on("uncaughtException", collect)
  process.on("unhandledRejection", collect)
})

afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()))
  await hub[Symbol.asyncDispose]()
  await new Promise((resolve) => setImmediate(resolve))
  process.off("uncaughtException", collect)
  process.off("unhandledRejection", collect)
  vi.restoreAllMocks()
  expect(uncaught).toEqual([])
})

function follow(options: Partial<ConnectOptions> = {}): Replica {
  const replica = connect({ url: hub.url, topic: "default", random: () => 0, ...options })
  replicas.push(replica)
  return replica
}

describe("a function of the user that fails", () => {
  const boom = new Error("a bug of the user")
  const fails: [string, () => unknown][] = [
    [
      "throws",
      () => {
        throw boom
      },
    ],
    ["rejects", () => Promise.reject(boom)],
  ]

  test.each(fails)(
    "a listener that %s harms nothing, and its error is printed",
    async (_, fail) => {
      const replica = follow()
      const stream = await hub.next()
      replica.subscribe(fail)
      replica.subscribeStatus(fail)
      const seen: unknown[] = []
      replica.subscribe((state) => seen.push(state.size))
      stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]), delta(2, put("b", 2)))
      await until(replica, () => replica.has("b"))

      expect(seen).toEqual([0, 1, 2])
      expect(replica.status.state).toBe("live")
      expect(printed.error.length).toBeGreaterThanOrEqual(5)
      expect(new Set(printed.error)).toEqual(new Set([boom]))
    },
  )

  test.each(fails)("a report that %s harms nothing, and its error is printed", async (_, fail) => {
    const replica = follow({ report: fail })
    ;(await hub.next()).destroy()
    ;(await hub.next()).send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await replica.ready

    expect(entriesOf(replica)).toEqual([["a", 1]])
    expect(printed.error).toEqual([boom])
  })

  test.each(fails)("a store whose attach %s is left out", async (_, fail) => {
    const replica = follow({ store: { attach: fail as never } })
    ;(await hub.next()).send(hello(), sync(1, []))
    await replica.ready

    expect(printed.error).toEqual([boom])
  })

  test.each(fails)("a store whose end %s does not fail close()", async (_, fail) => {
    const replica = follow({ store: { attach: async () => fail as never } })
    ;(await hub.next()).send(hello(), sync(1, []))
    await replica.ready
    await replica.close()

    expect(printed.error).toEqual([boom])
  })
})

describe("headers and credentials", () => {
  test("go with every request, beside the token", async () => {
    const modes: unknown[] = []
    const replica = follow({
      token: "secret",
      headers: { "x-tenant": "a", authorization: "none" },
      credentials: "include",
      fetch: (input, init) => {
        modes.push(init?.credentials)
        return fetch(input, init)
      },
    })
    const stream = await hub.next()
    stream.send(hello(), sync(1, []))
    await replica.ready
    const written = writer(replica).put("a", 1)
    const write = await hub.next()
    write.answer(200, JSON.stringify({ revision: 2, position: "e.2" }))
    stream.send(delta(2, put("a", 2)))
    await written

    const seen = [stream, write].map(({ headers }) => [headers["x-tenant"], headers.authorization])
    expect(seen).toEqual([
      ["a", "Bearer secret"],
      ["a", "Bearer secret"],
    ])
    expect(modes).toEqual(["include", "include"])
  })
})

describe("a hub that cannot be reached", () => {
  // Looks at the status without listening to it.
  const untilState = async (replica: Replica, state: string) => {
    while (replica.status.state !== state) await new Promise((resolve) => setImmediate(resolve))
  }
  const loseFor = async (clock: ManualClock, replica: Replica, ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      ;(await hub.next()).destroy()
      await untilState(replica, "waiting")
      await clock.advance(500)
    }
  }

  test("is warned of once, after some seconds, where no owner listens", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock })
    await loseFor(clock, replica, WARN_MS)

    expect(printed.warn).toEqual([])

    await loseFor(clock, replica, WARN_MS * 3)

    // Runtimes report a connection that is cut in different words.
    expect(printed.warn).toEqual([
      expect.stringMatching(/^headwater: .+; retrying\. See `report` of connect\(\)\.$/),
    ])
  })

  test.each<[string, (clock: ManualClock) => Replica]>([
    ["report", (clock) => follow({ clock, report: () => {} })],
    [
      "subscribeStatus",
      (clock) => {
        const replica = follow({ clock })
        replica.subscribeStatus(() => {})
        return replica
      },
    ],
  ])("is not warned of where an owner listens by %s", async (_, open) => {
    const clock = new ManualClock()
    await loseFor(clock, open(clock), WARN_MS * 3)

    expect(printed.warn).toEqual([])
  })

  test("a link that is soon back is not warned of, however long it was live", async () => {
    const clock = new ManualClock()
    const replica = follow({ clock })
    for (let turn = 0; turn < 3; turn++) {
      const stream = await hub.next()
      stream.send(hello({ heartbeatMs: 60_000 }), sync(1, []))
      await untilState(replica, "live")
      await clock.advance(WARN_MS * 4)
      stream.destroy()
      await untilState(replica, "waiting")
      await clock.advance(0)
    }

    expect(printed.warn).toEqual([])
  })

  test("a refusal for good is warned of at once", async () => {
    const replica = follow()
    ;(await hub.next()).answer(431)
    await expect(replica.ready).rejects.toMatchObject({ code: "ERR_TOO_LARGE" })

    expect(printed.warn).toEqual([
      `headwater: ${hub.url}/v1/topics/default/stream answered 431; ` +
        "closed. See `report` of connect().",
    ])
  })
})

describe("waitFor()", () => {
  test("takes the text of a position", async () => {
    const replica = follow()
    const stream = await hub.next()
    const reached = waitFor(replica, "e.2")
    stream.send(hello(), sync(1, []), delta(2, put("a", 2)))
    await reached

    expect(replica.position).toEqual({ epoch: "e", revision: 2 })
  })

  test.each([
    ["another text", "two"],
    ["an empty text", ""],
    ["a revision that is no integer", { epoch: "e", revision: Number.NaN }],
    ["a revision below 0", { epoch: "e", revision: -1 }],
    ["an object without an epoch", { revision: 1 }],
    ["nothing", undefined],
    ["a number", 1],
  ])("refuses %s", async (_, position) => {
    const code = "ERR_POSITION_MALFORMED"
    await expect(waitFor(follow(), position as never)).rejects.toMatchObject({ code })
  })
})
