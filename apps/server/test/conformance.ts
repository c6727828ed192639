import { decodeErrorBody, type Frame } from "@headwater/protocol"
import type { Suite } from "@headwater/testing/conformance"
import { StreamReader } from "./support/stream-reader.ts"

/** A hub to be proven, by its address alone. */
export interface ServerUnderTest {
  /** `http://127.0.0.1:8080`. Topics may hold what earlier tests left. */
  readonly url: string
  /** Writable topics, by the kind of their values, and one that cannot be written. */
  readonly topics: {
    readonly json: string
    readonly text: string
    readonly binary: string
    readonly readOnly: string
  }
  /** Called after each test. */
  close(): Promise<void>
}

const JSON_TYPE = { "content-type": "application/json" }

/** The tools of one test: the hub, and a prefix of its own in every topic. */
interface Scene {
  readonly under: ServerUnderTest
  readonly base: string
  readonly prefix: string
  /** `PUT` of a JSON value under the test's prefix; answers the revision. */
  put(name: string, value: unknown): Promise<{ revision: number; position: string }>
  stream(query?: string, headers?: Record<string, string>): Promise<StreamReader>
  ask(path: string, init?: RequestInit): Promise<Response>
}

type Check = (title: string, body: (scene: Scene) => Promise<void>) => void
type Expect = Suite["expect"]

let scenes = 0

/**
 * Declares the tests that every hub passes, whatever it runs on, one `describe` of them. Each test
 * keeps to keys of its own, so that a hub may be used for all of them.
 *
 * @param open starts a hub for a test, or gives the one that runs.
 */
export function serverConformance(
  suite: Suite,
  name: string,
  open: () => Promise<ServerUnderTest>,
): void {
  const { describe, test, expect } = suite
  const check: Check = (title, body) =>
    test(title, async () => {
      const under = await open()
      const streams: StreamReader[] = []
      try {
        await body(sceneOf(under, streams))
      } finally {
        for (const stream of streams) await stream.close()
        await under.close()
      }
    })

  describe(`${name}: a hub`, () => {
    declareStream(check, expect)
    declareResume(check, expect)
    declareStreamErrors(check, expect)
    declareEntry(check, expect)
    declareConditions(check, expect)
    declareKinds(check, expect)
    declareLists(check, expect)
    declareBlocking(check, expect)
    declareBatch(check, expect)
    declareRefusals(check, expect)
    declareLater(check, expect)
  })
}

function sceneOf(under: ServerUnderTest, streams: StreamReader[]): Scene {
  const base = `${under.url}/v1/topics/${under.topics.json}`
  const prefix = `conformance/${Date.now().toString(36)}-${++scenes}/`
  return {
    under,
    base,
    prefix,
    async put(name, value) {
      const response = await fetch(`${base}/entry?key=${encodeURIComponent(prefix + name)}`, {
        method: "PUT",
        headers: JSON_TYPE,
        body: JSON.stringify(value),
      })
      if (response.status !== 200) throw new Error(`put: ${await response.text()}`)
      return response.json()
    },
    async stream(query = `prefix=${prefix}`, headers = {}) {
      const stream = await StreamReader.open(`${base}/stream?${query}`, headers)
      streams.push(stream)
      return stream
    },
    ask: (path, init) => fetch(`${base}${path}`, init),
  }
}

function declareStream(check: Check, expect: Expect): void {
  check("starts at once: headers of an event stream, a comment, a retry of 1 to 3 s", async (s) => {
    const stream = await s.stream()
    await stream.next()

    const headers = stream.response.headers
    expect(headers.get("content-type")).toEqual("text/event-stream")
    expect(headers.get("cache-control")).toEqual("no-store, no-transform")
    expect(headers.get("x-accel-buffering")).toEqual("no")
    expect(headers.get("incremental")).toEqual("?1")
    expect(headers.get("x-content-type-options")).toEqual("nosniff")
    expect(headers.get("content-security-policy")).toEqual("sandbox")
    expect(stream.heard.slice(0, 2)).toEqual(["comment", "hello"])
    expect(stream.retryMs! >= 1_000 && stream.retryMs! <= 3_000).toEqual(true)
  })

  check("names its settings in hello", async (s) => {
    const stream = await s.stream("")
    const hello = await stream.until("hello")

    expect({ ...hello, epoch: "", heartbeatMs: 0 }).toEqual({
      type: "hello",
      protocol: 1,
      topic: s.under.topics.json,
      epoch: "",
      values: "json",
      view: "",
      heartbeatMs: 0,
      frameBytesMax: 65_536,
      resumed: false,
      policy: "conflate",
    })
  })

  check("sends a snapshot, then every change, each digest proven", async (s) => {
    await s.put("a", 1)
    await s.put("b", { x: [1, "ü", null] })
    const stream = await s.stream()
    await stream.caughtUp()
    expect(stream.replica.entries).toEqual({
      [`${s.prefix}a`]: 1,
      [`${s.prefix}b`]: { x: [1, "ü", null] },
    })

    await s.put("a", 2)
    const gone = await s.ask(`/entry?key=${encodeURIComponent(`${s.prefix}b`)}`, {
      method: "DELETE",
    })
    await stream.reached((await gone.json()).revision)

    expect(stream.replica.entries).toEqual({ [`${s.prefix}a`]: 2 })
    expect(stream.replica.proven > 0).toEqual(true)
  })

  check("sends the entries with a prefix and the keys of a view, and no others", async (s) => {
    await s.put("in/1", 1)
    await s.put("out/1", 1)
    const query = new URLSearchParams([
      ["prefix", `${s.prefix}in/`],
      ["key", `${s.prefix}one`],
    ])
    const stream = await (await s.stream(`${query}`)).caughtUp()
    await s.put("out/2", 1)
    await s.put("one", 1)
    await stream.reached((await s.put("in/2", 1)).revision)

    expect(Object.keys(stream.replica.entries)).toEqual([
      `${s.prefix}in/1`,
      `${s.prefix}in/2`,
      `${s.prefix}one`,
    ])
  })

  check("cuts a large snapshot into frames", async (s) => {
    for (let n = 0; n < 5; n++) await s.put(`${n}`, "x".repeat(30_000))
    const stream = await (await s.stream()).caughtUp()

    expect(stream.heard.filter((name) => name === "snapshot").length >= 3).toEqual(true)
    expect(Object.keys(stream.replica.entries).length).toEqual(5)
  })

  check("with once=1 ends after the catch-up", async (s) => {
    await s.put("a", 1)
    const stream = await s.stream(`prefix=${s.prefix}&once=1`)
    const frames = await stream.rest()

    expect(frames.map(({ type }) => type)).toEqual([
      "hello",
      "snapshot",
      "sync",
      "status",
      "goodbye",
    ])
    expect((frames.at(-1) as Frame & { reason: string }).reason).toEqual("done")
  })

  check("with once=1 sends the newest state, not the shared snapshot", async (s) => {
    for (let n = 1; n <= 5; n++) {
      const { revision } = await s.put("a", n)
      await (await s.stream()).reached(revision)
      const once = await (await s.stream(`prefix=${s.prefix}&once=1`)).caughtUp()
      expect(Object.values(once.replica.entries)).toEqual([n])
    }
  })

  check("with once=1 and a Last-Event-ID answers 204, which ends an EventSource", async (s) => {
    const { position } = await s.put("a", 1)
    const response = await s.ask("/stream?once=1", { headers: { "last-event-id": position } })

    expect(response.status).toEqual(204)
  })
}

function declareResume(check: Check, expect: Expect): void {
  check("resumes from the Last-Event-ID with the missed changes alone", async (s) => {
    await s.put("a", 1)
    const first = await (await s.stream()).caughtUp()
    await first.close()
    await s.put("b", 1)
    await s.put("b", 2)
    const { revision } = await s.put("c", 1)
    const headers = { "last-event-id": first.lastId! }
    const url = `${s.base}/stream?prefix=${s.prefix}`
    const second = await StreamReader.open(url, headers, first.replica)
    const frames: Frame[] = []
    for (let frame = await second.next(); frame?.type !== "status"; frame = await second.next()) {
      frames.push(frame!)
    }
    await second.close()

    expect(frames.map(({ type }) => type)).toEqual(["hello", "delta", "sync"])
    expect((frames[0] as { resumed?: boolean }).resumed).toEqual(true)
    const { changes } = frames[1] as Extract<Frame, { type: "delta" }>
    expect(changes.map(({ key }) => key).sort()).toEqual([`${s.prefix}b`, `${s.prefix}c`])
    expect(Number(second.lastId!.split(".")[1]) >= revision).toEqual(true)
  })

  check("resumes an unfiltered stream, a two-part since, and a list", async (s) => {
    const { position } = await s.put("a", 1)
    const hello = await (await s.stream(`since=${position}`)).until("hello")
    const filtered = await s.stream(`prefix=${s.prefix}&since=${position}`)

    expect(hello.resumed).toEqual(true)
    expect((await filtered.until("hello")).resumed).toEqual(true)
  })

  check("prefers the Last-Event-ID to since, and ignores an empty one", async (s) => {
    const { position } = await s.put("a", 1)
    const [epoch] = position.split(".")
    const own = await s.stream(`since=${epoch}.0`, { "last-event-id": position })
    const empty = await s.stream(`since=${position}`, { "last-event-id": "" })

    expect((await own.until("hello")).resumed).toEqual(true)
    expect((await empty.until("hello")).resumed).toEqual(true)
  })

  check("sends a snapshot without a reset to a reader at revision 0", async (s) => {
    const stream = await (await s.stream(`prefix=${s.prefix}&since=other.0`)).caughtUp()

    expect(stream.heard).toEqual(["comment", "hello", "sync", "status"])
  })

  const resets: [string, (position: string, view: string) => [string, Record<string, string>]][] = [
    ["epoch-changed", () => ["since=another-epoch.7", {}]],
    ["view-changed", (position) => ["prefix=x", { "last-event-id": position }]],
    ["view-changed", (position, view) => ["", { "last-event-id": `${position}.${view}` }]],
    ["view-changed", (position, view) => [`prefix=x&since=${position}.${view}`, {}]],
  ]
  for (const [reason, requestOf] of resets) {
    const example = requestOf("e.1", "0badcafe")
    check(`begins again with reset ${reason}: ${JSON.stringify(example)}`, async (s) => {
      const { position } = await s.put("a", 1)
      const [query, headers] = requestOf(position, "0badcafe")
      const stream = await s.stream(query, headers)
      const hello = await stream.until("hello")
      const reset = await stream.until("reset")
      await stream.caughtUp()

      expect(hello.resumed).toEqual(false)
      expect(reset.reason).toEqual(reason)
      expect(reset.id).toEqual(`${hello.epoch}.0`)
    })
  }

  check("begins again with reset ahead when the source itself is below", async (s) => {
    const { position } = await s.put("a", 1)
    const [epoch, revision] = position.split(".")
    const stream = await s.stream(`since=${epoch}.${Number(revision) + 1_000}`)

    expect((await stream.until("reset")).reason).toEqual("ahead")
  })
}

function declareStreamErrors(check: Check, expect: Expect): void {
  const long = `e.${"1".repeat(130)}`
  const malformed = [
    "since=x",
    "since=e.01",
    "since=e.-1",
    "since=e.1.2",
    "since=.1",
    `since=${long}`,
  ]
  for (const query of malformed) {
    check(`refuses the malformed position of ${query.slice(0, 20)}`, async (s) => {
      await refused(expect, await s.ask(`/stream?${query}`), 400, "ERR_POSITION_MALFORMED")
    })
  }
  check("refuses a malformed Last-Event-ID", async (s) => {
    const response = await s.ask("/stream", { headers: { "last-event-id": "nonsense" } })
    await refused(expect, response, 400, "ERR_POSITION_MALFORMED")
  })
  const wrong = [
    "prefixx=a",
    "policy=fast",
    "once=yes",
    "once=1&once=1",
    "prefix=%ff",
    "prefix=%E0%A4",
  ]
  for (const query of wrong) {
    check(`refuses ?${query}`, async (s) => {
      await refused(expect, await s.ask(`/stream?${query}`), 400, "ERR_REQUEST_INVALID")
    })
  }
  check("refuses more keys and prefixes than a view has, and a URL that is too long", async (s) => {
    const many = (name: string, count: number) =>
      new URLSearchParams(Array.from({ length: count }, (_, n) => [name, `${n}`]))
    for (const query of [
      `${many("key", 257)}`,
      `${many("prefix", 257)}`,
      `${many("key", 129)}&${many("prefix", 128)}`,
    ]) {
      await refused(expect, await s.ask(`/stream?${query}`), 400, "ERR_REQUEST_INVALID")
    }
    const response = await s.ask(`/entries?prefix=${"k".repeat(40_000)}`)
    await response.body?.cancel()
    expect([413, 414, 431].includes(response.status), `${response.status}`).toEqual(true)
  })
  check("refuses an empty and a long key of a view", async (s) => {
    await refused(expect, await s.ask("/stream?key="), 400, "ERR_KEY_INVALID")
    const long = "k".repeat(4_097)
    await refused(expect, await s.ask(`/stream?key=${long}`), 400, "ERR_KEY_INVALID")
  })
  check("refuses an unknown topic and another method", async (s) => {
    const other = await fetch(`${s.under.url}/v1/topics/none/stream`)
    await refused(expect, other, 404, "ERR_TOPIC_UNKNOWN")
    const post = await s.ask("/stream", { method: "POST" })
    expect(post.headers.get("allow")).toEqual("GET, HEAD")
    await refused(expect, post, 405, "ERR_METHOD")
  })
  check("answers HEAD with the headers of a stream, and no stream", async (s) => {
    const response = await s.ask("/stream", { method: "HEAD" })

    expect(response.headers.get("content-type")).toEqual("text/event-stream")
    expect(await response.text()).toEqual("")
  })
}

function declareEntry(check: Check, expect: Expect): void {
  check("returns a value byte for byte, with its revision, position and ETag", async (s) => {
    const text = '{ "big": 12345678901234567890, "a": 1, "a": 2, "e": "\\u00e9" }\n'
    const path = `/entry?key=${encodeURIComponent(`${s.prefix}ü ?&=/é`)}`
    const put = await s.ask(path, { method: "PUT", headers: JSON_TYPE, body: text })
    const { revision, position } = await put.json()
    await (await s.stream("")).reached(revision)
    const response = await s.ask(path)

    expect(await response.text()).toEqual(text)
    expect(Object.fromEntries(response.headers)).toEqual({
      ...Object.fromEntries(response.headers),
      "content-type": "application/json",
      "headwater-revision": String(revision),
      "headwater-position": position,
      etag: `"${position}"`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
      "cache-control": "private, no-cache",
    })
  })

  check("answers 304 to a client that has the value, by weak comparison", async (s) => {
    const { revision, position } = await s.put("a", 1)
    await (await s.stream("")).reached(revision)
    const path = `/entry?key=${s.prefix}a`
    for (const tag of [`"${position}"`, `W/"${position}"`, `"x", "${position}"`, "*"]) {
      const response = await s.ask(path, { headers: { "if-none-match": tag } })
      expect(response.status, tag).toEqual(304)
    }
    const response = await s.ask(path, { headers: { "if-none-match": '"other.1"' } })
    expect(response.status).toEqual(200)
  })

  check("answers HEAD as GET without the value", async (s) => {
    const { revision } = await s.put("a", "four")
    await (await s.stream("")).reached(revision)
    const response = await s.ask(`/entry?key=${s.prefix}a`, { method: "HEAD" })

    expect([response.status, response.headers.get("headwater-revision")]).toEqual([
      200,
      String(revision),
    ])
    expect(await response.text()).toEqual("")
  })

  check("answers 404 for an absent key, still with the position", async (s) => {
    const response = await s.ask(`/entry?key=${s.prefix}none`)

    expect(/^[\w-]+\.\d+$/.test(response.headers.get("headwater-position") ?? "")).toEqual(true)
    expect(response.headers.get("cache-control")).toEqual("no-store")
    await refused(expect, response, 404, "ERR_KEY_ABSENT")
    const gone = await s.ask(`/entry?key=${s.prefix}none`, { method: "DELETE" })
    await refused(expect, gone, 404, "ERR_KEY_ABSENT")
  })

  check("takes keys as paths, decoded once", async (s) => {
    const name = `${s.prefix}a b/%2F`
    const path = `/entries/${name.split("/").map(encodeURIComponent).join("/")}`
    const put = await s.ask(path, { method: "PUT", headers: JSON_TYPE, body: "1" })
    await (await s.stream("")).reached((await put.json()).revision)

    expect((await s.ask(`/entry?key=${encodeURIComponent(name)}`)).status).toEqual(200)
    expect((await s.ask(path)).status).toEqual(200)
    expect((await s.ask(path, { method: "DELETE" })).status).toEqual(200)
  })

  const badPaths = ["", "a//b", "a/", "/a", "%ff", "a/%2E%2E%2Fb", "%2Fa"]
  for (const path of badPaths) {
    check(`refuses a key that a path cannot carry: ${JSON.stringify(path)}`, async (s) => {
      await refused(expect, await s.ask(`/entries/${path}`), 400, "ERR_KEY_INVALID")
    })
  }
  check("refuses an empty, a long and a missing key", async (s) => {
    for (const query of ["", "?key=", `?key=${"é".repeat(2_049)}`]) {
      await refused(expect, await s.ask(`/entry${query}`), 400, "ERR_KEY_INVALID")
    }
    await refused(expect, await s.ask("/entry?key=%ff"), 400, "ERR_REQUEST_INVALID")
    await refused(expect, await s.ask("/entry?key=a&key=b"), 400, "ERR_REQUEST_INVALID")
  })
}

function declareConditions(check: Check, expect: Expect): void {
  const putIf = (s: Scene, headers: Record<string, string>) =>
    s.ask(`/entry?key=${s.prefix}a`, {
      method: "PUT",
      headers: { ...JSON_TYPE, ...headers },
      body: "9",
    })

  check("creates with If-None-Match: * an absent entry alone", async (s) => {
    expect((await putIf(s, { "if-none-match": "*" })).status).toEqual(200)
    const again = await putIf(s, { "if-none-match": "*" })
    const { revision } = await again.clone().json()

    expect(again.headers.get("headwater-revision")).toEqual(String(revision))
    await refused(expect, again, 412, "ERR_CONFLICT")
  })

  check("replaces with If-Match an entry at that revision alone", async (s) => {
    for (const tagOf of [
      (position: string) => `"${position}"`,
      (position: string) => `W/"${position}"`,
      (position: string) => position.split(".")[1]!,
      () => "*",
    ]) {
      const { position } = await s.put("a", 1)
      expect((await putIf(s, { "if-match": tagOf(position) })).status).toEqual(200)
    }
    const { position } = await s.put("a", 2)
    const { revision } = await s.put("a", 3)
    const late = await putIf(s, { "if-match": `"${position}"` })
    expect((await late.clone().json()).revision).toEqual(revision)
    await refused(expect, late, 412, "ERR_CONFLICT")
    await refused(expect, await putIf(s, { "if-match": '"other.1"' }), 412, "ERR_CONFLICT")
  })

  check("replaces with If-Match no absent entry", async (s) => {
    await refused(expect, await putIf(s, { "if-match": "*" }), 412, "ERR_CONFLICT")
    await refused(expect, await putIf(s, { "if-match": "7" }), 412, "ERR_CONFLICT")
  })

  check("deletes with If-Match an entry at that revision alone", async (s) => {
    const first = await s.put("a", 1)
    const second = await s.put("a", 2)
    const path = `/entry?key=${s.prefix}a`
    const deleteIf = (position: string) =>
      s.ask(path, { method: "DELETE", headers: { "if-match": `"${position}"` } })

    await refused(expect, await deleteIf(first.position), 412, "ERR_CONFLICT")
    expect((await deleteIf(second.position)).status).toEqual(200)
    await refused(expect, await deleteIf(second.position), 404, "ERR_KEY_ABSENT")
  })

  for (const headers of [
    { "if-match": "nonsense" },
    { "if-match": '"a.1", "a.2"' },
    { "if-match": "0" },
    { "if-none-match": '"a.1"' },
    { "if-match": "*", "if-none-match": "*" },
  ] as Record<string, string>[]) {
    check(`refuses the condition ${JSON.stringify(headers)}`, async (s) => {
      await refused(expect, await putIf(s, headers), 400, "ERR_REQUEST_INVALID")
    })
  }
}

function declareKinds(check: Check, expect: Expect): void {
  const kinds = [
    ["text", "text/plain; charset=utf-8", 'grüße "\\\n\u0001', 'grüße "\\\n\u0001'],
    ["binary", "application/octet-stream", "\u0000ÿ", "AMO/"],
  ] as const
  for (const [kind, type, body, onTheWire] of kinds) {
    check(`keeps ${kind} as it was put, and writes it into JSON`, async (s) => {
      const url = `${s.under.url}/v1/topics/${s.under.topics[kind]}`
      const path = `${url}/entry?key=${s.prefix}a`
      const put = await fetch(path, { method: "PUT", headers: { "content-type": type }, body })
      const { revision } = await put.json()
      const stream = await StreamReader.open(`${url}/stream?prefix=${s.prefix}`)
      await stream.reached(revision)
      await stream.close()
      const response = await fetch(path)

      expect(response.headers.get("content-type")).toEqual(type)
      expect(await response.text()).toEqual(body)
      expect(stream.replica.entries).toEqual({ [`${s.prefix}a`]: onTheWire })
    })
  }

  check("takes only values of the topic's kind, declared as such", async (s) => {
    const put = (topic: string, type: string | undefined, body: BodyInit) =>
      fetch(`${s.under.url}/v1/topics/${topic}/entry?key=${s.prefix}a`, {
        method: "PUT",
        headers: type === undefined ? {} : { "content-type": type },
        body,
      })
    const { json, text } = s.under.topics
    const bytes = new Uint8Array([0xff, 0xfe])
    await refused(expect, await put(json, "text/plain", "1"), 415, "ERR_MEDIA_TYPE")
    await refused(expect, await put(json, undefined, bytes), 415, "ERR_MEDIA_TYPE")
    await refused(expect, await put(text, "text/plain; charset=latin1", "1"), 415, "ERR_MEDIA_TYPE")
    const type = "application/json"
    for (const body of ["", "{", "undefined", "\ufeff1", "1 2", bytes]) {
      await refused(expect, await put(json, type, body), 400, "ERR_VALUE_INVALID")
    }
    await refused(expect, await put(text, "text/plain", bytes), 400, "ERR_VALUE_INVALID")
    const large = JSON.stringify("x".repeat(1_048_576))
    await refused(expect, await put(json, type, large), 413, "ERR_TOO_LARGE")
  })

  check("takes a value nested 100 deep, and none deeper, by PUT and by batch", async (s) => {
    const put = (body: string) =>
      s.ask(`/entry?key=${s.prefix}a`, { method: "PUT", headers: JSON_TYPE, body })
    const post = (value: string) => {
      const body = `{"changes":[{"op":"put","key":"${s.prefix}b","value":${value}}]}`
      return s.ask("/batch", { method: "POST", headers: JSON_TYPE, body })
    }
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`
    for (const write of [put, post]) {
      expect((await write(nested(100))).status).toEqual(200)
      expect((await write(`"${"[".repeat(101)}"`)).status).toEqual(200)
      for (const depth of [101, 20_000, 200_000]) {
        await refused(expect, await write(nested(depth)), 400, "ERR_VALUE_INVALID")
      }
      await refused(expect, await write('{"a":'.repeat(20_000)), 400, "ERR_VALUE_INVALID")
    }
  })

  check("takes no body that is coded, or a part", async (s) => {
    const write = (path: string, method: string, headers: Record<string, string>) =>
      s.ask(path, { method, headers: { ...JSON_TYPE, ...headers }, body: "1" })
    const paths = [
      [`/entry?key=${s.prefix}a`, "PUT"],
      [`/entries/${s.prefix}a`, "PUT"],
      ["/batch", "POST"],
    ] as const
    for (const [path, method] of paths) {
      for (const coding of ["gzip", "br", "zstd", "deflate", "identity, gzip", "x-gzip"]) {
        const response = await write(path, method, { "content-encoding": coding })
        expect(response.headers.get("accept-encoding")).toEqual("identity")
        await refused(expect, response, 415, "ERR_MEDIA_TYPE")
      }
      const part = await write(path, method, { "content-range": "bytes 0-0/2" })
      await refused(expect, part, 400, "ERR_REQUEST_INVALID")
      const latin = await write(path, method, {
        "content-type": "application/json; charset=latin1",
      })
      await refused(expect, latin, 415, "ERR_MEDIA_TYPE")
    }
    const plain = { "content-encoding": "identity" }
    expect((await write(paths[0][0], "PUT", plain)).status).toEqual(200)
  })

  check("sends line breaks of JSON as spaces, and the value unchanged", async (s) => {
    const text = '{\r\n  "a": [1,\n 2]\r}'
    const path = `/entry?key=${s.prefix}a`
    const put = await s.ask(path, { method: "PUT", headers: JSON_TYPE, body: text })
    const stream = await (await s.stream()).reached((await put.json()).revision)

    expect(stream.replica.entries).toEqual({ [`${s.prefix}a`]: { a: [1, 2] } })
    expect(await (await s.ask(path)).text()).toEqual(text)
  })
}

function declareLists(check: Check, expect: Expect): void {
  check("lists a prefix as of one position, from which a stream goes on", async (s) => {
    await s.put("a", 1)
    const { revision } = await s.put("b", [2])
    await (await s.stream("")).reached(revision)
    const response = await s.ask(`/entries?prefix=${s.prefix}`)
    const list = await response.json()
    const entries = list.entries as { key: string; value: unknown; revision: number }[]

    expect(list.position).toEqual(`${list.epoch}.${list.revision}`)
    expect(response.headers.get("headwater-position")).toEqual(list.position)
    const view = list.id.split(".")[2]
    expect(response.headers.get("etag")?.replace(/[0-9a-f]{16}-json"$/, "")).toEqual(
      `"${list.position}-${view}`,
    )
    expect(entries.sort((a, b) => a.revision - b.revision)).toEqual([
      { key: `${s.prefix}a`, value: 1, revision: revision - 1 },
      { key: `${s.prefix}b`, value: [2], revision },
    ])
    const etag = response.headers.get("etag")!
    const path = `/entries?prefix=${s.prefix}`
    expect((await s.ask(path, { headers: { "if-none-match": etag } })).status).toEqual(304)
    const stream = await s.stream(`prefix=${s.prefix}&since=${list.position}`)
    expect((await stream.until("hello")).resumed).toEqual(true)
  })

  check("lists by pages and by lines, as of one position", async (s) => {
    for (const name of ["a", "b", "c"]) await s.put(name, [name, "},{"])
    const accept = { headers: { accept: "application/x-ndjson" } }
    const first = await (await s.ask(`/entries?prefix=${s.prefix}&limit=2`)).json()
    await s.put("d", 1)
    const rest = await s.ask(`/entries?prefix=${s.prefix}&after=${first.next}`, accept)
    const [head, last, end] = (await rest.text())
      .trimEnd()
      .split("\n")
      .map((x) => JSON.parse(x))

    expect(rest.headers.get("content-type")).toEqual("application/x-ndjson")
    expect([head.position, end]).toEqual([first.position, { end: true, entries: 1 }])
    const values = [...first.entries, last].map(({ value }) => value[0]).sort()
    expect(values).toEqual(["a", "b", "c"])
    const gone = await s.ask(`/entries?prefix=${s.prefix}&after=none`)
    await refused(expect, gone, 410, "ERR_PAGE_GONE")
  })

  check("lists nothing as an empty list", async (s) => {
    expect((await (await s.ask(`/entries?prefix=${s.prefix}`)).json()).entries).toEqual([])
    expect((await s.ask("/entries?prefix=a&prefix=b")).status).toEqual(400)
    expect((await s.ask("/entries", { method: "HEAD" })).status).toEqual(200)
  })

  check("describes a topic", async (s) => {
    const { revision } = await s.put("a", 1)
    await (await s.stream("")).reached(revision)
    const topic = await (await s.ask("")).json()
    const { topics } = await (await fetch(`${s.under.url}/v1/topics`)).json()

    expect(Object.keys(topic).sort()).toEqual(
      [
        ..."topic source values epoch revision position entries bytes digest status".split(" "),
        ..."statusSince lastContact invalid invalidSample".split(" "),
        ..."oldestPosition rules subscribers writable".split(" "),
      ].sort(),
    )
    expect([topic.topic, topic.values, topic.status, topic.writable]).toEqual([
      s.under.topics.json,
      "json",
      "in-sync",
      true,
    ])
    expect(topic.position).toEqual(`${topic.epoch}.${topic.revision}`)
    expect(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(topic.statusSince)).toEqual(true)
    expect(topics.map(({ topic }: { topic: string }) => topic)).toEqual(
      Object.values(s.under.topics),
    )
  })

  check("is alive, and ready once every topic has been in sync", async (s) => {
    await s.stream().then((stream) => stream.caughtUp())
    expect((await fetch(`${s.under.url}/healthz`)).status).toEqual(200)
    expect((await fetch(`${s.under.url}/readyz`)).status).toEqual(200)
    expect((await fetch(`${s.under.url}/readyz?strict=1`)).status).toEqual(200)
  })
}

function declareBlocking(check: Check, expect: Expect): void {
  check("answers a blocking GET when an entry of it changes, and never below since", async (s) => {
    const key = encodeURIComponent(`${s.prefix}a`)
    const paths = [`/entry?key=${key}&`, `/entries/${s.prefix}a?`, `/entries?prefix=${s.prefix}&`]
    let { position } = await s.put("a", 0)
    for (const path of paths) {
      await s.ask(`${path}at-least=${position}`)
      const asking = s.ask(`${path}since=${position}&wait=30000`)
      const written = await s.put("a", path)
      const answer = await asking
      position = answer.headers.get("headwater-position")!
      const body = await answer.json()

      expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"])
      expect(body.entries?.[0].value ?? body).toEqual(path)
      expect(Number(position.split(".")[1]) >= written.revision).toEqual(true)
    }
    const quiet = await s.ask(`/entry?key=${key}&since=${position}&wait=50`)
    expect([quiet.status, await quiet.json()]).toEqual([200, paths.at(-1)])
  })

  check("waits for at-least, and refuses another epoch and a malformed position", async (s) => {
    const { position } = await s.put("a", 1)
    const key = encodeURIComponent(`${s.prefix}a`)
    expect(await (await s.ask(`/entry?key=${key}&at-least=${position}`)).json()).toEqual(1)
    const other = await s.ask(`/entry?key=${key}&at-least=other.1`)
    await refused(expect, other, 409, "ERR_EPOCH_CHANGED")
    expect((await (await s.ask(`?at-least=${position}`)).json()).topic).toEqual(
      s.base.split("/").at(-1),
    )
    const bad = await s.ask(`/entries?at-least=7`)
    await refused(expect, bad, 400, "ERR_POSITION_MALFORMED")
    const alone = await s.ask(`/entries?wait=7`)
    await refused(expect, alone, 400, "ERR_REQUEST_INVALID")
  })
}

function declareBatch(check: Check, expect: Expect): void {
  const post = (s: Scene, body: unknown, type = "application/json") =>
    s.ask("/batch", {
      method: "POST",
      headers: { "content-type": type },
      body: typeof body === "string" ? body : JSON.stringify(body),
    })

  check("writes all of a batch at one revision, values byte for byte", async (s) => {
    await s.put("gone", 1)
    const key = JSON.stringify(`${s.prefix}kept`)
    const value = '{"n" : 12345678901234567890, "d":1, "d":2, "e":"\\u0041"}'
    const body = `{"changes": [ {"op":"put","key":${key},"value": ${value} },
      {"op":"delete","key":"${s.prefix}gone"}, {"op":"put","key":"${s.prefix}null","value":null} ]}`
    const response = await post(s, body)
    const { revision, position } = await response.json()
    const stream = await (await s.stream()).reached(revision)

    expect(response.status).toEqual(200)
    expect(position.split(".")[1]).toEqual(String(revision))
    expect(Object.keys(stream.replica.entries)).toEqual([`${s.prefix}kept`, `${s.prefix}null`])
    expect(await (await s.ask(`/entry?key=${s.prefix}kept`)).text()).toEqual(value)
  })

  check("writes nothing of a batch when a condition fails, and names it", async (s) => {
    const { revision } = await s.put("a", 1)
    const changes = [{ op: "put", key: `${s.prefix}b`, value: 1 }]
    const holds = { key: `${s.prefix}a`, revision }
    const fails = { key: `${s.prefix}b`, revision: 3 }
    const response = await post(s, { if: [holds, fails], changes })

    expect((await response.clone().json()).failed).toEqual([{ key: `${s.prefix}b`, revision: 0 }])
    await refused(expect, response, 412, "ERR_CONFLICT")
    expect((await post(s, { if: [holds, { ...fails, revision: 0 }], changes })).status).toEqual(200)
  })

  check("takes text and base64 in batches of the other kinds", async (s) => {
    const { text, binary } = s.under.topics
    for (const [topic, value, bytes] of [
      [text, 'a"ü', 'a"ü'],
      [binary, "AAE=", "\u0000\u0001"],
    ] as const) {
      const url = `${s.under.url}/v1/topics/${topic}`
      const changes = [{ op: "put", key: `${s.prefix}b`, value }]
      const response = await fetch(`${url}/batch`, {
        method: "POST",
        headers: JSON_TYPE,
        body: JSON.stringify({ changes }),
      })
      const stream = await StreamReader.open(`${url}/stream`)
      await stream.reached((await response.json()).revision)
      await stream.close()
      expect(await (await fetch(`${url}/entry?key=${s.prefix}b`)).text()).toEqual(bytes)
    }
  })

  const put = { op: "put", key: "k", value: 1 }
  const bad: unknown[] = [
    "",
    "{",
    "[]",
    "null",
    {},
    { changes: [] },
    { changes: {} },
    { changes: [put], extra: 1 },
    { changes: [put, put] },
    { changes: [{ op: "put", key: "k" }] },
    { changes: [{ op: "delete", key: "k", value: 1 }] },
    { changes: [{ op: "move", key: "k" }] },
    { changes: ["k"] },
    { if: [{ key: "k" }], changes: [put] },
    { if: [{ key: "k", revision: -1 }], changes: [put] },
    { if: [{ key: "k", revision: "1" }], changes: [put] },
    { changes: Array.from({ length: 129 }, (_, n) => ({ ...put, key: `${n}` })) },
    '{"changes":[], "changes":[{"op":"delete","key":"k"}]}',
    `{"changes":[${'{"op":"delete","key":"k"},'.repeat(100_000)}]}`,
    `{"changes":[{"op":"put","key":"k","value":[${"1,".repeat(400_000)}]}]}`,
    '{"changes":[{"op":"delete","key":"k"}]} {}',
    '{"changes":[{"op":"delete","key":"k"},]}',
    '{"changes":[{"op":"delete","key":"k","\\u006fp":"delete"}]}',
  ]
  for (const body of bad) {
    check(`refuses the batch ${JSON.stringify(body).slice(0, 60)}`, async (s) => {
      await refused(expect, await post(s, body), 400, "ERR_REQUEST_INVALID")
    })
  }
  check("refuses keys, types and sizes of batches", async (s) => {
    const of = (key: unknown) => ({ changes: [{ op: "delete", key }] })
    for (const key of ["", 7, "k".repeat(4_097), "\ud800"]) {
      await refused(expect, await post(s, of(key)), 400, "ERR_KEY_INVALID")
    }
    await refused(expect, await post(s, of("k"), "text/plain"), 415, "ERR_MEDIA_TYPE")
    for (const bytes of [1_048_575, 5_000_000]) {
      const large = JSON.stringify({ changes: [{ ...put, value: "x".repeat(bytes) }] })
      await refused(expect, await post(s, large), 413, "ERR_TOO_LARGE")
    }
    const conditions = [{ "if-match": "*" }, { "if-none-match": "*" }] as Record<string, string>[]
    for (const headers of conditions) {
      const body = JSON.stringify(of(`${s.prefix}k`))
      const init = { method: "POST", headers: { ...JSON_TYPE, ...headers }, body }
      await refused(expect, await s.ask("/batch", init), 400, "ERR_REQUEST_INVALID")
    }
  })
}

function declareRefusals(check: Check, expect: Expect): void {
  check("refuses writes of a topic that is read-only", async (s) => {
    const url = `${s.under.url}/v1/topics/${s.under.topics.readOnly}`
    const requests: [string, RequestInit][] = [
      ["/entry?key=a", { method: "PUT", headers: JSON_TYPE, body: "1" }],
      ["/entry?key=a", { method: "DELETE" }],
      ["/batch", { method: "POST", headers: JSON_TYPE, body: "{}" }],
    ]
    for (const [path, init] of requests) {
      const response = await fetch(`${url}${path}`, init)
      expect(response.headers.get("allow")).toEqual("GET, HEAD")
      await refused(expect, response, 405, "ERR_NOT_WRITABLE")
    }
  })

  check("refuses writes of a page of another origin", async (s) => {
    const put = (origin: string) =>
      s.ask(`/entry?key=${s.prefix}a`, {
        method: "PUT",
        headers: { ...JSON_TYPE, origin },
        body: "1",
      })
    await refused(expect, await put("https://example.org"), 403, "ERR_FORBIDDEN")
    await refused(expect, await put("null"), 403, "ERR_FORBIDDEN")
    expect((await put(s.under.url)).status).toEqual(200)
    const read = await s.ask(`/entry?key=${s.prefix}a`, { headers: { origin: "https://e.org" } })
    expect(read.headers.get("access-control-allow-origin")).toEqual(null)
  })

  check("answers a wrong method with the methods of the resource", async (s) => {
    const table: [string, string, string][] = [
      ["/entry?key=a", "POST", "GET, HEAD, PUT, DELETE"],
      ["/entries/a", "PATCH", "GET, HEAD, PUT, DELETE"],
      ["/entries", "DELETE", "GET, HEAD"],
      ["/batch", "GET", "POST"],
      ["", "PUT", "GET, HEAD"],
    ]
    for (const [path, method, methods] of table) {
      const response = await s.ask(path, { method })
      expect(response.headers.get("allow"), path).toEqual(methods)
      await refused(expect, response, 405, "ERR_METHOD")
    }
  })

  check("forbids browsers to guess a type or run anything, in every answer", async (s) => {
    const { position } = await s.put("a", 1)
    const batch = { changes: [{ op: "put", key: `${s.prefix}b`, value: 1 }] }
    const requests: [string, RequestInit?][] = [
      [""],
      [`/entry?key=${s.prefix}a&at-least=${position}`],
      [`/entry?key=${s.prefix}a`, { method: "HEAD" }],
      [`/entry?key=${s.prefix}a`, { headers: { "if-none-match": "*" } }],
      [`/entry?key=${s.prefix}none`],
      [`/entry?key=${s.prefix}a`, { method: "PUT", headers: JSON_TYPE, body: "1" }],
      [`/stream?prefix=${s.prefix}&once=1`],
      [`/entries?prefix=${s.prefix}`],
      [`/entries?prefix=${s.prefix}`, { headers: { accept: "application/x-ndjson" } }],
      ["/batch", { method: "POST", headers: JSON_TYPE, body: JSON.stringify(batch) }],
      ["/batch", { method: "POST", headers: JSON_TYPE, body: "{}" }],
      ["/entries?x=1"],
    ]
    const answers = await Promise.all([
      ...requests.map(([path, init]) => s.ask(path, init)),
      ...["/v1/topics", "/healthz", "/readyz", "/none"].map((path) => fetch(s.under.url + path)),
    ])
    for (const { headers, url, status } of answers) {
      const safety = ["x-content-type-options", "content-security-policy"].map((x) =>
        headers.get(x),
      )
      expect(safety, `${status} ${url}`).toEqual(["nosniff", "sandbox"])
    }
  })

  check("answers 404 to any other path", async (s) => {
    for (const path of ["/v1", "/v2/topics", "/nothing", "/v1/topics/none/what"]) {
      await refused(expect, await fetch(`${s.under.url}${path}`), 404, "ERR_NOT_FOUND")
    }
    const unknown = await fetch(`${s.under.url}/v1/topics/none`)
    await refused(expect, unknown, 404, "ERR_TOPIC_UNKNOWN")
    await refused(expect, await s.ask("?x=1"), 400, "ERR_REQUEST_INVALID")
  })
}

function declareLater(check: Check, expect: Expect): void {
  check("answers 501 to a reserved resource", async (s) => {
    const { url } = s.under
    await refused(expect, await fetch(`${url}/openapi.json`), 501, "ERR_NOT_IMPLEMENTED")
    const ttl = { method: "PUT", headers: JSON_TYPE, body: "1" }
    await refused(expect, await s.ask("/entry?key=a&ttl=1", ttl), 501, "ERR_NOT_IMPLEMENTED")
  })
}

/** An error of the table: status, code, JSON that says what to do, and no stack. */
async function refused(
  expect: Expect,
  response: Response,
  status: number,
  code: string,
): Promise<void> {
  const text = await response.text()
  const body = decodeErrorBody(text)
  expect([response.status, body?.code], `${response.url}: ${text}`).toEqual([status, code])
  expect(/\bat .*:\d+:\d+|node_modules|\.ts\b/.test(text), text).toEqual(false)
  expect(response.headers.get("cache-control"), response.url).toEqual("no-store")
}
