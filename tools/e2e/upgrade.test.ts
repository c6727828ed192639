import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { decodeFrame, type Frame } from "@headwater/protocol"
import { type Etcd, etcdAvailable, freePort, startEtcd } from "@headwater/testing/etcd"
import { createParser } from "eventsource-parser"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { ModelReplica } from "../../apps/server/test/support/model-replica.ts"
import { fill, Writers } from "./etcd-writers.ts"
import { HubProcess, pause } from "./hub-process.ts"
import { buildOlder, olderAvailable } from "./older-hub.ts"

// An upgrade: the version before and this one show the same topics under the same epoch, so readers
// that move between them, forth and back, are never reset. In the full run only: the version before
// is built from its commit, which takes a minute.

const FULL = process.env.HEADWATER_FULL === "1"
const PREFIX = "/upgrade/"
const KEYS = 300
const READERS = 12
const HOPS = 8
const PATIENCE_MS = 120_000

/** A reader that goes to the next of some hubs after every few frames. */
class Hopper {
  readonly replica = new ModelReplica()
  readonly faults: string[] = []
  lastId = ""

  /** Follows one hub until `isEnough`, and then leaves it. */
  async follow(url: string, isEnough: (frame: Frame, frames: number) => boolean): Promise<void> {
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(PATIENCE_MS)])
    const headers: Record<string, string> =
      this.lastId === "" ? {} : { "last-event-id": this.lastId }
    const { body, status } = await fetch(`${url}/v1/topics/t/stream`, { headers, signal })
    if (status !== 200) this.faults.push(`${url}: status ${status}`)
    let frames = 0
    let hasEnough = false
    const parser = createParser({
      onEvent: ({ event = "", data, id }) => {
        const frame = decodeFrame(event, data, id ?? "")
        if (frame === undefined || hasEnough) return
        if (frame.type === "reset") this.faults.push(`${url}: reset ${frame.reason}`)
        this.replica.hear(frame)
        this.lastId = id ?? this.lastId
        hasEnough = isEnough(frame, ++frames)
      },
    })
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      parser.feed(text)
      if (hasEnough) break
    }
    abort.abort()
  }

  /** Follows one hub up to a revision, and to the sync that proves it. */
  reached(url: string, revision: number): Promise<void> {
    return this.follow(url, (frame) => frame.type === "sync" && frame.revision >= revision)
  }
}

describe.runIf(FULL && olderAvailable())("the version before and this one", () => {
  let folder: string
  let older: string
  const hubs: HubProcess[] = []

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "headwater-upgrade-"))
    older = buildOlder(folder)
  })

  afterAll(async () => {
    await Promise.all(hubs.map((hub) => hub.stop("SIGKILL")))
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(topic: string, script: string | undefined, port?: number) {
    const at = port ?? (await freePort())
    const hub = await HubProcess.start(
      "node",
      at,
      ["--topic", topic],
      {},
      undefined,
      undefined,
      script,
    )
    hubs.push(hub)
    return hub.ready()
  }

  const topicOf = async ({ url }: HubProcess) => (await fetch(`${url}/v1/topics/t`)).json()

  test.runIf(etcdAvailable())("side by side on one etcd never reset a reader", async () => {
    const etcd: Etcd = await startEtcd()
    await fill(etcd, PREFIX, KEYS)
    const topic = `t=etcd://${etcd.host}${PREFIX}?values=text`
    const both = [await start(topic, older), await start(topic, undefined)]
    const writers = new Writers(() => etcd, PREFIX, KEYS, 100)
    try {
      const readers = Array.from({ length: READERS }, () => new Hopper())
      const hop = async (reader: Hopper, index: number) => {
        for (let n = 0; n < HOPS; n++) {
          const { url } = both[(index + n) % 2]!
          await reader.follow(url, ({ type }, frames) => type === "delta" && frames > 3 + index)
        }
      }
      await Promise.all(readers.map(hop))
      await writers.stop()
      const revision = await etcd.put(`${PREFIX}last`, "1").then(() => etcd.revision())
      await Promise.all(
        readers.map((reader, index) => reader.reached(both[index % 2]!.url, revision)),
      )
      const [before, now] = await Promise.all(both.map(topicOf))

      expect(readers.flatMap(({ faults }) => faults)).toEqual([])
      expect(now.epoch).toBe(before.epoch)
      for (const { replica } of readers) expect(replica.digest).toBe(now.digest)
    } finally {
      await writers.stop()
      await etcd.dispose()
    }
  })

  test("one after the other on one sqlite file never reset a reader", async () => {
    const topic = `t=sqlite:${join(folder, "upgrade.db")}`
    const port = await freePort()
    const reader = new Hopper()
    for (const [round, script] of [older, undefined, older, undefined].entries()) {
      const hub = await start(topic, script, port)
      let revision = 0
      for (let n = 0; n < 20; n++) {
        const written = await fetch(`${hub.url}/v1/topics/t/entry?key=${round % 2}/${n % 7}`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ round, n }),
        })
        revision = (await written.json()).revision
      }
      await reader.reached(hub.url, revision)
      const { digest } = await topicOf(hub)
      expect(reader.replica.digest).toBe(digest)
      expect(await hub.stop()).toBe(0)
    }

    expect(reader.faults).toEqual([])
  })
})

test.runIf(FULL && etcdAvailable())(
  "hubs of one etcd whose rules differ show it, and warn of a reader that moves",
  async () => {
    const etcd = await startEtcd()
    await fill(etcd, PREFIX, KEYS)
    const topic = `t=etcd://${etcd.host}${PREFIX}?values=text`
    const start = async (...more: string[]) =>
      (await HubProcess.start("node", await freePort(), ["--topic", topic, ...more])).ready()
    const hubs = [await start(), await start("--value-size", "512KiB")]
    try {
      const reader = new Hopper()
      for (const { url } of hubs) await reader.follow(url, ({ type }) => type === "sync")
      while (!hubs[1]!.output.includes("position of another epoch")) await pause(20)
      const rules = await Promise.all(
        hubs.map(async ({ url }) => (await (await fetch(`${url}/v1/topics/t`)).json()).rules),
      )

      expect(reader.faults).toEqual([`${hubs[1]!.url}: reset epoch-changed`])
      expect(rules[0].validator).toBe(rules[1].validator)
      expect(rules.map(({ valueBytesMax }) => valueBytesMax)).toEqual([1_048_576, 524_288])
    } finally {
      await Promise.all(hubs.map((hub) => hub.stop("SIGKILL")))
      await etcd.dispose()
    }
  },
)
