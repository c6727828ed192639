import { afterEach, describe, expect, test } from "vitest"
import { LocalHub } from "../support/local-hub.ts"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

const ENTRY = "/v1/topics/t/entry?key=a"
const PATH = "/v1/topics/t/entries/a?"
const LIST = "/v1/topics/t/entries?prefix=a"

/** A hub that has read its source, and where it is. */
async function ready(values: Record<string, unknown> = { a: 1 }): Promise<string> {
  local = new LocalHub()
  await local.settle()
  await local.write(values)
  return position()
}

async function position(): Promise<string> {
  return (await (await local.ask("/v1/topics/t")).json()).position
}

/** Asks, and tells whether the answer is there yet. */
function ask(path: string, init?: RequestInit) {
  const asked = { answer: undefined as Response | undefined, done: Promise.resolve() }
  asked.done = local.ask(path, init).then((answer) => {
    asked.answer = answer
  })
  return asked
}

const about = async (response: Response | undefined) => [
  response?.status,
  response?.headers.get("headwater-position"),
  response?.headers.get("cache-control"),
]

describe.each([
  ["entry?key=", `${ENTRY}&`],
  ["entries/{key}", PATH],
  ["entries?prefix=", `${LIST}&`],
])("a GET of %s", (_name, path) => {
  test.each(["cached", "cached=1", "stale", "consistent", "max_stale=1s"])(
    "CC-B48: with ?%s is refused: a hub has no such mode",
    async (parameter) => {
      await ready()
      const answer = await local.ask(path + parameter)

      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ error: { code: "ERR_REQUEST_INVALID" } })
    },
  )

  test("CC-B48: answers with the present state, whatever its directives", async () => {
    const at = await ready()
    const headers = { "cache-control": "max-age=0, must-revalidate, stale-if-error=60" }
    const answer = await local.ask(path, { headers })

    expect(await about(answer)).toEqual([200, at, "private, no-cache"])
    expect(["age", "x-cache"].map((name) => answer.headers.get(name))).toEqual([null, null])
  })
})

describe.each([
  ["entry?key=", `${ENTRY}&`],
  ["entries/{key}", PATH],
  ["entries?prefix=", `${LIST}&`],
])("a blocking GET of %s", (_name, path) => {
  test("CC-B45: waits for a change, and answers with the state after it", async () => {
    const since = await ready()
    const asked = ask(`${path}since=${since}`)
    await local.settle()
    expect(asked.answer).toBeUndefined()
    await local.write({ a: 2 })

    expect(await about(asked.answer)).toEqual([200, await position(), "no-store"])
  })

  test("does not end by a change of another entry", async () => {
    const since = await ready()
    const asked = ask(`${path}since=${since}&wait=1000`)
    await local.write({ b: 1 })
    await local.write({ b: undefined })
    expect(asked.answer).toBeUndefined()
    await local.clock.advance(1_000)

    expect(await about(asked.answer)).toEqual([200, await position(), "no-store"])
  })

  test("CC-B45: answers after wait, less up to a sixteenth, without a change", async () => {
    const since = await ready()
    const asked = ask(`${path}since=${since}&wait=16000`)
    await local.clock.advance(14_999)
    expect(asked.answer).toBeUndefined()
    await local.clock.advance(1_001)

    expect(asked.answer?.status).toBe(200)
  })

  test("answers at once when an entry changed or was deleted before the request", async () => {
    const since = await ready()
    await local.write({ a: 2 })
    const put = ask(`${path}since=${since}`)
    await local.settle()
    expect(put.answer?.status).toBe(200)
    const later = await position()
    await local.write({ a: undefined })
    await local.write({ b: 1 })
    const gone = ask(`${path}since=${later}`)
    await local.settle()

    expect(gone.answer?.status).toBe(path.startsWith(LIST) ? 200 : 404)
    expect(gone.answer?.headers.get("headwater-position")).toBe(await position())
  })

  test("ends by a delete", async () => {
    const since = await ready()
    const asked = ask(`${path}since=${since}`)
    await local.settle()
    await local.write({ a: undefined })

    expect(asked.answer?.status).toBe(path.startsWith(LIST) ? 200 : 404)
  })

  test("since another epoch, or revision 0, answers at once", async () => {
    const since = await ready()
    const epoch = since.split(".")[0]
    for (const position of ["other.7", `${epoch}.0`]) {
      const asked = ask(`${path}since=${position}`)
      await local.settle()
      expect(asked.answer?.status).toBe(200)
    }
  })

  test("since a position ahead waits for the hub, and answers 504 after ten seconds", async () => {
    const since = await ready()
    const [epoch, revision] = since.split(".")
    const ahead = ask(`${path}since=${epoch}.${Number(revision) + 1}&wait=1000`)
    const far = ask(`${path}since=${epoch}.${Number(revision) + 1_000}&wait=1000`)
    await local.settle()
    await local.write({ b: 1 })
    await local.clock.advance(1_000)
    expect(await about(ahead.answer)).toEqual([200, await position(), "no-store"])
    expect(far.answer).toBeUndefined()
    await local.clock.advance(9_000)

    expect([far.answer?.status, (await far.answer!.json()).error.code]).toEqual([
      504,
      "ERR_TIMEOUT",
    ])
  })

  test("at-least a position waits for the hub, and refuses another epoch", async () => {
    const since = await ready()
    const [epoch, revision] = since.split(".")
    const asked = ask(`${path}at-least=${epoch}.${Number(revision) + 1}`)
    const late = ask(`${path}at-least=${epoch}.${Number(revision) + 9}`)
    await local.settle()
    expect(asked.answer).toBeUndefined()
    await local.write({ b: 1 })
    expect(asked.answer?.status).toBe(200)
    await local.clock.advance(10_000)
    expect([late.answer?.status, (await late.answer!.json()).error.code]).toEqual([
      504,
      "ERR_TIMEOUT",
    ])
    const other = ask(`${path}at-least=other.1`)
    await local.settle()

    expect([other.answer?.status, (await other.answer!.json()).error.code]).toEqual([
      409,
      "ERR_EPOCH_CHANGED",
    ])
  })

  test("answers 304 to a client that has the state, 400 to a malformed one", async () => {
    const since = await ready()
    const etag = (await local.ask(path.slice(0, -1))).headers.get("etag")!
    const asked = ask(`${path}since=${since}&wait=10`, { headers: { "if-none-match": etag } })
    await local.clock.advance(10)
    expect(asked.answer?.status).toBe(304)
    const bad = ["since=x", "wait=1", `since=${since}&wait=1s`, "at-least=e.1.deadbeef"]
    const answers = await Promise.all(bad.map((query) => local.ask(path + query)))

    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400])
  })
})

describe("blocking GETs", () => {
  test("CC-B47: of an absent entry wait while it is absent, and end with an epoch", async () => {
    const since = await ready({ b: 1 })
    const asked = ask(`${ENTRY}&since=${since}`)
    for (const value of [2, 3, undefined]) {
      await local.write({ b: value })
      expect(asked.answer).toBeUndefined()
    }
    await local.write({ a: 1 })
    expect(await about(asked.answer)).toEqual([200, await position(), "no-store"])
    const other = await local.ask(`${ENTRY}&since=other.1`)

    expect([other.status, asked.answer?.status]).toEqual([200, 200])
  })

  test("leave nothing behind when their clients leave, and end with the hub", async () => {
    const since = await ready()
    const leaving = new AbortController()
    const gone = Array.from({ length: 1_000 }, () =>
      ask(`${ENTRY}&since=${since}`, { signal: leaving.signal }),
    )
    const asked = ask(`${ENTRY}&since=${since}`)
    await local.settle()
    expect(local.hub.streams.size).toBe(1_001)
    leaving.abort()
    await local.settle()
    await Promise.all(gone.map(({ done }) => done))
    expect(local.hub.streams.size).toBe(1)
    await local.hub.streams.end("draining", 0, new AbortController().signal)
    await local.settle()

    expect(asked.answer?.status).toBe(503)
  })

  test("in a loop see every awaited state, and never an older one", async () => {
    let at = await ready({ a: 0 })
    for (let n = 1; n <= 50; n++) {
      const asked = ask(`${ENTRY}&since=${at}`)
      if (n % 2) await local.settle()
      await local.write({ a: n, [`b${n}`]: n })
      await asked.done

      expect(await asked.answer!.json()).toBe(n)
      at = asked.answer!.headers.get("headwater-position")!
    }
  })
})
