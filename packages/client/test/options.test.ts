import { isSyncError } from "@headwater/core"
import { VIEW_QUERY_BYTES_MAX, VIEW_TERMS_MAX } from "@headwater/protocol"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type ConnectOptions, connect, type Replica } from "../src/index.ts"
import { entryType, listType, liveEntryType, liveListType } from "../src/read-through/index.ts"
import { hubSource } from "../src/source.ts"
import { stored } from "../src/store.ts"
import { type Writer, writer } from "../src/write.ts"
import { hello, ScriptedHub, snapshot, sync } from "./scripted-hub.ts"

/** The option that an error of a call names; the error itself if it is another one. */
function refusedBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return isSyncError(error) && error.code === "ERR_OPTION_INVALID" && "option" in error
      ? error.option
      : error
  }
  return undefined
}

// Whatever must not be accepted by the types either.
const any = (options: object) => options as never

const keysOf = (count: number, length: number) =>
  Array.from({ length: count }, (_, n) => `services/web/${n}`.padEnd(length, "-"))

describe("connect()", () => {
  const hub = { url: "http://127.0.0.1:1", topic: "t" }

  test.each<[string, object]>([
    ["topic", { url: hub.url }],
    ["topic", { ...hub, topic: "" }],
    ["topic", { ...hub, topic: "a/b" }],
    ["topic", { ...hub, topic: 7 }],
    ["url", { topic: "t" }],
    ["url", { ...hub, url: [] }],
    ["url", { ...hub, url: "127.0.0.1:8080" }],
    ["url", { ...hub, url: "/" }],
    ["url", { ...hub, url: null }],
    ["url", { ...hub, url: "ftp://127.0.0.1/" }],
    ["url", { ...hub, url: "http://user:secret@127.0.0.1/" }],
    ["url", { ...hub, url: [hub.url, "nonsense"] }],
    ["tokn", { ...hub, tokn: "x" }],
    ["constructor", { ...hub, constructor: 1 }],
    ["token", { ...hub, token: 1 }],
    ["prefix", { ...hub, prefix: [1] }],
    ["prefix", { ...hub, prefix: "\ud800" }],
    ["keys", { ...hub, keys: "leader" }],
    ["keys", { ...hub, keys: ["a", undefined] }],
    ["keys", { ...hub, keys: [""] }],
    ["keys", { ...hub, keys: [] }],
    ["prefix", { ...hub, prefix: [] }],
    ["signal", { ...hub, signal: "now" }],
    ["report", { ...hub, report: {} }],
    ["fetch", { ...hub, fetch: "fetch" }],
    ["clock", { ...hub, clock: null }],
    ["store", { ...hub, store: () => {} }],
    ["random", { ...hub, random: 4 }],
    ["headers", { ...hub, headers: "x-tenant: a" }],
    ["credentials", { ...hub, credentials: true }],
  ])("refuses a senseless %s at the call: %o", (option, options) => {
    expect(refusedBy(() => connect(any(options)))).toBe(option)
  })

  test("refuses no options at all", () => {
    expect(refusedBy(() => connect(any(undefined as never)))).toBe("topic")
  })

  test("refuses a url that is missing also in a page, where a path is enough", () => {
    const page = globalThis as { location?: { href: string } }
    const { location } = page
    page.location = { href: "http://127.0.0.1:1/page" }
    try {
      expect(refusedBy(() => connect(any({ topic: "t" })))).toBe("url")
      expect(refusedBy(() => connect({ url: "", topic: "t" }))).toBe("url")
    } finally {
      if (location) page.location = location
      else delete page.location
    }
  })

  test("names option and bound, and shows no credentials", () => {
    expect(() => connect({ ...hub, url: "ftp://h/" })).toThrow(
      "connect: url cannot be ftp://h/; see ConnectOptions",
    )
    expect(() => connect({ ...hub, url: "http://u:secret@h/" })).toThrow(
      expect.not.stringContaining("secret"),
    )
    expect(() => connect(any({ ...hub, tokn: 1 }))).toThrow(
      "connect: tokn cannot be number; see ConnectOptions",
    )
  })

  test("takes 256 keys of ordinary length, and refuses a view that no hub takes", async () => {
    const fetch = () => new Promise<never>(() => {})
    const fits = connect({ ...hub, fetch, keys: keysOf(VIEW_TERMS_MAX, 40) })
    await fits.close()

    expect(refusedBy(() => connect({ ...hub, keys: keysOf(VIEW_TERMS_MAX + 1, 10) }))).toBe("keys")
    expect(refusedBy(() => connect({ ...hub, keys: keysOf(200, 100) }))).toBe("keys")
    expect(() => connect({ ...hub, prefix: "p", keys: keysOf(200, 100) })).toThrow(
      `bytes, above ${VIEW_TERMS_MAX} of ${VIEW_QUERY_BYTES_MAX}`,
    )
  })
})

describe("the other functions with options", () => {
  const hub = { url: "http://127.0.0.1:1", topic: "t" }
  const storage = { load: async () => undefined, save: async () => {} }

  test.each<[string, string, () => unknown]>([
    ["hubSource", "topic", () => hubSource(any({ url: hub.url }))],
    ["hubSource", "url", () => hubSource({ ...hub, url: "127.0.0.1:8080" })],
    ["hubSource", "values", () => hubSource(any({ ...hub, values: "xml" }))],
    ["hubSource", "writable", () => hubSource(any({ ...hub, writable: true }))],
    ["hubSource", "clock", () => hubSource(any({ ...hub, clock: {} }))],
    ["stored", "load", () => stored(any({ save: storage.save }))],
    ["stored", "intervalMs", () => stored(storage, { intervalMs: Number.NaN })],
    ["stored", "intervalMs", () => stored(storage, { intervalMs: -1 })],
    ["stored", "interval", () => stored(storage, any({ interval: 1 }))],
    ["entryType", "waitMs", () => entryType({ ...hub, waitMs: Number.POSITIVE_INFINITY })],
    ["entryType", "waitMs", () => entryType({ ...hub, waitMs: 0 })],
    ["listType", "topic", () => listType({ ...hub, topic: "a b" })],
    ["liveEntryType", "waitMs", () => liveEntryType(any({ ...hub, waitMs: 1 }))],
    ["liveListType", "ttlMs", () => liveListType({ ...hub, ttlMs: Number.NaN })],
  ])("%s refuses a senseless %s", (_, option, call) => {
    expect(refusedBy(call)).toContain(option)
  })
})

describe("writer()", () => {
  let hub: ScriptedHub
  let replica: Replica

  beforeEach(async () => {
    hub = await ScriptedHub.listen()
    replica = connect({ url: hub.url, topic: "t", report: () => {} } satisfies ConnectOptions)
    ;(await hub.next()).send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await replica.ready
  })

  afterEach(async () => {
    await replica.close()
    await hub[Symbol.asyncDispose]()
  })

  test.each<[string, (to: Writer) => Promise<unknown>, string]>([
    ["ifMatch", (to) => to.put("a", 1, any({ ifMatch: 1 })), "ERR_OPTION_INVALID"],
    ["a revision of NaN", (to) => to.put("a", 1, { revision: Number.NaN }), "ERR_OPTION_INVALID"],
    ["a revision below 0", (to) => to.delete("a", { revision: -1 }), "ERR_OPTION_INVALID"],
    ["a revision as text", (to) => to.put("a", 1, any({ revision: "1" })), "ERR_OPTION_INVALID"],
    ["null as options", (to) => to.put("a", 1, any(null as never)), "ERR_OPTION_INVALID"],
    ["a key that is none", (to) => to.put(any(undefined as never), 1), "ERR_KEY_INVALID"],
    ["an empty key", (to) => to.delete(""), "ERR_KEY_INVALID"],
    ["half a surrogate pair in a key", (to) => to.put("\ud800", 1), "ERR_KEY_INVALID"],
    ["undefined as json", (to) => to.put("a", undefined), "ERR_VALUE_INVALID"],
    ["a bigint as json", (to) => to.put("a", 1n), "ERR_VALUE_INVALID"],
    ["no list", (to) => to.batch(any({ op: "put" })), "ERR_OPTION_INVALID"],
    ["an unknown op", (to) => to.batch([any({ op: "set", key: "a" })]), "ERR_OPTION_INVALID"],
    [
      "a condition in a change",
      (to) => to.batch([any({ op: "put", key: "a", value: 1, revision: 1 })]),
      "ERR_OPTION_INVALID",
    ],
    [
      "an unknown option of a batch",
      (to) => to.batch([{ op: "delete", key: "a" }], any({ conditions: [] })),
      "ERR_OPTION_INVALID",
    ],
    [
      "a condition without a revision",
      (to) => to.batch([{ op: "delete", key: "a" }], { if: [any({ key: "a" })] }),
      "ERR_OPTION_INVALID",
    ],
  ])("refuses %s, and sends nothing", async (_, write, code) => {
    await expect(write(writer(replica))).rejects.toMatchObject({ code })
    expect(hub.waiting).toBe(0)
  })

  test("refuses another kind of value than its own", async () => {
    const texts = writer(replica, { values: "text" })
    const bytes = writer(replica, { values: "binary" })
    const code = "ERR_VALUE_INVALID"

    await expect(texts.put("a", 1)).rejects.toMatchObject({ code })
    await expect(texts.put("a", "\udc00")).rejects.toMatchObject({ code })
    await expect(bytes.put("a", "AQ==")).rejects.toMatchObject({ code })
    await expect(bytes.batch([{ op: "put", key: "a", value: [1] }])).rejects.toMatchObject({ code })
    expect(hub.waiting).toBe(0)
  })

  test("takes every view of a buffer as its bytes", async () => {
    const to = writer(replica, { values: "binary" })
    to.batch([{ op: "put", key: "a", value: Uint16Array.of(0x0201) }]).catch(() => {})
    const request = await hub.next()
    while (!request.body.endsWith("}")) await new Promise((resolve) => setImmediate(resolve))
    request.answer(500)

    expect(JSON.parse(request.body).changes[0].value).toBe("AQI=")
  })

  test("refuses an unknown option, a kind that is none, and a replica that is none", () => {
    expect(refusedBy(() => writer(replica, any({ kind: "text" })))).toBe("kind")
    expect(refusedBy(() => writer(replica, any({ values: "xml" })))).toContain("values")
    expect(() => writer(any({}))).toThrow("pass a replica that connect() made")
  })
})
