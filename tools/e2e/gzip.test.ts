import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { constants, gunzipSync } from "node:zlib"
import { freePort } from "@headwater/testing/etcd"
import { type Browser, chromium } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { RawConnection } from "../../apps/server/test/support/raw-connection.ts"
// @ts-expect-error: a tool without types.
import { findRuntime } from "../runtimes.mjs"
import { Follower } from "./gzip-follower.ts"
import { HubProcess, pause } from "./hub-process.ts"

// Streams in gzip, by whatever takes them apart. Each change is written when the one before was
// heard: a decoder that held back what it has, until more comes, would never hear any.

const STREAM = "/v1/topics/t/stream"
const GZIP = "accept-encoding: gzip"
const LARGE = "large ".repeat(5_000)

/** Small, of the length of a deflated delta, and in several frames. */
const VALUES = [1, { text: "x".repeat(300) }, LARGE, 4]

const FOLLOW = `
  import { connect } from "@headwater/client"
  import { commitsOf } from "@headwater/client/follow"
  const replica = connect({ url: process.argv[2], topic: "t", report: (r) => console.log(r.type) })
  await replica.ready
  console.log("ready", replica.size)
  for await (const { changes } of commitsOf(replica)) {
    for (const change of changes) console.log(change.type, JSON.stringify(change.entry?.value))
    console.log("proven", replica.proven.mismatches)
  }
`

describe.each(["node24", "bun", "deno"] as const)("a hub on %s that compresses", (runtime) => {
  let hub: HubProcess
  const followers: Follower[] = []

  beforeEach(async () => {
    hub = await HubProcess.start(runtime, await freePort(), ["--topic", "t=memory:", "--compress"])
    while ((await fetch(`${hub.url}/readyz`)).status !== 200) await pause(20)
    for (let n = 0; n < 10; n++) await put(`before/${n}`, LARGE)
  })

  afterEach(async () => {
    for (const follower of followers.splice(0)) await follower.end()
    await hub.stop("SIGKILL")
  })

  async function put(key: string, value: unknown): Promise<void> {
    const response = await fetch(`${hub.url}/v1/topics/t/entry?key=${key}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value),
    })
    expect(response.status).toBe(200)
  }

  async function subscribers(): Promise<number> {
    return (await (await fetch(`${hub.url}/v1/topics/t`)).json()).subscribers
  }

  async function raw(...headers: readonly string[]): Promise<RawConnection> {
    const connection = await RawConnection.open(hub.url)
    connection.send(`GET ${STREAM} HTTP/1.1`, `host: ${new URL(hub.url).host}`, ...headers)
    return connection
  }

  function follow(binary: string, args: readonly string[], cwd?: string): Follower {
    const follower = new Follower(binary, args, cwd)
    followers.push(follower)
    return follower
  }

  test("delivers each event at once, and ends as one whole gzip file", async () => {
    const reader = await raw(GZIP)
    const heard = async (text: string) =>
      await reader.when(({ body }) => unpacked(body).includes(text))
    await heard("event: status")
    for (const [n, value] of VALUES.entries()) {
      await put(`k${n}`, value)
      const { body } = await heard(`"key":"k${n}"`)
      expect(unpacked(body)).toMatch(/\n\n$/)
    }
    void hub.stop()
    const { headers, body } = await reader.answer()
    const text = gunzipSync(body).toString()

    expect(headers.get("content-encoding")).toBe("gzip")
    expect(headers.get("vary")).toBe("accept-encoding")
    expect(text).toMatch(/^:\nretry: \d+\nevent: hello\n[\s\S]*event: goodbye\n(.+\n)+\n$/)
    expect(body.byteLength).toBeLessThan(text.length / 20)
    reader.close()
  })

  test("resumes a reader, and notices that he leaves", async () => {
    const first = await raw(GZIP)
    const { body } = await first.when(({ body }) => unpacked(body).includes("event: status"))
    const id = /\nid: (.+)\n/.exec(unpacked(body))![1]
    first.close()
    await put("meanwhile", VALUES[1])
    const second = await raw(GZIP, `last-event-id: ${id}`)
    const resumed = await second.when(({ body }) => unpacked(body).includes("event: status"))
    expect(unpacked(resumed.body)).toMatch('"resumed":true')
    expect(unpacked(resumed.body)).toMatch('"key":"meanwhile"')
    expect(unpacked(resumed.body)).not.toMatch('"key":"before')
    second.close()
    while ((await subscribers()) > 0) await pause(10)
  })

  test("sends plain text to readers that do not accept gzip", async () => {
    const reader = await raw("accept-encoding: br, gzip;q=0")
    const { headers } = await reader.when(({ body }) => body.includes("event: status"))

    expect(headers.has("content-encoding")).toBe(false)
    expect(headers.get("vary")).toBe("accept-encoding")
    reader.close()
  })

  test("is followed live by curl --compressed, which finds the end right", async () => {
    const curl = follow("curl", ["-sSN", "--compressed", "-D", "-", hub.url + STREAM])
    await curl.heard("event: status")
    for (const [n, value] of VALUES.entries()) {
      await put(`k${n}`, value)
      await curl.heard(`"key":"k${n}"`)
    }
    void hub.stop()

    expect(await curl.ended()).toBe(0)
    expect(curl.output).toMatch(/content-encoding: gzip/i)
    expect(curl.output).toMatch(/event: goodbye\n(.+\n)+\n$/)
  })

  describe("@headwater/client", () => {
    let folder: string

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "headwater-gzip-"))
      symlinkSync(join(import.meta.dirname, "../../node_modules"), join(folder, "node_modules"))
      writeFileSync(join(folder, "follow.mjs"), FOLLOW)
    })

    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    test.each(["node22", "node24", "bun", "deno"])("follows live on %s", async (name) => {
      const { binary, args } = await findRuntime(name)
      const client = follow(binary, [...args, join(folder, "follow.mjs"), hub.url], folder)
      await client.heard("ready 10")
      for (const [n, value] of VALUES.entries()) {
        await put(`k${n}`, value)
        await client.heard(JSON.stringify(value))
      }

      expect(client.output).not.toMatch(/proven [1-9]|lost|mismatch/)
    })
  })

  test("is followed live by an EventSource in Chromium", async () => {
    const browser: Browser = await chromium.launch({
      executablePath: process.env.HEADWATER_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    })
    try {
      const page = await browser.newPage()
      const answers: string[] = []
      page.on("response", async (response) => {
        const headers = await response.allHeaders()
        if (response.url().includes(STREAM)) answers.push(headers["content-encoding"] ?? "none")
      })
      await page.goto(`${hub.url}/`)
      await page.evaluate((url) => {
        const room = globalThis as unknown as { heard: string }
        room.heard = ""
        const source = new EventSource(url)
        for (const type of ["snapshot", "delta", "status"]) {
          source.addEventListener(type, ({ data }) => {
            room.heard += `${type} ${data}\n`
          })
        }
      }, STREAM)
      const heard = (text: string) =>
        page.waitForFunction(
          (text) => (globalThis as unknown as { heard: string }).heard.includes(text),
          text,
          { timeout: 10_000 },
        )
      await heard("status ")
      for (const [n, value] of VALUES.entries()) {
        await put(`k${n}`, value)
        await heard(`"key":"k${n}"`)
      }

      expect(answers[0]).toBe("gzip")
    } finally {
      await browser.close()
    }
  })
})

/** The readable part of a stream in gzip that goes on. */
function unpacked(body: Buffer): string {
  if (body.byteLength < 18) return ""
  return gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
}
