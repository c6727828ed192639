import type { ListPage, ListRequest } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { type EtcdOptions, etcdSource } from "../src/sources/etcd/index.ts"

// Members that lag, or have lost their leader, said here by a script of their answers.

const never = new AbortController().signal
const kv = { key: btoa("/p/a"), value: btoa("1"), mod_revision: "3" }
const FUTURE = "etcdserver: mvcc: required revision is a future revision"

interface Asked {
  readonly host: string
  readonly serializable: boolean
  readonly revision: string | undefined
  readonly leader: string | null
}

/** Answers each read by what `answer` makes of it: a revision, or the text of a refusal. */
function scripted(
  answer: (asked: Asked, index: number) => number | string,
  options: Partial<EtcdOptions> = {},
) {
  const clock = new ManualClock()
  const asked: Asked[] = []
  const reply = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const { host } = new URL(String(input))
    const { serializable, revision } = JSON.parse(String(init?.body))
    const leader = new Headers(init?.headers).get("grpc-metadata-hasleader")
    asked.push({ host, serializable, revision, leader })
    const said = answer(asked.at(-1)!, asked.length)
    if (typeof said === "string") {
      return new Response(JSON.stringify({ error: said, code: 11 }), { status: 400 })
    }
    const header = { cluster_id: "1", revision: String(said) }
    return Response.json({ header, kvs: [kv], succeeded: true })
  }
  const endpoints = ["http://one.test:1", "http://two.test:1"]
  const fetch = reply as typeof globalThis.fetch
  const source = etcdSource({ endpoints, prefix: "/p/", fetch, clock, ...options })
  const list = async (request: ListRequest) => {
    const pages: ListPage[] = []
    for await (const page of source.list(request, never)) pages.push(page)
    return pages
  }
  return { clock, asked, source, list }
}

describe("EtcdSource.list(), with reads by any member", () => {
  const reads = { reads: "serializable" } as const

  test("ES-B9: asks no quorum where the member is there already", async () => {
    const { list, asked } = scripted(() => 7, reads)
    const pages = await list({ atLeast: 7 })

    expect(pages.map(({ revision }) => revision)).toEqual([7])
    expect(asked.map(({ serializable }) => serializable)).toEqual([true])
  })

  test("ES-B11, ES-E9: a member that lags is asked again, slower, then its leader is", async () => {
    const { list, asked, clock } = scripted(({ serializable }) => (serializable ? 6 : 8), reads)
    const listing = list({ atLeast: 7 })
    await clock.advance(100)
    const soon = asked.length
    await clock.advance(200)
    await clock.advance(400)

    expect((await listing).map(({ revision }) => revision)).toEqual([8])
    expect(soon).toBe(2)
    expect(asked.map(({ serializable }) => serializable)).toEqual([true, true, true, false])
    expect(clock.timers).toBe(0)
  })

  test("ES-B11: one that has not come to the revision asked for is passed over", async () => {
    const script = ({ serializable }: Asked) => (serializable ? FUTURE : 8)
    const { list, asked, clock } = scripted(script, reads)
    const listing = list({ at: 8 })
    await clock.advance(1_000)

    expect((await listing).length).toBe(1)
    expect(asked.map(({ revision }) => revision)).toEqual(["8", "8", "8", "8"])
  })

  test("ES-W2: a list by a quorum is linearizable", async () => {
    const { list, asked } = scripted(() => 7, reads)
    await list({ atLeast: 7, linearizable: true })

    expect(asked.map(({ serializable }) => serializable)).toEqual([false])
  })
})

describe("EtcdSource, with members that have no leader", () => {
  test("a read is asked of the next one at once, a write too, for nothing was done", async () => {
    const noLeader = "etcdserver: no leader"
    let without = "one.test:1"
    const script = ({ host }: Asked) => (host === without ? noLeader : 7)
    const { source, asked } = scripted(script, { write: true, marker: false })

    expect(await source.revision(never)).toBe(7)
    expect(asked.splice(0).map(({ host, leader }) => [host, leader])).toEqual([
      ["one.test:1", "true"],
      ["two.test:1", "true"],
    ])

    without = "two.test:1"
    const changes = [{ op: "delete", key: "a" }] as const
    const outcome = await source.write!({ conditions: [], changes }, never)

    expect(outcome).toEqual({ written: true, revision: 7 })
    expect(asked.map(({ host }) => host)).toEqual(["two.test:1", "one.test:1"])
  })

  test("a write waits for the next leader, and does not ask for one first", async () => {
    const { source, asked } = scripted(() => 7, { write: true, marker: false })
    const changes = [{ op: "put", key: "a", value: new Uint8Array() }] as const
    await source.write!({ conditions: [], changes }, never)

    expect(asked.map(({ leader }) => leader)).toEqual([null])
  })
})

describe("EtcdSource.list(), of an answer that is not etcd's", () => {
  test.each([
    '{"header":{"revision":"7"},"kvs":{}}',
    '{"header":{"revision":"7"},"kvs":null}',
    '{"header":{"revision":"7"},"kvs":[{"key":"YQ==","mod_revision":"1"},[]]}',
    '{"header":{"revision":"7"},"kvs":[1]}',
    '{"header":{"revision":"7"},"kvs":[{"key":"YQ==","mod_revision":"1"',
    '{"header":{"revision":"7"},"more":true}',
    "<html>busy</html>",
  ])("is not taken for an empty range: %s", async (text) => {
    const reply = async () => new Response(text)
    const endpoints = ["http://one.test:1"]
    const fetch = reply as typeof globalThis.fetch
    const source = etcdSource({ endpoints, prefix: "/p/", fetch, clock: new ManualClock() })
    const listing = (async () => {
      for await (const page of source.list({}, never)) expect(page.entries).toEqual([])
    })()

    await expect(listing).rejects.toMatchObject({ code: "ERR_SOURCE_FAILED" })
    expect(source.open).toBe(0)
  })

  test("nor is a transaction without what was asked in it", async () => {
    const { source, list } = scripted(() => 7, { marker: true })

    await expect(list({})).rejects.toThrow("what is not a range")
    expect(source.open).toBe(0)
  })
})

describe("EtcdSource.list(), by a slow connection", () => {
  const slow = () => {
    const clock = new ManualClock()
    let body: ReadableStreamDefaultController<Uint8Array> | undefined
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        body = controller
      },
    })
    const reply = async () => new Response(stream)
    const endpoints = ["http://one.test:1"]
    const fetch = reply as typeof globalThis.fetch
    const source = etcdSource({ endpoints, prefix: "/p/", fetch, clock })
    const first = source.list({}, never).next()
    const say = async (text: string) => {
      body?.enqueue(new TextEncoder().encode(text))
      await clock.advance(9_000)
    }
    return { clock, first, say, end: () => body?.close(), source }
  }

  test("takes as long as pieces come, one in ten seconds", async () => {
    const { clock, first, say, end } = slow()
    await clock.advance(1)
    const text = JSON.stringify({ header: { revision: "7" }, kvs: [kv] })
    for (let at = 0; at < text.length; at += 20) await say(text.slice(at, at + 20))
    end()

    expect((await first).value).toMatchObject({ revision: 7, entries: [{ key: "a" }] })
    expect(clock.timers).toBe(0)
  })

  test("fails when there is none for ten seconds", async () => {
    const { clock, first, say, source } = slow()
    const failed = expect(first).rejects.toThrow("did not answer within 10000 ms")
    await clock.advance(1)
    await say('{"header":')
    await clock.advance(1_001)

    await failed
    expect([clock.timers, source.open]).toEqual([0, 0])
  })
})
