import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
// @ts-expect-error: a tool without types.
import { findRuntime } from "../runtimes.mjs"
import { HubProcess, pause } from "./hub-process.ts"

// What only a process shows: pipes that close, signals, and the programs that it starts.

const main = join(import.meta.dirname, "../../apps/server/dist/main.js")

describe.each(["node", "bun", "deno"])("the command on %s", (name) => {
  const folder = mkdtempSync(join(tmpdir(), "headwater-command-"))
  let hub: HubProcess
  let command: readonly string[]

  beforeAll(async () => {
    const { binary, args } =
      name === "node" ? { binary: process.execPath, args: [] } : await findRuntime(name)
    command = [binary, ...args, main]
    hub = await (await HubProcess.start("node", await freePort(), ["--topic", "t=memory:"])).ready()
    // More than a pipe holds.
    for (const key of ["a", "b", "c"]) run("put", "t", key, "--text", "x".repeat(100_000))
  })

  afterAll(async () => {
    await hub.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const env = () => ({ ...process.env, HEADWATER_URL: hub.url, XDG_CONFIG_HOME: folder })

  function run(...args: readonly string[]) {
    const [binary, ...before] = command
    return spawnSync(binary!, [...before, ...args], { env: env(), encoding: "utf8" })
  }

  function start(...args: readonly string[]): ChildProcess {
    const [binary, ...before] = command
    const stdio = ["ignore", "pipe", "pipe"] as const
    return spawn(binary!, [...before, ...args], { env: env(), stdio: [...stdio] })
  }

  test("ends quietly when the reader of its pipe has gone", () => {
    const line = `"$@" ls t --json | head -c 8; echo " \${PIPESTATUS[0]}"`
    const { stdout, stderr } = spawnSync("bash", ["-c", line, "bash", ...command], {
      env: env(),
      encoding: "utf8",
    })
    expect([stdout, stderr]).toEqual([`{"key":" 0\n`, ""])
  })

  test("ends by SIGINT with 130, and with it the programs that it started", async () => {
    const file = join(folder, "pid")
    const shell = `sleep 1000 & echo $! > ${file}; wait`
    const child = start("follow", "t", "--exec", shell)
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve))
    while (!existsSync(file) || readFileSync(file, "utf8").trim() === "") await pause(20)
    child.kill("SIGINT")

    expect(await ended).toBe(130)
    const pid = Number(readFileSync(file, "utf8"))
    while (isAlive(pid)) await pause(20)
  })
})

function isAlive(pid: number): boolean {
  // A process that its parent has not asked for yet is a zombie, and ended.
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" })
  return stdout.trim() !== "" && !stdout.startsWith("Z")
}
