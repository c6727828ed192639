import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type MemorySource, memorySource } from "@headwater/syncer/memory"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { runtime } from "#runtime"
import type { Config } from "../../src/command/config.ts"
import { sourceContext } from "../../src/command/source-context.ts"
import { createApp } from "../../src/http/app.ts"
import { createHub, type Hub } from "../../src/hub.ts"
import type { Listener } from "../../src/runtime/runtime.ts"
import { configOf as readConfigOf } from "../support/command-line.ts"

// A hub behind a hub that asks for a token: a server that checks it stands before the one above, as
// a proxy does.

const PATIENCE_MS = 120_000

describe("a hub behind a hub that asks for a token", () => {
  let folder: string
  let memory: MemorySource
  let above: Hub
  let listener: Listener
  /** The accepted token; a request with another one is refused, and open streams must end. */
  let taken: string
  let refused: number
  let letGo: () => void
  let below: Hub | undefined
  const lines: string[] = []

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "headwater-token-"))
    memory = memorySource()
    above = createHub({ topics: [{ name: "t", source: memory }], log: () => {} })
    const app = createApp(above, { anonymous: "write" })
    letGo = () => {}
    taken = "first"
    refused = 0
    lines.length = 0
    const gate = async (request: Request) => {
      if (request.headers.get("authorization") !== `Bearer ${taken}`) {
        refused += 1
        return new Response("no", { status: 401 })
      }
      const response = await app.fetch(request)
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response
      const end = new AbortController()
      letGo = () => end.abort()
      const passing = new TransformStream<Uint8Array, Uint8Array>()
      response
        .body!.pipeTo(passing.writable, { signal: end.signal, preventAbort: true })
        .catch(() => passing.writable.close())
        .catch(() => {}) // whoever listened has left
      return new Response(passing.readable, response)
    }
    listener = await runtime.listen(gate, { hostname: "127.0.0.1", port: 0 })
  })
  afterEach(async () => {
    letGo()
    await below?.close(0)
    below = undefined
    await above.close(0)
    await listener.close()
    rmSync(folder, { recursive: true })
  })

  const write = (key: string) => {
    const changes = [{ op: "put", key, value: new TextEncoder().encode("1") } as const]
    return memory.write({ conditions: [], changes }, new AbortController().signal)
  }
  const open = (config: Config, env: Record<string, string>) => {
    const machine = { ...runtime, env: (name: string) => env[name] }
    return config.topics[0]!.source.open(sourceContext(machine, "json", () => {}))
  }
  const configOf = (env: Record<string, string>, query = ""): Promise<Config> =>
    readConfigOf(["--topic", `t=headwater+${listener.url}/t${query}`], env)
  /** The hub below, as the command opens it. */
  const start = async (env: Record<string, string>, query = "") => {
    const config = await configOf(env, query)
    const source = await open(config, env)
    const log = (line: string, fields?: unknown) => lines.push(`${line} ${JSON.stringify(fields)}`)
    below = createHub({ topics: [{ name: "t", source }], log })
  }
  const told = async () => {
    const response = await createApp(below!, { anonymous: "read" }).fetch(
      new Request("http://127.0.0.1/v1/topics/t"),
    )
    const { status, code } = (await response.json()) as { status: string; code?: string }
    return code === undefined ? status : `${status} ${code}`
  }
  const until = async (holds: () => Promise<boolean> | boolean) => {
    const deadline = performance.now() + PATIENCE_MS
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`${await told()}\n${lines.join("\n")}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }

  test("shows the token of the environment", async () => {
    await start({ HEADWATER_HUB_TOKEN: "first" })
    await write("a")
    await until(() => below!.topic("t").cache.get("a") !== undefined)

    expect([await told(), refused]).toEqual(["in-sync", 0])
  })

  test("without one, or with another, says so by a code, and not what it has shown", async () => {
    for (const env of [{}, { HEADWATER_HUB_TOKEN: "wrong-one" }] as Record<string, string>[]) {
      await start(env)
      await until(async () => (await told()) === "waiting ERR_UNAUTHENTICATED")
      await below!.close(0)
    }

    expect(lines.join()).not.toContain("wrong-one")
  })

  test("a token that is renewed in its file works without another start", async () => {
    const path = file("token", "first\n")
    await start({ HEADWATER_HUB_TOKEN_FILE: path })
    await until(async () => (await told()) === "in-sync")
    taken = "second"
    letGo()
    await until(async () => (await told()) === "stale ERR_UNAUTHENTICATED")
    await write("a")
    file("token", "second")
    await until(() => below!.topic("t").cache.get("a") !== undefined)
    await until(async () => (await told()) === "in-sync")

    expect(lines.join()).not.toMatch(/first|second/)
  })

  test("a file that is away for a moment is waited for", async () => {
    const path = file("token", "first")
    await start({ HEADWATER_HUB_TOKEN_FILE: path })
    await until(async () => (await told()) === "in-sync")
    rmSync(path)
    letGo()
    await until(async () => (await told()) === "stale ERR_UNAUTHENTICATED")
    file("token", "first")
    await until(async () => (await told()) === "in-sync")
  })

  test("a topic's own file is shown instead of what others are shown", async () => {
    const path = file("own", "first")
    const query = `?token-file=${encodeURIComponent(path)}`
    await start({ HEADWATER_HUB_TOKEN: "of-others" }, query)
    await until(async () => (await told()) === "in-sync")

    expect(refused).toBe(0)
  })

  test("a file that cannot be read, or holds no token, is said first of all", async () => {
    const env = { HEADWATER_HUB_TOKEN_FILE: "/nowhere" }
    await expect(open(await configOf(env), env)).rejects.toThrow(
      "the file named by HEADWATER_HUB_TOKEN_FILE cannot be read",
    )
    const empty = await configOf({}, `?token-file=${file("empty", "\n")}`)
    await expect(open(empty, {})).rejects.toThrow("the file named by token-file holds no token")
    const both = { ...env, HEADWATER_HUB_TOKEN: "x" }
    await expect(open(await configOf(both), both)).rejects.toThrow(
      "give HEADWATER_HUB_TOKEN or HEADWATER_HUB_TOKEN_FILE, not both",
    )
    expect(refused).toBe(0)
  })
})
