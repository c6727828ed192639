import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileStorage } from "@headwater/client/store/file"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
// @ts-expect-error: a tool without types.
import { findRuntime } from "../runtimes.mjs"
import type { StoredSeen } from "./client-store-page.ts"
import { ClientPage } from "./client-subject.ts"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"

// What a replica leaves behind, where it ends without notice: in a file, killed in the middle of a
// save, and in the IndexedDB of a page and of a service worker.

const FULL = process.env.HEADWATER_FULL === "1"
const KILLS = FULL ? 100 : 2
const dist = join(import.meta.dirname, "../../packages/client/dist/store/file.js")

// Saves states of 1 to 3 MB of one byte, as fast as it can.
const saver = `
  import { fileStorage } from ${JSON.stringify(`file://${dist}`)}
  const storage = fileStorage(process.argv.at(-1))
  console.log("saving")
  for (let turn = 0; ; turn++) {
    await storage.save(new Uint8Array(1_000_000 * (1 + (turn % 3))).fill(turn % 251))
  }`

describe.each(["node", "bun", "deno"] as const)("a file, written on %s", (runtime) => {
  test("is one of the states that were saved, whole, whenever it is killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headwater-kill-"))
    const path = join(folder, "t")
    try {
      // On a slow machine no child saves in time: the later ones are given more of it.
      let saves = 0
      for (let kill = 0; kill < KILLS || saves === 0; kill++) {
        const child = await start(runtime, path)
        await pause(5 + Math.random() * 60 + kill)
        await end(child)
        const bytes = await fileStorage(path).load()
        if (bytes === undefined) continue
        saves += 1

        expect(bytes.length % 1_000_000).toBe(0)
        expect(bytes.every((byte) => byte === bytes[0])).toBe(true)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

async function start(runtime: RuntimeName, path: string): Promise<ChildProcess> {
  const found = runtime === "node" ? { binary: "node" } : await findRuntime(runtime)
  const args = runtime === "deno" ? ["eval", "--ext=mjs", saver] : ["-e", saver]
  const own = runtime === "node" ? ["--input-type=module", ...args] : args
  const child = spawn(found.binary, [...own, path], { stdio: ["ignore", "pipe", "pipe"] })
  let failed = ""
  child.stderr.on("data", (chunk) => {
    failed += chunk
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve())
    child.once("exit", () => reject(new Error(failed)))
  })
  return child
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners("exit").once("exit", () => resolve())
    child.kill("SIGKILL")
  })
}

describe("IndexedDB, in Chromium", () => {
  let page: ClientPage
  let hub: HubProcess
  let port: number

  beforeAll(async () => {
    page = await ClientPage.open("client-store-page.ts")
    port = await freePort()
    hub = await HubProcess.start("node", port, ["--topic", "t=memory:", "--cors", page.origin])
    await put("a", 1)
  })

  afterAll(async () => {
    await page?.close()
    await hub?.stop("SIGKILL")
  })

  async function put(key: string, value: unknown): Promise<void> {
    const body = JSON.stringify(value)
    const headers = { "content-type": "application/json" }
    await fetch(`${hub.url}/v1/topics/t/entries/${key}`, { method: "PUT", headers, body })
  }

  async function keep(isHubThere: boolean): Promise<StoredSeen> {
    await page.page.reload()
    await page.page.waitForFunction(() => "keep" in globalThis)
    return page.page.evaluate(
      ([url, isThere]) => {
        const { keep } = globalThis as unknown as { keep(...of: unknown[]): Promise<StoredSeen> }
        return keep(url, isThere)
      },
      [hub.url, isHubThere] as const,
    )
  }

  test("a page begins with what it had, resumes, and proves it", async () => {
    const first = await keep(true)
    await put("b", { deep: ["é"] })
    const second = await keep(true)

    expect(first).toMatchObject({ reports: [], entries: [["a", 1]], resets: 0 })
    expect(second.reports).toEqual([{ type: "loaded", entries: 1 }])
    expect([second.resets, second.proven > 0]).toEqual([0, true])
  })

  test("a page shows what it had without a hub", async () => {
    const before = await keep(true)
    await hub.stop("SIGKILL")
    const without = await keep(false)
    hub = await HubProcess.start("node", port, ["--topic", "t=memory:", "--cors", page.origin])
    await put("c", 3)

    expect(without).toMatchObject({ entries: before.entries, position: before.position, proven: 0 })
    expect((await keep(true)).resets).toBe(1)
  })

  test("what is stored and harmed is a report, and a fresh start", async () => {
    await page.page.evaluate(() => (globalThis as unknown as { harm(): Promise<void> }).harm())
    const seen = await keep(true)

    expect(seen.reports).toMatchObject([{ type: "refused", reason: "foreign" }])
    expect([seen.entries, seen.resets]).toEqual([[["c", 3]], 0])
  })

  test("a service worker follows, and keeps what it held", async () => {
    const ask = () =>
      page.page.evaluate(async (url) => {
        const workers = navigator.serviceWorker
        await workers.register("/worker.js", { type: "module" })
        const { active } = await workers.ready
        const { port1, port2 } = new MessageChannel()
        const answer = new Promise((resolve) => {
          port1.onmessage = ({ data }) => resolve(data)
        })
        active!.postMessage({ url }, [port2])
        return (await answer) as StoredSeen
      }, hub.url)
    const seen = [await ask(), await ask()]

    expect(seen.map(({ entries }) => entries)).toEqual([[["c", 3]], [["c", 3]]])
    expect(seen[1]!.reports).toEqual([{ type: "loaded", entries: 1 }])
    expect(seen[1]!.proven).toBeGreaterThan(0)
  })
})
