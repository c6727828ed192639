import { memorySource } from "@headwater/syncer/memory"
import { Hono } from "hono"
import { afterEach, describe, expect, test } from "vitest"
import { createApp } from "../../src/http/app.ts"
import type { AppOptions } from "../../src/http/app-options.ts"
import { createHub, type Hub } from "../../src/hub.ts"

let hub: Hub

afterEach(() => hub.close(0))

function appWith(options: Partial<AppOptions> = {}): Hono {
  hub = createHub({ topics: [{ name: "t", source: memorySource() }], log: () => {} })
  return createApp(hub, { anonymous: "write", ...options })
}

const put = (headers: Record<string, string>): RequestInit => ({
  method: "PUT",
  headers: { "content-type": "application/json", ...headers },
  body: "1",
})
const entry = "http://hub.test/v1/topics/t/entry?key=a"
const whenReady = async (app: Hono) => {
  while ((await app.request("/readyz", { headers: { host: "localhost" } })).status !== 200) {
    await hub.clock.yield()
  }
  return app
}

describe("a hub on loopback", () => {
  test.each([
    ["127.0.0.1:8080", 200],
    ["localhost", 200],
    ["[::1]:8080", 200],
    ["hub.localhost:1", 200],
    ["listed.example:80", 200],
    ["evil.example", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["192.168.0.7", 403],
  ])("asked by Host %s answers %i", async (host, status) => {
    const app = appWith({ hosts: ["listed.example"] })
    expect((await app.request("/healthz", { headers: { host } })).status).toBe(status)
  })
})

describe("a page of another origin", () => {
  test("cannot write, nor read an answer", async () => {
    const app = await whenReady(appWith())
    const foreign = { origin: "https://evil.example", host: "hub.test" }
    expect((await app.request(entry, put(foreign))).status).toBe(403)
    const read = await app.request("/v1/topics", { headers: foreign })
    expect([read.status, read.headers.get("access-control-allow-origin")]).toEqual([200, null])
  })

  test("reads and writes when its origin is listed", async () => {
    const origin = "https://app.example"
    const app = await whenReady(appWith({ cors: [origin] }))
    const response = await app.request(entry, put({ origin, host: "hub.test" }))
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([
      200,
      origin,
    ])
    expect(response.headers.get("access-control-expose-headers")).toBe(
      "etag,retry-after,headwater-revision,headwater-position",
    )
    const preflight = await app.request(entry, { method: "OPTIONS", headers: { origin } })
    expect([preflight.status, preflight.headers.get("access-control-allow-headers")]).toEqual([
      204,
      "authorization,content-type,if-match,if-none-match,last-event-id",
    ])
  })

  test("cannot send a form", async () => {
    const app = await whenReady(appWith())
    const body = new URLSearchParams({ a: "1" })
    const form = await app.request(entry, { method: "PUT", body })
    const post = await app.request(entry, { method: "POST", body })
    expect([form.status, post.status]).toEqual([415, 405])
  })
})

describe("createApp()", () => {
  test.each([[undefined], [{}], [{ cors: [] }]])(
    "throws when no access is chosen, and names both ways to choose one: %j",
    (options) => {
      hub = createHub({ topics: [{ name: "t", source: memorySource() }], log: () => {} })
      const call = () => createApp(hub, options as AppOptions)
      expect(call).toThrow(/createApp: .*anonymous: "read" or "write".*authorize/)
    },
  )
})

describe("createApp() (options)", () => {
  const bad: [object, string][] = [
    [{ anonymous: "admin" }, 'anonymous is "admin"; it must be "read" or "write"'],
    [{ anonymus: "read" }, "there is no option anonymus"],
    [{ cors: "https://a.example" }, "cors is"],
    [{ cors: ["https://a.example/"] }, "an array of origins"],
    [{ cors: ["*"] }, "an array of origins"],
    [{ hosts: ["hub.example:8080"] }, "host names without ports"],
    [{ hosts: ["http://hub.example"] }, "host names without ports"],
    [{ refuseForwardedWrites: "yes" }, "true or false"],
    [{ page: true }, "page is true"],
    [{ page: {} }, "page: assets is undefined"],
    [{ page: { assets: {} } }, "files of the page"],
  ]
  test.each(bad)("refuses %j at the call", (options, message) => {
    expect(() => appWith(options)).toThrow(message)
  })
})

describe("a hub that refuses forwarded writes", () => {
  const headers = [
    { forwarded: "for=192.0.2.1" },
    { via: "1.1 proxy" },
    { "x-forwarded-for": "192.0.2.1" },
    { "X-Forwarded-Proto": "https" },
    { "x-forwarded-anything": "" },
    { "x-real-ip": "192.0.2.1" },
  ] as Record<string, string>[]

  test.each(headers)("refuses a write with %j, and answers reads", async (header) => {
    const app = await whenReady(appWith({ refuseForwardedWrites: true, hosts: [] }))
    const local = { host: "localhost" }
    const forwarded = await app.request(entry, put({ ...local, ...header }))
    expect(forwarded.status).toBe(403)
    expect((await forwarded.json()).error.message).toMatch(/--allow-anonymous/)
    const path = "/v1/topics/t/entries"
    expect((await app.request(path, { headers: { ...local, ...header } })).status).toBe(200)
    expect((await app.request(entry, put(local))).status).toBe(200)
  })

  test("takes the same writes when access was chosen", async () => {
    const app = await whenReady(appWith())
    for (const header of headers) expect((await app.request(entry, put(header))).status).toBe(200)
  })
})

describe("a hub that clients without a token may only read", () => {
  test("refuses writes, and calls no topic writable", async () => {
    const app = await whenReady(appWith({ anonymous: "read" }))
    expect((await app.request(entry, put({}))).status).toBe(403)
    expect((await app.request("/v1/topics/t/entries")).status).toBe(200)
    const { topics } = await (await app.request("/v1/topics")).json()
    const topic = await (await app.request("/v1/topics/t")).json()
    expect([topics[0].writable, topic.writable]).toEqual([false, false])
  })
})

describe("an app mounted in another app", () => {
  test("answers below its path", async () => {
    const inner = await whenReady(appWith())
    const outer = new Hono().route("/live", inner)
    const path = "http://hub.test/live/v1/topics/t/entries/a%20b/c"
    expect((await outer.request(path, put({}))).status).toBe(200)
    const list = async () => (await outer.request("/live/v1/topics/t/entries")).json()
    let { entries } = await list()
    // What was written comes back through the source.
    for (; entries.length === 0; entries = (await list()).entries) await hub.clock.yield()
    expect(entries.map(({ key }: { key: string }) => key)).toEqual(["a b/c"])
    expect((await outer.request("/live/v1/topics/none")).status).toBe(404)
  })
})

describe("the page", () => {
  const files: Record<string, string> = {
    "index.html": '<script src="{{assets}}page.js"></script>',
    "page.js": "export {}",
    "icon.svg": "<svg/>",
  }
  const assets = {
    async read(name: string) {
      const text = files[name]
      return text === undefined ? undefined : { text, contentType: `text/${name}` }
    },
  }

  test("runs scripts of this hub alone", async () => {
    const app = appWith({ page: { assets } })
    const page = await app.request("/")
    const policy = page.headers.get("content-security-policy")

    expect(page.headers.get("content-type")).toBe("text/index.html")
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';")
    expect(policy).not.toMatch(/unsafe|nonce|https?:/)
    expect(await page.text()).toBe('<script src="assets/page.js"></script>')
    const script = await app.request("/assets/page.js")
    expect([script.headers.get("content-type"), await script.text()]).toEqual([
      "text/page.js",
      "export {}",
    ])
    for (const path of ["/assets/other.js", "/assets/index.html", "/assets/"]) {
      expect((await app.request(path)).status).toBe(404)
    }
    for (const path of ["/favicon.svg", "/favicon.ico"]) {
      expect(await (await app.request(path)).text()).toBe("<svg/>")
    }
    expect((await app.request("/", { method: "POST" })).status).toBe(405)
  })

  test("finds its files where the app is mounted", async () => {
    const outer = new Hono().route("/a/live", appWith({ page: { assets } }))
    const html = await (await outer.request("/a/live")).text()

    expect(html).toContain('"live/assets/page.js"')
    expect(await (await outer.request("/a/live/assets/page.js")).text()).toBe("export {}")
  })

  test("is sent again only when it changed, and in gzip where that is accepted", async () => {
    const app = appWith({ page: { assets } })
    const first = await app.request("/assets/page.js")
    const etag = first.headers.get("etag")!
    const again = await app.request("/assets/page.js", { headers: { "if-none-match": etag } })
    const packed = await app.request("/", { headers: { "accept-encoding": "gzip" } })
    const unpacked = packed.body!.pipeThrough(new DecompressionStream("gzip"))

    expect(again.status).toBe(304)
    expect(packed.headers.get("content-encoding")).toBe("gzip")
    expect(await new Response(unpacked).text()).toContain("assets/page.js")
  })

  test("says that it has not been built", async () => {
    const app = appWith({ page: { assets: { read: async () => undefined } } })
    const { status, headers } = await app.request("/")

    expect([status, headers.get("content-type")]).toEqual([501, "application/json"])
  })

  test("is 404 without the option page", async () => {
    expect((await appWith().request("/")).status).toBe(404)
  })
})
