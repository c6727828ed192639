import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { type ClientHttp2Session, connect } from "node:http2"
import { connect as connectSocket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Etcd, etcdAvailable, freePort, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { fill, Writers } from "./etcd-writers.ts"
import { HoppingReader } from "./hopping-reader.ts"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"
import { ProxyProcess, proxyAvailable } from "./proxy-process.ts"

// A deploy of a fleet: three hubs of one etcd behind HAProxy, by the configuration in deploy/, are
// restarted one after another while readers follow and keys change. No stream breaks, no reader is
// reset, none waits for longer than the spread, and each proves by digests that it missed nothing.

const FULL = process.env.HEADWATER_FULL === "1"
const READERS = FULL ? 1_000 : 60
const DRAIN_MS = FULL ? 10_000 : 1_500
/** Three looks of HAProxy, after which it sends no more readers to a hub. */
const DELAY_MS = 700
/** Time by which a busy machine may be late. */
const LATE_MS = 10_000
const KEYS = 200
const CHANGES_PER_SECOND = 40
const PREFIX = "/roll/"
const PATIENCE_MS = 120_000
/** Streams on one HTTP/2 connection: browsers and proxies bound them by 100. */
const STREAMS_MAX = 50
const RUNTIMES: readonly RuntimeName[] = ["node", "bun", "deno"]

const isPossible = etcdAvailable() && proxyAvailable("haproxy")

describe.skipIf(!isPossible)(`three hubs behind HAProxy with ${READERS} readers`, () => {
  let folder: string
  let etcd: Etcd
  let proxy: ProxyProcess
  let writers: Writers | undefined
  let hubs: HubProcess[] = []
  const sessions: ClientHttp2Session[] = []
  const readers: HoppingReader[] = []

  const start = (runtime: RuntimeName, port: number) =>
    HubProcess.start(runtime, port, [
      ...["--topic", `t=etcd://${etcd.host}${PREFIX}?values=text`],
      ...["--allow-host", "hub.example", "--allow-anonymous", "read"],
      ...["--drain-delay", `${DELAY_MS}ms`, "--drain-time", `${DRAIN_MS}ms`],
    ])

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "headwater-rolling-"))
    chmodSync(folder, 0o755)
    etcd = await startEtcd()
    await fill(etcd, PREFIX, KEYS)
    const ports = [await freePort(), await freePort(), await freePort()] as const
    hubs = await Promise.all(RUNTIMES.map((runtime, index) => start(runtime, ports[index]!)))
    await Promise.all(hubs.map((hub) => hub.ready()))
    const [first, ...more] = ports
    proxy = ProxyProcess.start("haproxy", folder, await freePort(), first, more)
    for (let n = 1; n <= hubs.length; n++) await isUp(n)
  })

  afterAll(async () => {
    await writers?.stop()
    await Promise.all(readers.map((reader) => reader.close()))
    for (const session of sessions) session.destroy()
    await proxy?.stop()
    await Promise.all(hubs.map((hub) => hub.stop("SIGKILL")))
    await etcd?.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Waits until HAProxy sends requests to a hub. */
  async function isUp(hub: number): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    while ((await statusOf(`hub${hub}`)) !== "UP") {
      if (proxy.hasEnded || performance.now() > until) {
        throw new Error(`HAProxy does not use hub${hub}: ${proxy.output}`)
      }
      await pause(50)
    }
  }

  /** The status of a server as HAProxy's socket tells it. */
  function statusOf(server: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      let text = ""
      const socket = connectSocket(join(folder, "stats"))
      socket.on("connect", () => socket.write("show stat\n"))
      socket.on("data", (part) => {
        text += part
      })
      socket.on("error", () => {})
      socket.on("close", () => {
        const row = text.split("\n").find((line) => line.startsWith(`hubs,${server},`))
        resolve(row?.split(",")[17])
      })
    })
  }

  function addReader(index: number): void {
    if (index % STREAMS_MAX === 0) {
      const session = connect(proxy.url, { ca: readFileSync(proxy.tls.ca) })
      session.on("connect", () => session.setLocalWindowSize(16 * 1024 * 1024))
      session.on("error", () => {})
      sessions.push(session)
    }
    const session = sessions.at(-1)!
    const route = { session, authority: "hub.example", path: "/v1/topics/t/stream" }
    readers.push(new HoppingReader(() => route))
  }

  const subscribersOf = async (hub: HubProcess): Promise<number> =>
    (await (await fetch(`${hub.url}/v1/topics/t`)).json()).subscribers

  test("are restarted one after another, and no reader notices", {
    timeout: 600_000,
  }, async () => {
    for (let index = 0; index < READERS; index++) addReader(index)
    const revision = await etcd.revision()
    await Promise.all(readers.map((reader) => reader.reached(revision, PATIENCE_MS)))
    const counts = await Promise.all(hubs.map(subscribersOf))
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(READERS / 10)

    writers = new Writers(() => etcd, PREFIX, KEYS, CHANGES_PER_SECOND)
    for (const [index, runtime] of RUNTIMES.entries()) {
      const hub = hubs[index]!
      const left = await subscribersOf(hub)
      const told = performance.now()
      expect(await hub.stop("SIGTERM")).toBe(0)
      const tookMs = Math.round(performance.now() - told)
      console.log(`rolling restart: ${left} readers left a hub on ${runtime} in ${tookMs} ms`)
      expect(tookMs).toBeLessThan(DELAY_MS + DRAIN_MS + LATE_MS)
      hubs[index] = await start(runtime, Number(new URL(hub.url).port))
      await hubs[index]!.ready()
      await isUp(index + 1)
    }
    await writers.stop()

    // The last change reaches all of them, and each is proven by the sync that follows.
    await etcd.put(`${PREFIX}last`, "1")
    const last = await etcd.revision()
    await Promise.all(readers.map((reader) => reader.reached(last, PATIENCE_MS)))
    const { digest, entries } = await (await fetch(`${hubs[0]!.url}/v1/topics/t`)).json()
    const gaps = readers.map(({ gapMs }) => gapMs).sort((a, b) => a - b)
    console.log(
      `rolling restart: ${writers.changes} changes; without a stream at most ` +
        `${Math.round(gaps.at(-1)!)} ms, median ${Math.round(gaps[gaps.length >> 1]!)} ms`,
    )

    expect(readers.flatMap(({ faults }) => faults)).toEqual([])
    expect(new Set(readers.flatMap(({ ends }) => ends))).toEqual(new Set(["draining"]))
    // Each was sent away once by a hub, and the next one took it. What it took beyond the wait that
    // the hub asked for is this machine's.
    expect(Math.max(...readers.map(({ askedMs }) => askedMs))).toBeLessThan(DRAIN_MS)
    for (const { replica } of readers) {
      expect([replica.size, replica.digest]).toEqual([entries, digest])
    }
  })
})
