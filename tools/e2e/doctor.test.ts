import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import type { Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type FaultyProxy, startCompressor, startNginx } from "./doctor-proxies.ts"
import { HubProcess, pause } from "./hub-process.ts"
import { proxyAvailable } from "./proxy-process.ts"

// `headwater doctor` names the fault of each proxy that has one, and no fault of the others.

const main = join(import.meta.dirname, "../../apps/server/dist/main.js")

interface Finding {
  readonly level: string
  readonly subject: string
  readonly text: string
  readonly cure?: string
}

/** Runs the doctor; resolves with its exit code and the findings that are no `ok`. */
function examine(url: string): Promise<{ code: number | null; found: Finding[]; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, "doctor", url, "--json"])
    let [out, said] = ["", ""]
    child.stdout.on("data", (chunk) => {
      out += chunk
    })
    child.stderr.on("data", (chunk) => {
      said += chunk
    })
    child.once("close", (code) => {
      const found = out.trim().split("\n").filter(Boolean)
      resolve({
        code,
        found: found.map((line) => JSON.parse(line)).filter(({ level }) => level !== "ok"),
        said,
      })
    })
  })
}

const faultsOf = ({ found }: { found: readonly Finding[] }) =>
  found.filter(({ level }) => level === "fault").map(({ subject }) => subject)

describe("doctor", () => {
  const folder = mkdtempSync(join(tmpdir(), "headwater-doctor-"))
  const isNginx = proxyAvailable("nginx")
  let hub: HubProcess
  let nginx: ChildProcess | undefined
  let compressor: Server
  let ports: Record<FaultyProxy | "compresses" | "nothing", number>
  const at = (name: keyof typeof ports) => `http://127.0.0.1:${ports[name]}`

  beforeAll(async () => {
    ports = {
      good: await freePort(),
      buffers: await freePort(),
      strips: await freePort(),
      host: await freePort(),
      compresses: await freePort(),
      nothing: await freePort(),
    }
    const args = ["--topic", "t=memory:", "--allow-anonymous", "write"]
    hub = await (await HubProcess.start("node", await freePort(), args)).ready()
    compressor = await startCompressor(ports.compresses, hub.url)
    if (!isNginx) return
    nginx = startNginx(folder, hub.url, ports)
    while (
      !(await fetch(`${at("good")}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      await pause(50)
    }
  })

  afterAll(async () => {
    nginx?.kill()
    compressor.closeAllConnections()
    compressor.close()
    await hub.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test("finds no fault at a hub, and says that nothing listens at another port", async () => {
    const [direct, nothing] = await Promise.all([examine(hub.url), examine(at("nothing"))])
    expect([direct.code, faultsOf(direct)]).toEqual([0, []])
    expect([nothing.code, faultsOf(nothing)]).toEqual([1, ["reach"]])
  })

  test("names compression that holds events back", async () => {
    const { code, found } = await examine(at("compresses"))
    expect([code, faultsOf({ found })]).toEqual([1, ["compression"]])
    expect(found[0]!.cure).toContain("--compress")
  })

  test.runIf(isNginx)("names each fault of an nginx, and none where it has none", async () => {
    const [good, buffers, strips, host] = await Promise.all(
      (["good", "buffers", "strips", "host"] as const).map((name) => examine(at(name))),
    )
    expect([good!.code, faultsOf(good!)]).toEqual([0, []])
    expect([buffers!.code, faultsOf(buffers!)]).toEqual([1, ["buffering"]])
    expect(buffers!.found[0]).toMatchObject({
      text: expect.stringContaining("a stream that ends arrives whole"),
      cure: expect.stringContaining("nginx: proxy_buffering off"),
    })
    expect([strips!.code, faultsOf(strips!)]).toEqual([1, ["resume"]])
    expect([host!.code, faultsOf(host!)]).toEqual([1, ["host"]])
    expect(host!.found[0]!.cure).toContain("--allow-host")
  })
})
