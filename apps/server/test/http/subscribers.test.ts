import { afterEach, describe, expect, test } from "vitest"
import { LocalHub } from "../support/local-hub.ts"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

const PATH = "/v1/topics/t/subscribers"

async function list(query = "") {
  const response = await local.ask(`${PATH}${query}`)
  return { status: response.status, ...(await response.json()) }
}

function end(id: string): Promise<Response> {
  return local.ask(`${PATH}/${id}`, { method: "DELETE" })
}

describe("GET /v1/topics/{topic}/subscribers", () => {
  test("shows each reader: its view, place, lag and bytes", async () => {
    local = new LocalHub()
    await local.settle()
    await local.write({ "a/1": 1, b: 1 })
    await (await local.stream("policy=disconnect")).caughtUp()
    await local.clock.advance(2_000)
    const stalled = await (await local.stream("prefix=a/&key=b")).caughtUp()
    await local.write({ "a/1": 2 })
    await local.write({ "a/1": 3 })
    await local.clock.advance(10_000)
    const { status, topic, subscribers, next } = await list()
    const { epoch } = await (await local.ask("/v1/topics/t")).json()
    const [first, second] = subscribers

    expect([status, topic, next, subscribers.length]).toEqual([200, "t", undefined, 2])
    expect(first).toMatchObject({
      ...{ identity: "anonymous", address: "127.0.0.1", policy: "disconnect", state: "following" },
      view: { id: "", prefixes: [], keys: [] },
      since: new Date(local.clock.now() - 12_000).toISOString(),
    })
    expect(second).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{8}-2$/),
      view: { id: expect.stringMatching(/^[0-9a-f]{8}$/), prefixes: ["a/"], keys: ["b"] },
      ...{ policy: "conflate", state: "following", slow: true },
      position: `${epoch}.2`,
    })
    expect(second.lagRevisions).toBeGreaterThan(0)
    expect(second.stalledMs).toBeGreaterThanOrEqual(10_000)
    await stalled.until("delta")
    await local.settle()
    const [, after] = (await list()).subscribers
    expect(after.bytes).toBeGreaterThan(second.bytes)
  })

  test("shows no lag of a reader whose view did not change", async () => {
    local = new LocalHub()
    await local.settle()
    const quiet = await (await local.stream("prefix=quiet")).caughtUp()
    const next = quiet.read()
    await local.write({ a: 1 })
    await local.write({ a: 2 })
    await local.settle()
    const [reader] = (await list()).subscribers

    expect(reader).toMatchObject({ lagRevisions: 0, lagMs: 0, stalledMs: 0, slow: false })
    await quiet.close()
    await next.catch(() => {})
  })

  test("is read by pages, while readers come and go", async () => {
    local = new LocalHub()
    await local.settle()
    const streams = []
    for (let n = 0; n < 7; n++) streams.push(await (await local.stream()).caughtUp())
    const first = await list("?limit=3")
    // The reader at which the page ends leaves.
    await streams[2]!.close()
    await local.settle()
    const second = await list(`?limit=3&after=${first.next}`)
    await (await local.stream()).caughtUp()
    const third = await list(`?limit=3&after=${second.next}`)
    const ids = [first, second, third].flatMap(({ subscribers }) =>
      subscribers.map(({ id }: { id: string }) => Number(id.split("-")[1])),
    )

    expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(third.next).toBeUndefined()
  })

  test("of another run of the hub is gone, and bad limits are refused", async () => {
    local = new LocalHub()
    await local.settle()
    const statuses = []
    for (const query of ["?after=00000000-1", "?limit=0", "?limit=1001", "?limit=x", "?x=1"]) {
      statuses.push((await list(query)).status)
    }

    expect(statuses).toEqual([410, 400, 400, 400, 400])
    expect((await local.ask("/v1/topics/none/subscribers")).status).toBe(404)
    const post = await local.ask(PATH, { method: "POST" })
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"])
  })

  test("is refused to others than operators", async () => {
    local = new LocalHub()
    await local.settle()
    const headers = { "x-forwarded-for": "192.0.2.1" }
    for (const [path, method] of [
      [PATH, "GET"],
      [`${PATH}/1`, "DELETE"],
    ] as const) {
      const { status } = await local.ask(path, { method, headers })
      expect(status).toBe(403)
    }
  })
})

describe("DELETE /v1/topics/{topic}/subscribers/{id}", () => {
  test("ends one reader with a goodbye, and leaves the others", async () => {
    local = new LocalHub()
    await local.settle()
    const [one, other] = [await local.stream(), await local.stream()]
    await Promise.all([one.caughtUp(), other.caughtUp()])
    const [{ id }] = (await list()).subscribers
    const rest = one.rest()
    const ended = await end(id)

    expect([ended.status, await ended.json()]).toEqual([202, { id }])
    expect(await rest).toMatchObject([{ type: "goodbye", reason: "ended", id: one.lastId }])
    await local.settle()
    expect((await list()).subscribers).toHaveLength(1)
    expect((await end(id)).status).toBe(404)
  })

  test("cuts a reader that does not read its goodbye after a second", async () => {
    local = new LocalHub()
    await local.settle()
    const stalled = await (await local.stream()).caughtUp()
    const [{ id }] = (await list()).subscribers
    await end(id)
    expect((await list()).subscribers).toMatchObject([{ id, state: "leaving" }])
    await end(id)
    await local.clock.advance(1_000)

    expect((await list()).subscribers).toEqual([])
    await expect(stalled.rest()).rejects.toThrow("cut")
  })

  test("knows no id that it has not given out", async () => {
    local = new LocalHub()
    await local.settle()
    await (await local.stream()).caughtUp()
    const [{ id }] = (await list()).subscribers
    const run = id.split("-")[0]
    for (const other of ["1", "00000000-1", `${run}-0`, `${run}-2`, `${run}-1x`, "%20", run]) {
      expect((await end(other)).status).toBe(404)
    }
    const of = await local.ask(`/v1/topics/none/subscribers/${id}`, { method: "DELETE" })
    const get = await local.ask(`${PATH}/${id}`)
    expect([of.status, get.status]).toEqual([404, 405])
  })
})
