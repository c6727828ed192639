import { connect } from "node:net"
import {
  type Change,
  type ListPage,
  type Source,
  systemClock,
  type WatchEvent,
} from "@headwater/core"
import { sourceConformance } from "@headwater/testing/conformance"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Etcd2Source, etcd2Source } from "../src/sources/etcd2/index.ts"
import { contentOf, contentOfCache, Hub, never } from "./harness.ts"

const available = etcdAvailable()
if (!available && process.env.HEADWATER_REQUIRE_ETCD === "1") throw new Error("no etcd on the PATH")

const text = new TextDecoder()

/**
 * Sends a request on a connection of its own, after a short one: etcd 3.4 looks for the end of the
 * first request line within 4 KiB to tell HTTP from gRPC, and resets a connection without it. By
 * HTTP/1.0, the answer is not cut into chunks.
 */
function askAlone(
  method: string,
  url: string,
  body: URLSearchParams | null,
): Promise<{ readonly index: number; readonly text: string }> {
  const { hostname, port, pathname, search } = new URL(url)
  const sent = body === null ? "" : String(body)
  const type = body === null ? "" : "Content-Type: application/x-www-form-urlencoded\r\n"
  const head = `${method} ${pathname}${search} HTTP/1.0\r\nHost: etcd\r\n`
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname)
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.on("error", reject)
    socket.on("end", () => {
      const answer =
        Buffer.concat(chunks)
          .toString()
          .split(/HTTP\/1\.[01] /)
          .at(-1) ?? ""
      const [headers = "", ...text] = answer.split("\r\n\r\n")
      resolve({ index: Number(/x-etcd-index: (\d+)/i.exec(headers)?.[1]), text: text.join("") })
    })
    socket.write("GET /version HTTP/1.1\r\nHost: etcd\r\n\r\n")
    socket.write(`${head}${type}Content-Length: ${Buffer.byteLength(sent)}\r\n\r\n${sent}`)
  })
}

/** The keys API, as a writer uses it. */
class Files {
  readonly #url: string

  constructor(etcd: Etcd, prefix: string) {
    this.#url = `${etcd.url}/v2/keys${prefix}`
  }

  /** Resolves with the index. */
  async send(
    method: string,
    key: string,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const query = method === "DELETE" ? `?${new URLSearchParams(fields)}` : ""
    const path = key.split("/").map(encodeURIComponent).join("/")
    const body = method === "DELETE" ? null : new URLSearchParams(fields)
    const { index, text } = await askAlone(method, `${this.#url}${path}${query}`, body)
    const answer = JSON.parse(text) as { errorCode?: number; node: { modifiedIndex: number } }
    // What is absent is gone already.
    if (answer.errorCode === 100) return index
    if (answer.errorCode !== undefined) throw new Error(JSON.stringify(answer))
    return answer.node.modifiedIndex
  }

  async put(key: string, value: string): Promise<number> {
    return await this.send("PUT", key, { value })
  }

  /** Writes one key so often, some at once. */
  async putMany(key: string, count: number): Promise<void> {
    for (let written = 0; written < count; written += 250) {
      await Promise.all(Array.from({ length: 250 }, () => this.put(key, "1")))
    }
  }

  async apply(change: Change): Promise<number> {
    const { op, key } = change
    return op === "put" ? await this.put(key, text.decode(change.value)) : this.send("DELETE", key)
  }
}

/** The source with a `write` of one change, for a suite that writes to what it proves. */
function writable(source: Etcd2Source, files: Files): Source {
  const proxy = new Proxy(source as Source, {
    get(target, name) {
      if (name === "write") {
        return async ({ changes }: { changes: readonly Change[] }, signal: AbortSignal) => {
          signal.throwIfAborted()
          let revision = 0
          for (const change of changes) revision = await files.apply(change)
          return { written: true, revision }
        }
      }
      const member = Reflect.get(target, name, target)
      return typeof member === "function" ? member.bind(target) : member
    },
  })
  return proxy
}

describe.skipIf(!available)("etcd v2, when there is an etcd on the PATH", () => {
  let etcd: Etcd
  let prefixes = 0
  let prefix = ""

  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.dispose())
  beforeEach(() => {
    prefix = `/topic ${prefixes++}/`
  })

  const open = (catchUpMs = 5_000) =>
    etcd2Source({ endpoints: [etcd.url], prefix, clock: systemClock, catchUpMs })

  const LACKS = ["batches", "writes", "past", "bytes", "names", "progress"] as const
  sourceConformance(
    { describe, test, expect },
    "Etcd2Source",
    async () => {
      const source = open(Number.POSITIVE_INFINITY)
      const elsewhere = new Files(etcd, `/elsewhere ${prefixes}/`)
      return {
        source: writable(source, new Files(etcd, prefix)),
        // It keeps a thousand events, whatever they are of.
        compact: async () => {
          await elsewhere.putMany("a", 1_000)
        },
        openCalls: () => source.open,
        close: async () => {},
      }
    },
    LACKS,
  )

  describe("Etcd2Source", () => {
    let source: Etcd2Source
    let files: Files

    beforeEach(() => {
      source = open()
      files = new Files(etcd, prefix)
    })
    afterEach(() => source.close())

    /** The events of a watch from one revision up to another. */
    async function told(from: number, until: number): Promise<WatchEvent[]> {
      const events: WatchEvent[] = []
      for await (const event of source.watch(from, never)) {
        if (event.type === "progress") continue
        events.push(event)
        if (event.type !== "commits" || event.commits.some((one) => one.revision >= until)) break
      }
      return events
    }

    const commit = (revision: number, more: object) => ({
      type: "commits",
      commits: [{ revision, changes: [], ...more }],
    })
    const put = (key: string, value: string) => ({
      changes: [{ op: "put", key, value: new TextEncoder().encode(value) }],
    })
    const del = (key: string) => ({ changes: [{ op: "delete", key }] })

    test("ES-B12: list() tells every file, however deep, and no directory", async () => {
      const a = await files.put("a", "1")
      const deep = await files.put("b/c/d", "2")
      await files.send("PUT", "empty", { dir: "true" })
      const hidden = await files.put("_hidden", "3")
      const pages = []
      for await (const page of source.list({}, never)) pages.push(page)
      const identity = await source.identity(never)

      expect(await contentOf(source)).toEqual({ a: `1 at ${a}`, "b/c/d": `2 at ${deep}` })
      expect(pages.map(({ identity, revision }) => [identity, revision])).toEqual([
        [identity, hidden],
      ])
    })

    test("ES-B4: set, create, update and compareAndSwap are puts", async () => {
      const set = await files.put("a", "1")
      const create = await files.send("PUT", "b", { value: "2", prevExist: "false" })
      const update = await files.send("PUT", "b", { value: "3", prevExist: "true" })
      const swap = await files.send("PUT", "b", { value: "4", prevValue: "3" })

      expect(await told(set, swap)).toEqual([
        commit(set, put("a", "1")),
        commit(create, put("b", "2")),
        commit(update, put("b", "3")),
        commit(swap, put("b", "4")),
      ])
    })

    test("ES-B4: delete, compareAndDelete and expire are deletes", async () => {
      for (const key of ["a", "b"]) await files.put(key, "1")
      const brief = await files.send("PUT", "c", { value: "1", ttl: "1" })
      const deleted = await files.send("DELETE", "a")
      const compared = await files.send("DELETE", "b", { prevValue: "1" })
      const expired = compared + 1

      expect(await told(brief + 1, expired)).toEqual([
        commit(deleted, del("a")),
        commit(compared, del("b")),
        commit(expired, del("c")),
      ])
    })

    test("ES-B5: a directory that is made is nothing, one that is deleted goes whole", async () => {
      const first = await files.put("d/one", "1")
      await files.put("d/e/two", "2")
      const other = await files.put("d-not/three", "3")
      const made = await files.send("PUT", "f", { dir: "true" })
      const gone = await files.send("DELETE", "d", { recursive: "true" })
      const all = await files.send("DELETE", "", { recursive: "true" })

      expect(first < other).toBe(true)
      expect(await told(made, all)).toEqual([
        commit(made, {}),
        commit(gone, { directories: ["d"] }),
        commit(all, { directories: [""] }),
      ])
    })

    test("a directory in a file's place takes the file away", async () => {
      await files.put("a", "1")
      const replaced = await files.send("PUT", "a", { dir: "true" })

      expect(await told(replaced, replaced)).toEqual([commit(replaced, del("a"))])
    })

    test("a key that is too long is invalid, and reported", async () => {
      const key = "x".repeat(4_097)
      const written = await files.put(key, "1")
      const reason = "longer than 4096 bytes"
      const invalid = [{ key: key.slice(0, 200), reason, id: key }]
      const pages = []
      for await (const page of source.list({}, never)) pages.push(page)

      expect(pages.map(({ entries, invalid }) => [entries, invalid])).toEqual([[[], invalid]])
      expect(await told(written, written)).toEqual([commit(written, { invalid })])
      const deleted = await files.send("DELETE", key)
      expect(await told(deleted, deleted)).toEqual([commit(deleted, { gone: [key] })])
    })

    test("ES-B6: a history that was cleared while the watch was away is listed again", async () => {
      let cut = new AbortController()
      const cuttable = etcd2Source({
        endpoints: [etcd.url],
        prefix,
        clock: systemClock,
        fetch: async (input, init) => {
          if (!String(input).includes("wait=true")) return await fetch(input, init)
          const signal = AbortSignal.any([cut.signal, init?.signal ?? never])
          return await fetch(input, { ...init, signal })
        },
      })
      await files.put("a", "1")
      await files.put("d/b", "1")
      const hub = new Hub(cuttable, systemClock)
      await until(() => hub.cache.report.status === "in-sync")
      cut.abort()
      await files.send("DELETE", "d", { recursive: "true" })
      await new Files(etcd, "/elsewhere/").putMany("a", 1_000)
      await files.put("c", "2")
      cut = new AbortController()

      await until(() => hub.cache.current?.snapshot.has("c") === true)
      expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
      expect(hub.statuses.includes("resyncing")).toBe(true)
      await hub.stop()
      await cuttable.close()
    })

    test("a refresh appears in no watch, so each hub has its own epoch", async () => {
      await files.put("a", "1")
      const first = new Hub(source, systemClock, { seed: 1 })
      await until(() => first.cache.report.status === "in-sync")
      const refresh = { refresh: "true", ttl: "1000", prevExist: "true" }
      const refreshed = await files.send("PUT", "a", refresh)
      const other = open()
      const second = new Hub(other, systemClock, { seed: 2 })
      await until(() => second.cache.report.status === "in-sync")
      const last = await files.put("b", "2")
      for (const { cache } of [first, second]) await until(() => cache.position?.revision === last)

      expect(second.cache.get("a")?.revision).toBe(refreshed)
      expect(first.cache.get("a")?.revision).toBeLessThan(refreshed)
      expect(first.cache.epoch === second.cache.epoch).toBe(false)
      await first.stop()
      await second.stop()
      await other.close()
    })

    describe("a watch that is behind", () => {
      let requests = 0
      let slow: Etcd2Source
      let beforeEach: () => Promise<unknown>

      const openSlow = (catchUpMs: number) => {
        requests = 0
        slow = etcd2Source({
          endpoints: [etcd.url],
          prefix,
          clock: systemClock,
          catchUpMs,
          fetch: async (input, init) => {
            if (String(input).includes("wait=true")) {
              requests += 1
              await beforeEach()
            }
            return await fetch(input, init)
          },
        })
      }
      afterEach(() => slow.close())

      test("catches up, though an event comes with each of its requests", async () => {
        beforeEach = () => files.put("b", `${requests}`)
        openSlow(Number.POSITIVE_INFINITY)
        const written: number[] = []
        for (let index = 0; index < 20; index++) written.push(await files.put("a", `${index}`))
        const revisions: number[] = []
        for await (const event of slow.watch(written[0]!, never)) {
          if (event.type !== "commits") continue
          revisions.push(...event.commits.map(({ revision }) => revision))
          if (revisions.length === 30) for (let n = 0; n < 30; n++) await files.put("c", `${n}`)
          if (revisions.length >= 50) break
        }

        expect(revisions).toEqual(Array.from({ length: 50 }, (_, at) => written[0]! + at))
        expect(requests).toBeLessThan(30)
        expect(slow.open).toBe(0)
      })

      test("by far is listed instead", async () => {
        beforeEach = async () => {}
        openSlow(0)
        const first = await files.put("a", "1")
        await files.putMany("a", 500)
        const events: WatchEvent[] = []
        for await (const event of slow.watch(first, never)) events.push(event)

        expect(events.at(-1)).toEqual({ type: "lost", reason: "compacted" })
        expect(requests).toBeLessThan(100)
        expect(slow.open).toBe(0)
      })
    })

    test("a key that cannot be told from others is invalid", async () => {
      await fetch(`${etcd.url}/v2/keys${encodeURI(prefix)}%ff`, { method: "PUT", body: "value=1" })
      const pages: ListPage[] = []
      for await (const page of source.list({}, never)) pages.push(page)

      expect(pages).toMatchObject([
        { entries: [], invalid: [{ key: "\ufffd", reason: "not UTF-8, or has U+FFFD in it" }] },
      ])
    })

    test("a hub over it keeps in step with files and directories that come and go", async () => {
      for (let index = 0; index < 50; index++) await files.put(`d/${index % 7}/${index}`, "1")
      const hub = new Hub(source, systemClock)
      await until(() => hub.cache.report.status === "in-sync")
      for (let index = 0; index < 50; index++) {
        await files.put(`d/${index % 5}/${index}`, "2")
        if (index % 10 === 9) await files.send("DELETE", `d/${index % 7}`, { recursive: "true" })
      }
      const last = await files.put("last", "3")

      await until(() => hub.cache.current?.snapshot.has("last") === true)
      expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
      expect(hub.cache.position?.revision).toBe(last)
      await hub.stop()
    })

    test("another cluster at the same address is detected", async () => {
      await source.identity(never)
      const written = await files.put("a", "1")
      const other = await startEtcd()
      try {
        const moved = etcd2Source({
          endpoints: [etcd.url],
          prefix,
          clock: systemClock,
          fetch: (input, init) => fetch(String(input).replace(etcd.url, there), init),
        })
        let there = etcd.url
        await moved.identity(never)
        there = other.url
        const events: WatchEvent[] = []
        for await (const event of moved.watch(written, never)) events.push(event)

        expect(events).toEqual([{ type: "lost", reason: "replaced" }])
        await moved.close()
      } finally {
        await other.dispose()
      }
    })

    test("it begins at a directory, and speaks to the next endpoint when one is away", async () => {
      expect(() =>
        etcd2Source({ endpoints: [etcd.url], prefix: "/a", clock: systemClock }),
      ).toThrow(/a directory begins and ends with a slash/)
      const endpoints = ["http://127.0.0.1:1", etcd.url]
      const two = etcd2Source({ endpoints, prefix, clock: systemClock })
      const written = await files.put("a", "1")

      expect(await contentOf(two)).toEqual({ a: `1 at ${written}` })
      await two.close()
    })
  })
})

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!holds() && performance.now() < deadline) await systemClock.sleep(5, never)
  expect(holds()).toBe(true)
}
