import type { WatchEvent } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { etcdSource } from "../src/sources/etcd/index.ts"

// What a real etcd does seldom or late, said here by a script of its answers.

const never = new AbortController().signal
const utf8 = new TextEncoder()
const header = { cluster_id: "1", revision: "9" }

const event = (key: string, revision: number, value = "v") => ({
  kv: { key: btoa(`/p/${key}`), value: btoa(value), mod_revision: String(revision) },
})
const put = (key: string, value = "v") => ({ op: "put", key, value: utf8.encode(value) })

/** Answers each watch with the next script: texts as they come, and then silence or the end. */
function scripted(clock: ManualClock, ...scripts: (object | string)[][]) {
  const requests: { start_revision: string }[] = []
  let open = 0
  const answer = async (_input: unknown, init?: RequestInit): Promise<Response> => {
    requests.push(JSON.parse(String(init?.body)).create_request)
    const script = scripts.shift() ?? []
    const texts = script.map((one) => (typeof one === "string" ? one : `${JSON.stringify(one)}\n`))
    open += 1
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        init?.signal?.addEventListener("abort", () => {
          controller.error(init.signal?.reason)
        })
      },
      pull(controller) {
        const text = texts.shift()
        if (text === "END") controller.close()
        else if (text !== undefined) controller.enqueue(utf8.encode(text))
      },
    })
    return new Response(body)
  }
  const endpoints = ["http://etcd.test:2379"]
  const source = etcdSource({ endpoints, prefix: "/p/", fetch: answer as typeof fetch, clock })
  return { source, requests, opened: () => open }
}

/** Reads until the watch ends by itself. */
async function readAll(events: AsyncIterable<WatchEvent>): Promise<WatchEvent[]> {
  const told = []
  for await (const one of events) told.push(one)
  return told
}

const result = (more: object) => ({ result: { header, ...more } })

describe("EtcdSource.watch()", () => {
  test("reads fragments as the one answer that they are, a commit when it is whole", async () => {
    const { source } = scripted(new ManualClock(), [
      result({ created: true }),
      result({ fragment: true, events: [event("a", 10), event("b", 10)] }),
      result({ fragment: true, events: [event("c", 10), event("a", 11)] }),
      result({ events: [event("d", 11)] }),
      "END",
    ])

    expect(await readAll(source.watch(10, never))).toEqual([
      { type: "progress", revision: 9 },
      {
        type: "commits",
        commits: [{ revision: 10, changes: [put("a"), put("b"), put("c")] }],
      },
      { type: "commits", commits: [{ revision: 11, changes: [put("a"), put("d")] }] },
      { type: "lost", reason: "closed" },
    ])
  })

  test("a long answer is told in several steps, and none of them splits a commit", async () => {
    const count = 9_000
    const revisionAt = (index: number) => 10 + Math.floor(index / 100)
    const events = Array.from({ length: count }, (_, index) => event(`${index}`, revisionAt(index)))
    const { source } = scripted(new ManualClock(), [result({ events }), "END"])
    const told = (await readAll(source.watch(10, never))).flatMap((one) =>
      one.type === "commits" ? [one.commits] : [],
    )

    expect(told.length).toBeGreaterThan(2)
    const commits = told.flat()
    expect(commits.map(({ revision }) => revision)).toEqual(
      Array.from({ length: count / 100 }, (_, index) => 10 + index),
    )
    expect(commits.flatMap(({ changes }) => changes.map(({ key }) => key))).toEqual(
      events.map((_, index) => `${index}`),
    )
  })

  test("an answer that is too long to be taken is asked for in fragments", async () => {
    const part = "A".repeat(1_048_576)
    const { source, requests } = scripted(
      new ManualClock(),
      [result({ created: true }), '{"result":{"events":[{"kv":{"value":"', ...Array(65).fill(part)],
      [result({ created: true }), result({ events: [event("a", 10)] }), "END"],
    )

    expect((await readAll(source.watch(10, never))).at(-2)).toEqual({
      type: "commits",
      commits: [{ revision: 10, changes: [put("a")] }],
    })
    expect(requests).toMatchObject([{ fragment: false }, { fragment: true }])
  })

  test("an answer that was cut off yields no commit", async () => {
    const { source } = scripted(new ManualClock(), [
      result({ fragment: true, events: [event("a", 10)] }),
      JSON.stringify(result({ events: [event("b", 10)] })).slice(0, -1),
      "END",
    ])

    expect(await readAll(source.watch(10, never))).toEqual([{ type: "lost", reason: "closed" }])
  })

  test("lines may be cut anywhere, and their ends may come alone", async () => {
    const line = JSON.stringify(result({ events: [event("\u00e9", 10, "1")] }))
    const { source } = scripted(new ManualClock(), [
      line.slice(0, 9),
      line.slice(9),
      "\n",
      "\n",
      "END",
    ])
    const [told] = await readAll(source.watch(10, never))

    expect(told?.type === "commits" && told.commits[0]?.revision).toBe(10)
  })

  test("a watch that is silent for long is opened anew from where it stands", async () => {
    const clock = new ManualClock()
    const { source, requests } = scripted(
      clock,
      [result({ created: true }), result({ events: [event("a", 10)] })],
      [result({ created: true }), result({ events: [event("b", 11)] }), "END"],
    )
    const reading = readAll(source.watch(10, never))
    await clock.advance(240_000)
    const told = await reading

    expect(requests.map((request) => request.start_revision)).toEqual(["9", "10"])
    expect(told.filter(({ type }) => type === "commits")).toEqual([
      { type: "commits", commits: [{ revision: 10, changes: [put("a")] }] },
      { type: "commits", commits: [{ revision: 11, changes: [put("b")] }] },
    ])
    expect(clock.timers).toBe(0)
    expect(source.open).toBe(0)
  })

  test("a canceled watch is lost, compacted or closed, though etcd leaves it open", async () => {
    const compacted = scripted(new ManualClock(), [
      result({ created: true }),
      result({ canceled: true, compact_revision: "12" }),
    ])
    const denied = scripted(new ManualClock(), [
      result({ canceled: true, cancel_reason: "permission denied" }),
    ])

    expect((await readAll(compacted.source.watch(5, never))).at(-1)).toEqual({
      type: "lost",
      reason: "compacted",
    })
    expect(await readAll(denied.source.watch(5, never))).toMatchObject([
      {
        type: "lost",
        reason: "closed",
        error: { message: "etcd ended the watch: permission denied" },
      },
    ])
    expect([compacted.source.open, denied.source.open]).toEqual([0, 0])
  })

  test("a progress below the last revision is yielded unchanged", async () => {
    const { source } = scripted(new ManualClock(), [
      result({ created: true }),
      { result: { header: { ...header, revision: "3" } } },
      "END",
    ])

    expect((await readAll(source.watch(200, never))).slice(0, 2)).toEqual([
      { type: "progress", revision: 9 },
      { type: "progress", revision: 3 },
    ])
  })

  test("what is no answer ends the watch with an error, not the process", async () => {
    for (const script of [["<html>\n"], [{ error: { message: "boom" } }], [{}]]) {
      const { source } = scripted(new ManualClock(), script)

      expect(await readAll(source.watch(1, never))).toMatchObject([
        { type: "lost", reason: "closed", error: { code: "ERR_SOURCE_FAILED" } },
      ])
      expect(source.open).toBe(0)
    }
  })
})
