import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { prng } from "@headwater/testing"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { ClientProxy } from "./client-proxy.ts"
import { nodeSubject, type Subject } from "./client-subject.ts"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"

// A tree: a client behind a hub, behind a hub, behind a file. Whatever is killed, and to whichever
// hub the client moves, it goes on from its id: epoch, revisions and digest are the same in all.

const FULL = process.env.HEADWATER_FULL === "1"
const ROUNDS = FULL ? 20 : 1
const KILLS = FULL ? 10 : 1
const KEYS = 100
const seed = Number(process.env.HEADWATER_SEED ?? Math.trunc(Math.random() * 2 ** 31))
const random = prng(seed)
const below = (bound: number) => Math.floor(random() * bound)

const PAIRS: readonly (readonly RuntimeName[])[] = FULL
  ? [
      ["node", "bun"],
      ["bun", "deno"],
      ["deno", "node24"],
    ]
  : [["deno", "node"]]

describe.each(PAIRS)(
  "a hub on %s, and one behind it on %s",
  (...runtimes: readonly RuntimeName[]) => {
    let folder: string
    let source: string
    let above: HubProcess
    let behind: HubProcess
    let proxy: ClientProxy
    const subject: Subject = nodeSubject("t")
    const all: HubProcess[] = []

    beforeAll(async () => {
      console.log(`client tree: HEADWATER_SEED=${seed}`)
      folder = await mkdtemp(join(tmpdir(), "headwater-tree-"))
      source = `t=sqlite:${join(folder, "t.db")}`
      above = await start(runtimes[0]!, source)
      await write(above, 20)
      behind = await start(runtimes[1]!, `t=headwater+${above.url}/t?write=1`)
      proxy = await ClientProxy.start(portOf(behind))
      await subject.follow(proxy.url)
    })

    afterAll(async () => {
      await subject.leave()
      await proxy?.close()
      await Promise.all(all.map((hub) => hub.stop("SIGKILL")))
      await rm(folder, { recursive: true })
    })

    async function start(runtime: RuntimeName, topic: string, port?: number): Promise<HubProcess> {
      const hub = await HubProcess.start(runtime, port ?? (await freePort()), ["--topic", topic])
      all.push(hub)
      await eventually(async () => (await fetch(`${hub.url}/readyz`)).ok)
      return hub
    }

    test("shows what the one above shows, and takes writes for it", async () => {
      await write(behind, 5)
      await write(above, 5)

      await expectSame()
    })

    test("a client moves up and down with its id, while it is written to", async () => {
      for (let round = 0; round < ROUNDS * 2; round++) {
        proxy.moveTo(portOf(round % 2 ? behind : above))
        await write(round % 3 ? above : behind, 4)
      }
      await expectSame()
    })

    test("a hub above that is killed and started again resets no reader", async () => {
      proxy.moveTo(portOf(behind))
      for (let round = 0; round < KILLS; round++) {
        await write(above, 3)
        await above.stop("SIGKILL")
        above = await start(runtimes[0]!, source, portOf(above))
        await write(above, 3)
        await expectSame()
      }
    })

    test("nor does a killed hub in between, for readers that move up meanwhile", async () => {
      await behind.stop("SIGKILL")
      proxy.moveTo(portOf(above))
      await write(above, 5)
      behind = await start(runtimes[1]!, `t=headwater+${above.url}/t?write=1`)
      await write(behind, 5)
      await expectSame()
      proxy.moveTo(portOf(behind))
      await write(above, 5)
      await expectSame()
    })

    // Both hubs and the client are at one position, with one digest and the same entries.
    async function expectSame(): Promise<void> {
      await eventually(async () => {
        const [up, down] = await Promise.all([topicOf(above), topicOf(behind)])
        const { position } = await subject.seen()
        return (
          up.position === down.position &&
          up.position === `${position?.epoch}.${position?.revision}`
        )
      })
      const [up, down] = await Promise.all([topicOf(above), topicOf(behind)])
      const [listedUp, listedDown] = await Promise.all([entriesOf(above), entriesOf(behind)])
      const seen = await subject.seen()

      expect([down.digest, seen.digest], `seed ${seed}`).toEqual([up.digest, up.digest])
      expect(listedDown).toEqual(listedUp)
      expect(seen.entries).toEqual(listedUp)
      expect(seen.replayed).toEqual(listedUp.map(([key, value]) => [key, value]))
      expect([seen.resets, seen.mismatches, seen.torn]).toEqual([[], 0, 0])
    }
  },
)

function portOf(hub: HubProcess): number {
  return Number(new URL(hub.url).port)
}

async function topicOf(hub: HubProcess): Promise<{ position: string; digest: string }> {
  return (await fetch(`${hub.url}/v1/topics/t`)).json()
}

async function entriesOf(hub: HubProcess): Promise<[string, string, number][]> {
  const { entries } = await (await fetch(`${hub.url}/v1/topics/t/entries`)).json()
  return entries
    .map(({ key, value, revision }: { key: string; value: unknown; revision: number }) => [
      key,
      JSON.stringify(value),
      revision,
    ])
    .sort(([a]: [string], [b]: [string]) => (a < b ? -1 : 1))
}

async function write(hub: HubProcess, commits: number): Promise<void> {
  for (let count = 0; count < commits; count++) {
    const pair = below(1e9)
    const keys = new Set(Array.from({ length: 4 }, () => `k/${below(KEYS)}`))
    const changes = [...keys].map((key) => {
      const value = [undefined, 7, below(1e9), { text: "é\n", list: [1] }][below(4)]
      return value === undefined ? { op: "delete", key } : { op: "put", key, value }
    })
    const pairs = ["pair/a", "pair/b"].map((key) => ({ op: "put", key, value: pair }))
    const body = JSON.stringify({ changes: [...changes, ...pairs] })
    const headers = { "content-type": "application/json" }
    const response = await fetch(`${hub.url}/v1/topics/t/batch`, { method: "POST", headers, body })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  }
}

// A hub whose source is killed again and again comes back to it after up to 30 s.
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it does not come about, seed ${seed}`)
    await pause(10)
  }
}
