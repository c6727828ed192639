import { connect, type Replica } from "@headwater/client"
import { waitFor } from "@headwater/client/follow"
import { prng } from "@headwater/testing"
import { type Etcd, freePort, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"
import { TcpProxy } from "./tcp-proxy.ts"

// The main promise, on the real thing: two hubs on one etcd, clients that connect, drop and resume
// now here, now there, while keys are put, deleted and written in transactions. Pairs that are
// always written together are equal at every id; at the end every client holds what etcd holds, and
// every digest on the way was right.

const PREFIX = "/e2e/"
const FULL = process.env["HEADWATER_FULL"] === "1"
const KEYS = 50_000
const WRITE_MS = FULL ? 60_000 : 8_000
const CLIENTS = 8
const PAIRS = 20
const seed = Number(process.env["HEADWATER_SEED"] ?? Math.trunc(Math.random() * 2 ** 31))
const random = prng(seed)
const below = (bound: number) => Math.floor(random() * bound)
const base64 = (text: string) => Buffer.from(text).toString("base64")

interface Follower {
  readonly replica: Replica
  readonly proxy: TcpProxy
  readonly faults: string[]
  readonly statuses: Set<string>
  commits: number
}

// The other tests with a real etcd run on Node.
const RUNTIMES: readonly [RuntimeName, RuntimeName][] = [
  ["bun", "deno"],
  ...(FULL ? [["node", "node24"] as [RuntimeName, RuntimeName]] : []),
]

describe.each(RUNTIMES)("two hubs on one etcd (%s, %s)", (...runtimes: readonly RuntimeName[]) => {
  let etcd: Etcd
  const links: TcpProxy[] = []
  const hubs: HubProcess[] = []
  const followers: Follower[] = []

  beforeAll(async () => {
    console.log(`convergence: HEADWATER_SEED=${seed}`)
    etcd = await startEtcd()
    for (let from = 0; from < KEYS; from += 100) {
      await write(
        Array.from({ length: 100 }, (_, index) => [`k/${from + index}`, contentOf(from + index)]),
      )
    }
    for (const runtime of runtimes) {
      const link = await TcpProxy.start(() => Number(etcd.host.split(":")[1]))
      links.push(link)
      const source = `e2e=etcd://127.0.0.1:${link.port}${PREFIX}?write=1`
      hubs.push(await HubProcess.start(runtime, await freePort(), ["--topic", source]))
    }
  }, 120_000)

  afterAll(async () => {
    await Promise.all(followers.map(({ replica }) => replica.close()))
    await Promise.all(followers.map(({ proxy }) => proxy.close()))
    await Promise.all(hubs.map((hub) => hub.stop("SIGKILL")))
    await Promise.all(links.map((link) => link.close()))
    await etcd.dispose()
  })

  /** One transaction: puts, and deletes where the value is undefined. */
  async function write(changes: (readonly [string, string | undefined])[]): Promise<void> {
    await etcd.call("/v3/kv/txn", {
      success: changes.map(([key, value]) =>
        value === undefined
          ? { request_delete_range: { key: base64(PREFIX + key) } }
          : { request_put: { key: base64(PREFIX + key), value: base64(value) } },
      ),
    })
  }

  function contentOf(index: number): string {
    return JSON.stringify({ index, at: below(1e9), text: "é\n".repeat(below(20)) })
  }

  /** The state of etcd: relative keys, values as text. */
  async function truth(): Promise<Map<string, string>> {
    const state = new Map<string, string>()
    const end = base64(`${PREFIX.slice(0, -1)}0`)
    let key = base64(PREFIX)
    for (;;) {
      const page = (await etcd.call("/v3/kv/range", { key, range_end: end, limit: 10_000 })) as {
        kvs?: { key: string; value?: string }[]
        more?: boolean
      }
      for (const entry of page.kvs ?? []) {
        const name = Buffer.from(entry.key, "base64").toString().slice(PREFIX.length)
        state.set(name, Buffer.from(entry.value ?? "", "base64").toString())
      }
      if (!page.more) return state
      key = base64(`${Buffer.from(page.kvs!.at(-1)!.key, "base64")}\0`)
    }
  }

  async function follow(options: { prefix?: string } = {}): Promise<Follower> {
    const proxy = await TcpProxy.start(() => Number(new URL(hubs[below(hubs.length)]!.url).port))
    const faults: string[] = []
    const statuses = new Set<string>()
    const replica = connect({
      url: proxy.url,
      topic: "e2e",
      ...options,
      report: (report) => {
        if (report.type === "mismatch") {
          faults.push(
            `client ${followers.length} ${options.prefix ?? "all"}: ${JSON.stringify(report)}`,
          )
        }
      },
    })
    const follower: Follower = { replica, proxy, faults, statuses, commits: 0 }
    replica.subscribe((snapshot, commit) => {
      if (commit !== undefined) follower.commits += 1
      for (let pair = 0; pair < PAIRS; pair++) {
        const [a, b] = [snapshot.get(`pair/${pair}/a`), snapshot.get(`pair/${pair}/b`)]
        if (JSON.stringify(a) !== JSON.stringify(b)) {
          faults.push(`pair ${pair}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`)
        }
      }
    })
    replica.subscribeStatus(() => {
      const { hub } = replica.status
      if (hub !== undefined) statuses.add(hub.status)
    })
    followers.push(follower)
    return follower
  }

  async function storm(ms: number, step: () => Promise<void>): Promise<number> {
    const until = performance.now() + ms
    let steps = 0
    for (; performance.now() < until; steps++) await step()
    return steps
  }

  async function randomWrite(): Promise<void> {
    const kind = below(10)
    if (kind < 4) await write([[`k/${below(KEYS)}`, contentOf(below(KEYS))]])
    else if (kind < 6) await write([[`k/${below(KEYS)}`, undefined]])
    else if (kind < 8) {
      const pair = below(PAIRS)
      const value = below(9) === 0 ? undefined : contentOf(pair)
      await write([
        [`pair/${pair}/a`, value],
        [`pair/${pair}/b`, value],
      ])
    } else {
      const start = below(KEYS)
      await write(
        Array.from({ length: 1 + below(60) }, (_, index) => [
          `k/${(start + index * 7) % KEYS}`,
          below(5) === 0 ? undefined : contentOf(index),
        ]),
      )
    }
  }

  async function drops(): Promise<void> {
    for (const { proxy } of followers) if (below(12) === 0) proxy.cut()
  }

  async function converged(): Promise<void> {
    const state = await truth()
    const revision = await etcd.revision()
    for (const { replica, faults } of followers) {
      const epoch = replica.position!.epoch
      await waitFor(replica, { epoch, revision: await reachOf(epoch, revision) }, timeout(120_000))
      expect(faults).toEqual([])
    }
    for (const { replica } of followers.filter((_, index) => index % 3 !== 2)) {
      expect(replica.size).toBe(state.size)
      for (const { key, value } of replica.entries()) {
        if (JSON.stringify(value) !== JSON.stringify(JSON.parse(state.get(key) ?? "null"))) {
          expect([key, value]).toEqual([key, JSON.parse(state.get(key) ?? "null")])
        }
      }
    }
    for (const { url } of hubs) {
      for (const [key, value] of [...state].filter(() => below(200) === 0)) {
        const at = `${url}/v1/topics/e2e/entry?key=${encodeURIComponent(key)}`
        expect(await (await fetch(at)).text()).toBe(value)
      }
    }
  }

  /** The revision that the hubs must reach: the source's own may be moved by keys of others. */
  async function reachOf(epoch: string, revision: number): Promise<number> {
    const deadline = performance.now() + 120_000
    for (;;) {
      const answers = await Promise.all(
        hubs.map(async ({ url }) => (await fetch(`${url}/v1/topics/e2e`)).json()),
      )
      const revisions = answers.map((answer) => (answer as { revision: number }).revision)
      if (answers.every((answer) => (answer as { epoch: string }).epoch === epoch)) {
        if (Math.min(...revisions) >= revision) return revision
      }
      if (performance.now() > deadline) throw new Error(`hubs at ${revisions}, not ${revision}`)
      await pause(50)
    }
  }

  const timeout = (ms: number) => AbortSignal.timeout(ms)

  test("50,000 keys reach clients of both hubs, under one epoch", async () => {
    for (let index = 0; index < CLIENTS; index++) {
      await follow(index % 3 === 2 ? { prefix: "pair/" } : {})
    }
    await Promise.all(followers.map(({ replica }) => replica.ready))

    const epochs = new Set(followers.map(({ replica }) => replica.position!.epoch))
    expect(epochs.size).toBe(1)
    await converged()
  })

  test("clients that drop and resume on either hub miss nothing and prove it", async () => {
    const steps = await storm(WRITE_MS, async () => {
      await randomWrite()
      await drops()
    })
    await converged()

    const proofs = followers.map(({ replica }) => replica.proven.count)
    console.log(`convergence: ${steps} writes, proofs ${proofs}`)
    expect(Math.min(...proofs)).toBeGreaterThan(0)
  })

  test("a compaction below a hub that lost its watch costs nothing but a list", async () => {
    links[0]!.refuse()
    await storm(1_500, randomWrite)
    await etcd.compact()
    await storm(500, randomWrite)
    links[0]!.admit()

    await converged()
    await storm(1_000, async () => {
      await randomWrite()
      await drops()
    })
    await converged()
  })

  test("an etcd that is killed makes hubs stale, and comes back with nothing lost", async () => {
    for (const { statuses } of followers) statuses.clear()
    await etcd.kill()
    const deadline = performance.now() + 120_000
    while (!followers.every(({ statuses }) => statuses.has("stale"))) {
      if (performance.now() > deadline) throw new Error("no status told that the source is gone")
      await pause(50)
    }
    await etcd.start()
    await storm(1_000, async () => {
      await randomWrite()
      await drops()
    })
    await converged()
    for (const { replica } of followers) expect(replica.proven.mismatches).toBe(0)
  })

  test("SIGTERM ends every stream with goodbye, and the process with 0 within 3 s", async () => {
    const streams = await Promise.all(
      hubs.map(({ url }) => fetch(`${url}/v1/topics/e2e/stream?prefix=pair/`)),
    )
    const started = performance.now()
    const codes = Promise.all(hubs.map((hub) => hub.stop("SIGTERM")))
    const texts = await Promise.all(streams.map((response) => response.text()))

    for (const text of texts) expect(text).toMatch(/event: ?goodbye\n/)
    expect(await codes).toEqual([0, 0])
    expect(performance.now() - started).toBeLessThan(60_000)
  })
})
