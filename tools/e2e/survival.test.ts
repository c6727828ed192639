import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { constants } from "node:fs"
import { mkdtemp, open, readFile, rm } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "@headwater/testing/etcd"
import { describe, expect, test } from "vitest"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"

/** Fewer than clients come, and enough for Node to load all modules of a hub at once. */
const OPEN_FILES_MAX = 200

const RUNTIMES = ["node", "node22", "node24", "bun", "deno"] as const

describe.each(RUNTIMES)("a hub on %s", (runtime: RuntimeName) => {
  test("outlives clients that take all its descriptors, and serves the next", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headwater-survival-"))
    const args = ["--topic", `t=sqlite:${join(folder, "t.db")}`]
    const hub = await HubProcess.start(runtime, await freePort(), args, {}, OPEN_FILES_MAX)
    await hub.ready()
    const entry = `${hub.url}/v1/topics/t/entry?key=a`
    const headers = { "content-type": "application/json" }
    try {
      for (let round = 0; round < 3; round++) {
        const sockets = Array.from({ length: 500 }, () => clientOf(hub.url))
        while (!hub.output.includes("refused connections:")) await pause(20)
        const before = await cpuMs(hub.pid)
        await pause(1_000)
        expect((await cpuMs(hub.pid)) - before).toBeLessThan(700)
        for (const socket of sockets) socket.destroy()
        const put = await answered(() => fetch(entry, { method: "PUT", headers, body: "1" }))
        expect(put.status).toBe(200)
        await put.text()
      }
      expect(await hub.stop()).toBe(0)
    } finally {
      await hub.stop("SIGKILL")
      await rm(folder, { recursive: true })
    }
  })

  test("serves on, and stops, while nothing reads its log", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headwater-stuck-"))
    const fifo = join(folder, "log")
    spawnSync("mkfifo", [fifo])
    const reader = await open(fifo, constants.O_RDWR)
    const args = ["--topic", "t=memory:", "--log-level", "debug", "--allow-anonymous", "write"]
    const hub = await HubProcess.start(runtime, await freePort(), args, {}, undefined, fifo)
    try {
      await hub.ready()
      // Two lines of some 150 bytes for each reader; a pipe holds 64 KiB.
      for (let round = 0; round < 20; round++) {
        const once = `${hub.url}/v1/topics/t/stream?once=1`
        await Promise.all(Array.from({ length: 25 }, async () => (await fetch(once)).text()))
      }
      expect(await hub.stop()).toBe(0)
    } finally {
      await hub.stop("SIGKILL")
      await reader.close()
      await rm(folder, { recursive: true })
    }
  })

  test("outlives SIGHUP, and names the flag when its port is taken", async () => {
    const port = await freePort()
    const hub = await HubProcess.start(runtime, port, ["--topic", "t=memory:"])
    try {
      hub.signal("SIGHUP")
      while (!hub.output.includes("reloaded (SIGHUP): nothing changed")) await pause(20)
      expect((await fetch(`${hub.url}/healthz`)).status).toBe(200)

      const second = HubProcess.start(runtime, port, ["--topic", "u=memory:"])
      await second.then((other) => other.exited)
      expect((await second).output).toMatch(
        `headwater: cannot listen on 127.0.0.1:${port}: another process listens there; ` +
          "choose another port with --listen 127.0.0.1:PORT",
      )
    } finally {
      await hub.stop("SIGKILL")
    }
  })
})

test("hubs close connections that are silent, or stop in a head", async () => {
  const closing = RUNTIMES.map(async (runtime) => {
    const hub = await HubProcess.start(runtime, await freePort(), ["--topic", "t=memory:"])
    const sockets = ["", "GET / HTTP/1.1\r\nho"].map((text) => {
      const socket = clientOf(hub.url)
      if (text !== "") socket.write(text)
      return socket.resume()
    })
    await Promise.all(sockets.map((socket) => once(socket, "close")))
    return hub.stop("SIGKILL")
  })
  await Promise.all(closing)
})

function clientOf(url: string): Socket {
  const { hostname, port } = new URL(url)
  // It is closed by the hub, or resets: both are what is tested.
  return connect(Number(port), hostname).on("error", () => {})
}

/** A hub has not noticed at once that clients are gone. */
async function answered(ask: () => Promise<Response>): Promise<Response> {
  const deadline = performance.now() + 60_000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await pause(20)
    }
  }
}

/** Processor time that a process has used, in ms. */
async function cpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}
