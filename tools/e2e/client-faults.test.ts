import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { prng } from "@headwater/testing"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { answerOf, ClientProxy, type Fault } from "./client-proxy.ts"
import { ClientPage, nodeSubject, type Subject } from "./client-subject.ts"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"

// Whatever stands between a client and its hub: a cut, silence, one byte at a time, the same bytes
// twice, answers of another server; and hubs that are killed, and others that take over. After
// each,
// the replica is what the hub holds, with its digest; its consumer's changes replay to the same;
// and what is always written together was never seen apart. In smoke size, one scene is played
// whole, and of the others what differs most between runtimes.

const FULL = process.env["HEADWATER_FULL"] === "1"
const KEYS = FULL ? 1_000 : 150
const seed = Number(process.env["HEADWATER_SEED"] ?? Math.trunc(Math.random() * 2 ** 31))
const random = prng(seed)
const below = (bound: number) => Math.floor(random() * bound)
const some = (count: number) => Array.from({ length: FULL ? count * 10 : count }, (_, at) => at)
const hubError = `{"error":{"code":"ERR_UNAUTHENTICATED","message":"no","retry":"stop"}}`
const json = "application/json"
const events = "text/event-stream"

// Every other fault is met by a client that has nothing, and so in a snapshot; the others by one
// that resumes, and gets little more than what is written meanwhile.
const someByte = (at: number) => (at % 2 ? below(KEYS * 30) : below(1_200))

const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  "is cut": some(2).map((at) => ({ type: "cut", atBytes: someByte(at) })),
  ends: some(2).map((at) => ({ type: "end", atBytes: someByte(at) })),
  stalls: some(2).map((at) => ({ type: "stall", atBytes: someByte(at) })),
  "is late": [{ type: "delay", ms: 20 }],
  "comes one byte at a time": [{ type: "drip" }],
  "says the same bytes twice": some(2).map((at) => ({
    type: "repeat",
    atBytes: someByte(at),
    bytes: 1 + below(1_460),
  })),
  "answers 401, 409, 429, 500 and 502": [
    answerOf(401, json, hubError),
    answerOf(401, "text/plain", "log in"),
    answerOf(409, json, "{}"),
    answerOf(429, "text/plain", "slow down", "retry-after: 1\r\n"),
    answerOf(500, "text/html", "<h1>500</h1>"),
    answerOf(502, "text/html", "<h1>502</h1>"),
  ],
  "answers HTML": [answerOf(200, "text/html", "<!doctype html><p>Log in.")],
  "answers half a JSON": [
    answerOf(503, json, `{"error":{"code":"ERR_NOT`),
    answerOf(200, events, `event: hello\ndata: {"protocol":1,"top`),
    answerOf(200, events, `event: hello\ndata: {"protocol":1,"top\n\n`),
  ],
}

interface Scene {
  readonly runtime: RuntimeName
  readonly browser: boolean
}

const SCENES: readonly Scene[] = [
  { runtime: "node", browser: false },
  { runtime: "bun", browser: false },
  { runtime: "deno", browser: false },
  { runtime: "node", browser: true },
]

describe.each(SCENES)("a hub on $runtime, Chromium: $browser", ({ runtime, browser }) => {
  let folder: string
  let page: ClientPage | undefined
  let subject: Subject
  let proxy: ClientProxy
  let hub: HubProcess
  let args: string[]
  const hubs: HubProcess[] = []

  beforeAll(async () => {
    console.log(`client faults: HEADWATER_SEED=${seed}`)
    folder = await mkdtemp(join(tmpdir(), "headwater-client-"))
    page = browser ? await ClientPage.open() : undefined
    args = page ? ["--cors", page.origin] : []
    hub = await start("one")
    await fill(hub)
    proxy = await ClientProxy.start(portOf(hub))
    subject = page?.subject("t") ?? nodeSubject("t")
    await subject.follow(proxy.url)
  })

  afterAll(async () => {
    await subject?.leave()
    await page?.close()
    await proxy?.close()
    await Promise.all(hubs.map((one) => one.stop("SIGKILL")))
    await rm(folder, { recursive: true })
  })

  async function start(file: string, on = runtime): Promise<HubProcess> {
    const topic = `t=sqlite:${join(folder, file)}.db`
    const started = await HubProcess.start(on, await freePort(), ["--topic", topic, ...args])
    hubs.push(started)
    await eventually(async () => (await fetch(`${started.url}/readyz`)).ok)
    return started
  }

  const isWhole = FULL || (runtime === "node" && !browser)

  test.skipIf(!isWhole).each(Object.entries(FAULTS))("a link that %s", async (_, faults) => {
    for (const [at, fault] of faults.entries()) {
      proxy.await(fault)
      if (at % 2) await begin()
      else proxy.cut()
      await write(hub, 5)
      // The fault was met, and the client comes through again.
      await eventually(() => proxy.faultsLeft === 0)
      await write(hub, 5)
    }
    await expectSame(subject, hub, "resume")
  })

  test("a link that has all of these, one after the other, in any order", async () => {
    const all = Object.values(FAULTS)
      .flatMap((faults) => faults.slice(0, FULL ? 20 : 1))
      .filter(({ type }) => type !== "drip")
    proxy.await(...all.sort(() => random() - 0.5))
    while (proxy.faultsLeft > 0) {
      proxy.cut()
      await write(hub, 1)
      await pause(40)
    }
    await expectSame(subject, hub, "resume")
  })

  test.skipIf(!isWhole)(
    "a hub that dies in the middle of a snapshot, and another one of its source",
    async () => {
      const other = await start("one", "node")
      const dying = hub
      let dead: Promise<unknown> | undefined
      proxy.await({
        type: "call",
        atBytes: 1_500,
        task: () => {
          dead = dying.stop("SIGKILL")
          proxy.moveTo(portOf(other))
        },
      })
      // A connection that was under way may have been the next one, and resumes: a few bytes.
      await eventually(async () => {
        if (dead === undefined) await begin()
        await pause(200)
        return dead !== undefined
      })
      hub = other
      await write(hub, 5)
      await expectSame(subject, hub, "any")
    },
  )

  test("a hub that dies in the middle of a commit, and another one of its source", async () => {
    const other = await start("one")
    // No byte is beyond the values, which are new each time: a touch would be small.
    let commits = 0
    for (const atBytes of FULL ? some(4).map(() => below(128_000)) : [70_000]) {
      const dying = hub
      let dead = false
      proxy.await({
        type: "call",
        atBytes,
        task: () => {
          dead = true
          proxy.moveTo(portOf(other))
        },
      })
      proxy.cut()
      await eventually(() => proxy.faultsLeft === 0)
      // Larger than a frame: it comes in several, and only the last one has an id. A connection
      // under way may bring it whole, and the one that meets the fault have nothing to say.
      await eventually(async () => {
        if (!dead) {
          const value = `${commits++} `.padEnd(1_000, "x")
          await commit(
            dying,
            Array.from({ length: 128 }, (_, at) => [`big/${at}`, value]),
          )
          await pause(200)
        }
        return dead
      })
      await write(other, 5)
      await expectSame(subject, other, "any")
      proxy.moveTo(portOf(dying))
    }
    await hub.stop("SIGKILL")
    hub = other
    proxy.moveTo(portOf(hub))
    await write(hub, 5)
    await expectSame(subject, hub, "any")
  })

  test.skipIf(!isWhole)("a hub that is killed and started again on its file", async () => {
    await write(hub, 5)
    await hub.stop("SIGKILL")
    hub = await start("one")
    proxy.moveTo(portOf(hub))
    await write(hub, 5)
    await expectSame(subject, hub, "resume")
  })

  test("a hub of another epoch, and back", async () => {
    const other = await start("two", "node")
    await write(other, 10)
    proxy.moveTo(portOf(other))
    await expectSame(subject, other, "epoch-changed")
    proxy.moveTo(portOf(hub))
    await expectSame(subject, hub, "epoch-changed")
  })

  let resetsBefore = 0

  async function begin(): Promise<void> {
    await subject.leave()
    resetsBefore = 0
    await subject.follow(proxy.url)
  }

  // `how` is how it must have come there: without a reset, or by some last one.
  async function expectSame(
    subject: Subject,
    hub: HubProcess,
    how: "resume" | "epoch-changed" | "any",
  ): Promise<void> {
    const truth = await truthOf(hub)
    await eventually(async () => {
      const { position, state, replayed, entries } = await subject.seen()
      return (
        position?.epoch === truth.epoch &&
        position.revision >= truth.revision &&
        state === "live" &&
        replayed.length === entries.length
      )
    })
    const seen = await subject.seen()
    const resets = seen.resets.slice(resetsBefore)
    resetsBefore = seen.resets.length

    expect(seen.entries, `seed ${seed}`).toEqual(truth.entries)
    expect(seen.replayed).toEqual(truth.entries.map(([key, value]) => [key, value]))
    expect([seen.digest, seen.torn, seen.mismatches]).toEqual([truth.digest, 0, 0])
    expect(seen.proven).toBeGreaterThan(0)
    if (how !== "any") expect(resets).toEqual(how === "resume" ? [] : [how])
  }
})

function portOf(hub: HubProcess): number {
  return Number(new URL(hub.url).port)
}

async function commit(
  hub: HubProcess,
  changes: readonly (readonly [key: string, value: unknown])[],
): Promise<void> {
  const response = await fetch(`${hub.url}/v1/topics/t/batch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      changes: changes.map(([key, value]) =>
        value === undefined ? { op: "delete", key } : { op: "put", key, value },
      ),
    }),
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
}

async function fill(hub: HubProcess): Promise<void> {
  for (let from = 0; from < KEYS; from += 100) {
    await commit(
      hub,
      Array.from({ length: Math.min(100, KEYS - from) }, (_, at) => [`k/${from + at}`, below(1e9)]),
    )
  }
}

// Commits: a pair that is always written together, puts, touches and deletes.
async function write(hub: HubProcess, commits: number): Promise<void> {
  for (let count = 0; count < commits; count++) {
    const pair = below(1e9)
    const keys = new Set(Array.from({ length: 3 }, () => `k/${below(KEYS)}`))
    const changes = [...keys].map(
      (key) => [key, [undefined, 7, below(1e9), "é\n"][below(4)]] as const,
    )
    await commit(hub, [["pair/a", pair], ...changes, ["pair/b", pair]])
  }
}

interface Truth {
  readonly epoch: string
  readonly revision: number
  readonly digest: string
  readonly entries: readonly (readonly [key: string, value: string, revision: number])[]
}

// No test writes meanwhile; another hub's write may still be on its way into this one.
async function truthOf(hub: HubProcess): Promise<Truth> {
  for (;;) {
    const topic = await (await fetch(`${hub.url}/v1/topics/t`)).json()
    const list = await (await fetch(`${hub.url}/v1/topics/t/entries`)).json()
    await pause(50)
    const { digest } = await (await fetch(`${hub.url}/v1/topics/t`)).json()
    if (list.revision !== topic.revision || digest !== topic.digest) continue
    const entries = list.entries
      .map((entry: { key: string; value: unknown; revision: number }) => [
        entry.key,
        JSON.stringify(entry.value),
        entry.revision,
      ])
      .sort(([a]: [string], [b]: [string]) => (a < b ? -1 : 1))
    return { epoch: list.epoch, revision: list.revision, digest, entries }
  }
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it does not come about: ${holds}, seed ${seed}`)
    await pause(10)
  }
}
