import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { Follower } from "./gzip-follower.ts"
import { HubProcess, pause } from "./hub-process.ts"

// Go's decoder is not zlib: it hands over a stored block only when another block, or an empty one,
// follows it. A hub that ends an event otherwise is heard by Go one event late.

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/local/go/bin` }
const isHere = spawnSync("go", ["version"], { env }).status === 0

describe.skipIf(!isHere && process.env["HEADWATER_REQUIRE_GO"] !== "1")("a Go client", () => {
  let folder: string
  let program: string
  let hub: HubProcess
  let reader: Follower | undefined

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "headwater-go-"))
    program = join(folder, "follow")
    const source = join(import.meta.dirname, "go/follow.go")
    execFileSync("go", ["build", "-o", program, source], { env: { ...env, GOTOOLCHAIN: "local" } })
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  beforeEach(async () => {
    hub = await HubProcess.start("node", await freePort(), ["--topic", "t=memory:", "--compress"])
    while ((await fetch(`${hub.url}/readyz`)).status !== 200) await pause(20)
  })

  afterEach(async () => {
    await reader?.end()
    await hub.stop("SIGKILL")
  })

  test("receives each event of a stream in gzip as it is sent", async () => {
    reader = new Follower(program, [`${hub.url}/v1/topics/t/stream`])
    await reader.heard("status 200 unpacked true")
    await reader.heard("event: sync")
    await reader.heard("event: status")
    for (const value of [1, "x".repeat(150), "y".repeat(300), "large ".repeat(5_000), 4]) {
      const key = `k${String(value).length}`
      const response = await fetch(`${hub.url}/v1/topics/t/entry?key=${key}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(value),
      })
      expect(response.status).toBe(200)
      await reader.heard(`"key":"${key}"`)
    }
  })

  test("receives the heartbeats of a quiet stream", async () => {
    reader = new Follower(program, [`${hub.url}/v1/topics/t/stream`])
    await reader.heard("event: status")
    const { length } = reader.output
    await reader.heardAfter(length, "\n:")
  })
})
