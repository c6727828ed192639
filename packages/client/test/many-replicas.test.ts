import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { commitsOf, waitFor } from "../src/follow.ts"
import { connect, type Replica } from "../src/index.ts"
import { del, delta, hello, put, snapshot, sync } from "./scripted-hub.ts"

// Many replicas that come, are changed, cut, and go: when they are gone, so is all of their memory.

const FULL = process.env.HEADWATER_FULL === "1"
const REPLICAS = FULL ? 1_000 : 100
const CHURN_MS = FULL ? 600_000 : 1_500
const seed = Number(process.env.HEADWATER_SEED ?? Math.trunc(Math.random() * 2 ** 31))
const utf8 = new TextEncoder()

/** Streams that are open, in this process: each sends something now and then, and is cut. */
class Streams {
  open = 0
  #revision = 1
  readonly #random = prng(seed)

  readonly fetch = async (_: unknown, init?: RequestInit): Promise<Response> => {
    const revision = this.#revision
    let timer: ReturnType<typeof setTimeout> | undefined
    const end = () => {
      clearTimeout(timer)
      this.open -= 1
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.open += 1
        const say = (...texts: string[]) => controller.enqueue(utf8.encode(texts.join("")))
        say(hello(), snapshot(["a", revision]), sync(revision, [["a", revision]]))
        const goOn = (at: number) => {
          if (this.#random() < 0.2) {
            end()
            controller.error(new Error("cut"))
            return
          }
          this.#revision = Math.max(this.#revision, at)
          say(delta(at, at % 2 ? del("b", at) : put("b", at, "x".repeat(1_000))))
          timer = setTimeout(goOn, this.#random() * 50, at + 1)
        }
        timer = setTimeout(goOn, this.#random() * 50, revision + 1)
      },
      cancel: end,
    })
    init?.signal?.throwIfAborted()
    return new Response(body, { headers: { "content-type": "text/event-stream" } })
  }
}

describe(`${REPLICAS} replicas`, () => {
  test("leave nothing behind, however often they come and go", {
    timeout: CHURN_MS * 2 + 20_000,
  }, async () => {
    console.log(`many replicas: HEADWATER_SEED=${seed}`)
    const random = prng(seed)
    const streams = new Streams()
    const gone: WeakRef<Replica>[] = []
    const churn = async (one: number) => {
      const deadline = performance.now() + CHURN_MS
      while (performance.now() < deadline) {
        // A quarter of them share eight streams; `fetch` and `random` are the same for all.
        const url = `http://127.0.0.1:1/${one % 4 ? one : one % 8}`
        const replica = connect({ url, topic: "t", fetch: streams.fetch, random: Math.random })
        gone.push(new WeakRef(replica))
        const abort = new AbortController()
        const ends = [replica.subscribe(() => {}), replica.subscribeStatus(() => {})]
        const replay = (async () => {
          for await (const _ of commitsOf(replica, abort.signal)) if (random() < 0.3) break
        })()
        const far = waitFor(replica, { epoch: "e", revision: 1e9 }, abort.signal).catch(() => {})
        await new Promise((resolve) => setTimeout(resolve, random() * (FULL ? 20_000 : 300)))
        if (random() < 0.5) for (const end of ends) end()
        if (random() < 0.5) abort.abort()
        await replica.close()
        await Promise.all([replay.catch(() => {}), far])
      }
    }
    await Promise.all(Array.from({ length: REPLICAS }, (_, one) => churn(one)))

    expect(streams.open).toBe(0)
    expect(gone.length).toBeGreaterThan(REPLICAS)
    await expectGone(gone)
  })
})

// The collector may keep a few for as long as it likes; a leak keeps hundreds.
async function expectGone(refs: readonly WeakRef<Replica>[]): Promise<void> {
  const collect = await collector()
  let alive = refs.length
  for (let turn = 0; turn < 200 && alive > refs.length / 50; turn++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 10))
    alive = refs.filter((ref) => ref.deref()).length
  }
  expect(alive).toBeLessThanOrEqual(refs.length / 50)
}

// Each runtime has a collector that can be called, once it is asked for.
async function collector(): Promise<() => void> {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } }
  if (Bun) return () => Bun.gc(true)
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
    import("node:v8"),
    import("node:vm"),
  ])
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc")
}
