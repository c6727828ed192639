import { afterEach, describe, expect, test, vi } from "vitest"
import { runtime } from "#runtime"
import { start } from "../../src/command/start.ts"
import type { Runtime } from "../../src/runtime/runtime.ts"
import { StreamReader } from "../support/stream-reader.ts"

/** Thrown by `exit`, because a test goes on where a process ends. */
class Exit extends Error {
  readonly code: number

  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}

const { log, error } = console
let said: string[] = []

afterEach(() => {
  console.log = log
  console.error = error
})

/** This machine's runtime, with arguments and signals of the test's own. */
function machine(args: readonly string[], env: Record<string, string> = {}) {
  said = []
  console.log = (line: string) => said.push(line)
  console.error = (line: string) => said.push(line)
  let stop = () => {}
  const own: Runtime = {
    ...runtime,
    args,
    env: (name) => env[name],
    envNames: () => Object.keys(env),
    writeError: async (text) => {
      said.push(...text.split("\n").filter((line) => line !== ""))
    },
    onStop: (task) => {
      stop = task
    },
    exit: (code) => {
      throw new Exit(code)
    },
  }
  return { own, stop: () => stop() }
}

async function run(args: readonly string[], env?: Record<string, string>) {
  const { own } = machine(args, env)
  const code = await start(own).then(
    () => undefined,
    (error: Exit) => error.code,
  )
  return { code, said }
}

describe("start()", () => {
  test("says wrong arguments in one line, and exits with 2", async () => {
    const { code, said } = await run(["--topic", "a=headwater+http://h/"])
    expect([code, said.length]).toEqual([2, 1])
    expect(said[0]).toMatch(/^headwater: topic "a": say which topic of which hub/)
  })

  test("says a password file that cannot be read in one line, and exits with 2", async () => {
    const env = { HEADWATER_ETCD_USERNAME: "u", HEADWATER_ETCD_PASSWORD_FILE: "/no/such/file" }
    expect(await run(["--topic", "a=etcd://127.0.0.1:1/p/"], env)).toEqual({
      code: 2,
      said: ['headwater: topic "a": the file named by HEADWATER_ETCD_PASSWORD_FILE cannot be read'],
    })
  })

  test("prints help and version, and exits with 0", async () => {
    expect((await run(["--version"])).said).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+/)])
    const { code, said } = await run(["--help"])
    expect([code, said[0]?.includes("--topic NAME=SOURCE")]).toEqual([0, true])
  })

  test("serves, and when told to stop says goodbye to every reader and exits with 0", async () => {
    // With access: its end does not come before the goodbyes.
    const args = ["--listen", "127.0.0.1:0", "--topic", "default=memory:"]
    const { own, stop } = machine([...args, "--allow-anonymous", "write"])
    let end: (code: number) => void = () => {}
    const exit = new Promise<number>((resolve) => {
      end = resolve
    })
    const done = start({ ...own, exit: (code) => end(code) as never })
    await vi.waitFor(() => expect(said.join("\n")).toContain("listens on"))
    const url = /listens on (http:\/\/\S+),/.exec(said.join("\n"))![1]
    const stream = await (await StreamReader.open(`${url}/v1/topics/default/stream`)).caughtUp()
    const began = performance.now()
    stop()
    stop()
    const rest = await stream.rest()

    expect(rest).toMatchObject([{ type: "goodbye", reason: "draining", id: stream.lastId }])
    expect(await exit).toBe(0)
    await done
    expect(performance.now() - began).toBeLessThan(60_000)
  })

  test("serves metrics at an address of their own, until it has stopped", async () => {
    const { own, stop } = machine([
      ...["--listen", "127.0.0.1:0", "--topic", "default=memory:"],
      ...["--metrics-listen", "127.0.0.1:0"],
    ])
    let end: (code: number) => void = () => {}
    const exit = new Promise<number>((resolve) => {
      end = resolve
    })
    const done = start({ ...own, exit: (code) => end(code) as never })
    await vi.waitFor(() => expect(said.join("\n")).toContain("listens on"))
    const url = /metrics are at (http:[^\s"]+)/.exec(said.join("\n"))![1]!
    const answer = await fetch(url)
    const text = await answer.text()
    const stranger = await fetch(url, { headers: { "x-forwarded-for": "10.0.0.1" } })
    const other = await fetch(url.replace("/metrics", "/v1/topics"))
    stop()

    expect([answer.status, stranger.status, other.status]).toEqual([200, 200, 404])
    const version = `version="${runtime.version}"`
    expect(text).toContain(`runtime="${runtime.name}",runtime_${version}} 1`)
    expect(Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)![1])).toBeGreaterThan(0)
    const started = Number(/^process_start_time_seconds (\S+)$/m.exec(text)![1])
    expect(Math.abs(started - Date.now() / 1_000)).toBeLessThan(600)
    expect(Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)![1])).toBeGreaterThan(1e7)
    expect(await exit).toBe(0)
    await done
    await expect(fetch(url)).rejects.toThrow()
  })

  test("exits with 1 when the address of metrics is taken", async () => {
    const listener = await runtime.listen(() => new Response(), { hostname: "127.0.0.1", port: 0 })
    const { code, said } = await run([
      ...["--listen", "127.0.0.1:0", "--topic", "default=memory:"],
      ...["--metrics-listen", listener.url.replace("http://", "")],
    ])
    await listener.close()

    expect(code).toBe(1)
    expect(said.join("\n")).toContain("choose another port with --metrics-listen 127.0.0.1:PORT")
  })

  test("exits with 1 when the address is taken", async () => {
    const listener = await runtime.listen(() => new Response(), { hostname: "127.0.0.1", port: 0 })
    const { code, said } = await run([
      ...["--listen", listener.url.replace("http://", "")],
      ...["--topic", "default=memory:"],
    ])
    await listener.close()

    expect(code).toBe(1)
    // The topic may say a word as well, before it is closed.
    const lines = said.filter((line) => line.startsWith("headwater: cannot listen on 127.0.0.1:"))
    expect(lines.length).toBe(1)
  })
})
