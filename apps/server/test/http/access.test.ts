import { Digest } from "@headwater/protocol"
import { afterEach, describe, expect, test } from "vitest"
import type { TopicGrants } from "../../src/access/grant.ts"
import { digestOf, newToken } from "../../src/access/token.ts"
import { parseTokenFile } from "../../src/access/token-file.ts"
import { json, LocalHub } from "../support/local-hub.ts"

// Counterexamples to plans of access, each as a client meets it.

const ada = newToken()
const bob = newToken()
const LIST = "/v1/topics/t/entries"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

function tableOf(grants: { ada?: TopicGrants; bob?: TopicGrants }, more: object = {}) {
  const rows = [
    ["ada", ada, grants.ada],
    ["bob", bob, grants.bob],
  ] as const
  const identities = rows.flatMap(([name, token, topics]) =>
    topics === undefined ? [] : [{ name, sha256: [digestOf(token)], topics }],
  )
  return parseTokenFile(JSON.stringify({ identities, ...more }))
}

async function open(grants: Parameters<typeof tableOf>[0], more: object = {}): Promise<void> {
  const entries = ["eu/1", "eu/2", "us/1", "us/secret"].map((key) => [key, json(key)] as const)
  local = new LocalHub({ entries, access: { tokens: tableOf(grants, more) } })
  await local.settle()
}

/** Takes another token file, and lets the time pass in which a stream takes its goodbye. */
async function reload(tokens: ReturnType<typeof tableOf>): Promise<void> {
  const reloading = local.access.reload(tokens)
  await local.clock.advance(500)
  await reloading
}

async function list(token: string, query = "", headers: Record<string, string> = {}) {
  const response = await local.ask(`${LIST}?${query}`, {
    headers: { ...bearer(token), ...headers },
  })
  return { response, status: response.status, text: await response.text() }
}

const keysIn = (text: string) =>
  (JSON.parse(text).entries as { key: string }[]).map(({ key }) => key).sort()

describe("a list", () => {
  test("holds what is granted, and an id that names the view", async () => {
    await open({ ada: { t: { read: ["eu/"] } }, bob: { t: { read: true } } })

    const part = await list(ada)
    const whole = await list(bob)
    const filtered = await list(bob, "prefix=eu/")

    expect(keysIn(part.text)).toEqual(["eu/1", "eu/2"])
    expect(keysIn(whole.text).length).toBe(4)
    const { id, position } = JSON.parse(part.text)
    expect(id).toMatch(new RegExp(`^${position}\\.[0-9a-f]{8}$`))
    expect(JSON.parse(whole.text).id).toBeUndefined()
    expect(JSON.parse(filtered.text).id).not.toBe(id)
  })

  test("of one identity is never 304 for another, nor after a wider grant", async () => {
    await open({ ada: { t: { read: ["eu/"] } }, bob: { t: { read: ["us/"] } } })
    const first = await list(ada)
    const etag = first.response.headers.get("etag")!

    expect((await list(ada, "", { "if-none-match": etag })).status).toBe(304)
    expect((await list(bob, "", { "if-none-match": etag })).status).toBe(200)
    await reload(tableOf({ ada: { t: { read: ["eu/", "us/"] } } }))
    const wider = await list(ada, "", { "if-none-match": etag })
    expect(keysIn(wider.text).length).toBe(4)
    expect(first.response.headers.get("vary")).toContain("cookie")
  })

  test("goes on for its own credential and grant alone", async () => {
    const grant = { t: { read: ["eu/"] } }
    await open({ ada: grant, bob: grant })
    const next = encodeURIComponent(JSON.parse((await list(ada, "limit=1")).text).next)

    expect((await list(bob, `limit=1&after=${next}`)).status).toBe(410)
    expect((await list(ada, `limit=1&after=${next}`)).status).toBe(200)
    await reload(tableOf({ ada: { t: { read: ["us/"] } }, bob: grant }))
    expect((await list(ada, `limit=1&after=${next}`)).status).toBe(410)
  })

  test("on its way breaks off when the grant ends", async () => {
    await open({ ada: { t: { read: ["eu/"] } } })
    const response = await local.ask(LIST, { headers: bearer(ada) })
    await reload(tableOf({}))

    await expect(response.text()).rejects.toThrow()
  })
})

describe("a topic", () => {
  test("shows a reader of a part nothing of the whole", async () => {
    await open({ ada: { t: { read: ["eu/"] } } })

    const topic = await (await local.ask("/v1/topics/t", { headers: bearer(ada) })).json()
    const digest = new Digest()
    for (const { key, revision } of JSON.parse((await list(ada)).text).entries) {
      digest.add(key, revision)
    }

    expect(topic).toMatchObject({ entries: 2, digest: digest.toString(), writable: false })
    for (const name of ["bytes", "subscribers", "invalid", "invalidSample"]) {
      expect(topic).not.toHaveProperty(name)
    }
  })

  test("without a grant is named nowhere", async () => {
    await open({ ada: { other: { read: true } } }, { anonymous: { topics: {} } })
    const at = local.topic.cache.position!
    const ask = (path: string) => local.ask(path, { headers: bearer(ada) })

    expect(await (await ask("/v1/topics")).json()).toEqual({ topics: [] })
    expect((await ask(`/v1/topics?at-least=${at.epoch}.${at.revision}`)).status).toBe(409)
    expect((await (await ask("/v1/access")).json()).topics).toEqual({})
    expect((await (await ask("/readyz")).json()).topics).toEqual([])
    expect(await (await ask("/readyz")).text()).not.toContain('"invalid"')
    const unknown = await (await ask("/v1/topics/nope")).text()
    expect(await (await ask("/v1/topics/t")).text()).toBe(unknown.replace("nope", "t"))
  })
})

describe("a stream", () => {
  test("is cut to the grant, names its terms, and hides totals of the whole", async () => {
    await open({ ada: { t: { read: { prefixes: ["eu/"], keys: ["us/1"] } } } })
    const reader = await local.stream("prefix=eu/1&prefix=u", bearer(ada))
    const hello = await reader.until("hello")
    await reader.until("status")
    await local.write({ "us/secret": 2, "eu/1": 3, "us/1": 4 })
    const delta = await reader.until("delta")
    const response = await local.ask("/v1/topics/t/stream?once=1", { headers: bearer(ada) })
    const frames = await response.text()

    expect(hello.filter).toEqual({ prefixes: ["eu/1"], keys: ["us/1"] })
    expect(delta.changes.map(({ key }) => key).sort()).toEqual(["eu/1", "us/1"])
    expect(JSON.stringify(frames)).not.toMatch(/secret|invalid/)
  })

  test("ends within half a second of its grant, and comes back to another view", async () => {
    await open({ ada: { t: { read: ["eu/"] } }, bob: { t: { read: ["us/"] } } })
    const reader = await (await local.stream("", bearer(ada))).caughtUp()
    const kept = await (await local.stream("", bearer(bob))).caughtUp()
    const ended = reader.rest()
    await reload(tableOf({ ada: { t: { read: ["us/1"] } }, bob: { t: { read: ["us/", "us/1"] } } }))
    const frames = await ended
    const last = frames.at(-1)
    const id = last?.type === "goodbye" ? last.id! : ""
    const again = await local.stream("", { ...bearer(ada), "last-event-id": id })

    expect(last).toMatchObject({ type: "goodbye", reason: "auth-changed" })
    expect(await again.until("reset")).toMatchObject({ reason: "view-changed" })
    await local.write({ "us/1": 5 })
    expect((await kept.until("delta")).changes.map(({ key }) => key)).toEqual(["us/1"])
  })

  test("is told that the hub cannot decide by a frame, other requests by a 503", async () => {
    local = new LocalHub({ access: { authorize: () => Promise.reject(new Error("db")) } })
    const frames = await (await local.stream("")).rest()

    expect(frames).toMatchObject([{ type: "fault", code: "ERR_NOT_READY", retry: "retry" }])
    expect((await local.ask(LIST)).status).toBe(503)
    expect((await local.ask("/healthz")).status).toBe(200)
  })
})

describe("a wait", () => {
  test("for a change is a 401 when its grant ends", async () => {
    await open({ ada: { t: { read: ["eu/"] } } })
    const { epoch, revision } = local.topic.cache.position!
    const waiting = local.ask(`/v1/topics/t/entry?key=eu/1&since=${epoch}.${revision}`, {
      headers: bearer(ada),
    })
    await local.settle()
    await reload(tableOf({}))

    const response = await waiting
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([
      401,
      'Bearer error="invalid_token"',
    ])
  })

  test("ends for changes of its own part alone", async () => {
    await open({ ada: { t: { read: ["eu/"] } } })
    const { epoch, revision } = local.topic.cache.position!
    let isAnswered = false
    const waiting = list(ada, `since=${epoch}.${revision}`).then((answer) => {
      isAnswered = true
      return answer
    })
    await local.write({ "us/1": 2 })
    expect(isAnswered).toBe(false)
    await local.write({ "eu/1": 2 })

    expect(keysIn((await waiting).text)).toEqual(["eu/1", "eu/2"])
  })
})

describe("a credential", () => {
  test("adds to the anonymous grant, and a bad one does not fall back to it", async () => {
    await open(
      { ada: { t: { read: ["eu/"] } } },
      { anonymous: { topics: { t: { read: ["us/1"] } } } },
    )

    expect(keysIn((await list(ada)).text)).toEqual(["eu/1", "eu/2", "us/1"])
    expect((await list("x".repeat(43))).status).toBe(401)
    expect((await local.ask(LIST)).status).toBe(200)
    expect((await local.ask(LIST, { headers: { authorization: "Basic YTpi" } })).status).toBe(401)
  })

  test.each<[string, Record<string, string>, string, number]>([
    ["same-origin", { "sec-fetch-site": "same-origin" }, "GET", 200],
    ["typed", { "sec-fetch-site": "none" }, "GET", 200],
    ["own origin", { origin: "http://127.0.0.1" }, "GET", 200],
    ["of a foreign page", { "sec-fetch-site": "cross-site" }, "GET", 401],
    ["of a sibling site", { "sec-fetch-site": "same-site" }, "GET", 401],
    ["of a foreign origin", { origin: "https://evil.test" }, "GET", 401],
    ["of no browser", {}, "GET", 401],
    ["a write without an origin", { "sec-fetch-site": "same-origin" }, "PUT", 403],
    ["a write of the own origin", { origin: "http://127.0.0.1" }, "PUT", 200],
    ["a write of a foreign origin", { origin: "https://evil.test" }, "PUT", 403],
  ])("in a cookie counts by where it comes from: %s", async (_, headers, method, status) => {
    await open({ ada: { t: { read: ["eu/"], write: ["eu/"] } } })
    const cookie = `a=b; __Secure-headwater=${ada}`
    const response = await local.ask("/v1/topics/t/entry?key=eu/1", {
      method,
      headers: { ...headers, cookie, "content-type": "application/json" },
      ...(method === "PUT" && { body: "1" }),
    })

    expect(response.status).toBe(status)
  })

  test("in a header beats a cookie, and two different cookies are refused", async () => {
    await open({ ada: { t: { read: ["eu/"] } }, bob: { t: { read: ["us/1"] } } })
    const ask = async (headers: Record<string, string>, host = "127.0.0.1") => {
      const response = await local.ask(LIST, {
        headers: { "sec-fetch-site": "same-origin", host, ...headers },
      })
      return [response.status, await response.text()] as const
    }
    const plain = { cookie: `headwater=${bob}` }
    const both = { cookie: `__Secure-headwater=${ada}; __Secure-headwater=${bob}` }

    expect(keysIn((await ask({ ...bearer(ada), ...plain }))[1])).toEqual(["eu/1", "eu/2"])
    expect(keysIn((await ask(plain))[1])).toEqual(["us/1"])
    expect((await ask(plain, "hub.test"))[0]).toBe(401)
    expect((await ask(both))[0]).toBe(401)
  })
})
