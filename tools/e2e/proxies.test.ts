import { execFile } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect } from "node:http2"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { freePort } from "@headwater/testing/etcd"
import { chromium } from "playwright-core"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { Follower } from "./gzip-follower.ts"
import { HubProcess, pause } from "./hub-process.ts"
import { type ProxyName, ProxyProcess, proxyAvailable } from "./proxy-process.ts"

// The configurations in deploy/, run by the proxies that they are for. Each change is written when
// the one before was received: a proxy that holds events back would never show any.

const run = promisify(execFile)
const PATIENCE_MS = 120_000
const PAGE = join(import.meta.dirname, "../../docs/proxies.md")
const STREAM = "/v1/topics/t/stream"
const FOLLOW = /```js\n([\s\S]*?)```/.exec(readFileSync(PAGE, "utf8"))![1]
const HOST = "host: hub.example"

describe.each<ProxyName>(["nginx", "caddy", "haproxy", "varnish"])("a hub behind %s", (name) => {
  const isHttp2 = name !== "varnish"

  const variants = describe.skipIf(!proxyAvailable(name))
  variants.each(["plain", "--compress"])("started %s", (option) => {
    const options = option === "plain" ? [] : [option]
    const args = ["--topic", "t=memory:", "--allow-host", "hub.example", ...options]
    let folder: string
    let hubPort: number
    let hub: HubProcess
    let proxy: ProxyProcess
    const followers: Follower[] = []

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "headwater-proxy-"))
      chmodSync(folder, 0o755) // Varnish reads its file as another user.
      hubPort = await freePort()
      hub = await HubProcess.start("node", hubPort, [...args, "--allow-anonymous", "write"])
      proxy = ProxyProcess.start(name, folder, await freePort(), hubPort)
      await statusIs(200)
    })

    afterEach(async () => {
      for (const follower of followers.splice(0)) await follower.end()
      await proxy.stop()
      await hub.stop("SIGKILL")
      rmSync(folder, { recursive: true, force: true })
    })

    const curl = (...more: readonly string[]) => [
      ...["-sSN", "--cacert", proxy.tls.ca, "--http2", "-H", HOST, ...more],
    ]

    async function status(path: string): Promise<number> {
      const out = await run("curl", [
        ...curl("-o", join(folder, "answer"), "-w", "%{http_code}", proxy.url + path),
      ]).catch((error: { stdout: string }) => error)
      return Number(out.stdout)
    }

    async function statusIs(...wanted: readonly number[]): Promise<number> {
      const until = performance.now() + PATIENCE_MS
      for (;;) {
        const now = await status("/readyz")
        if (wanted.includes(now)) return now
        if (proxy.hasEnded || performance.now() > until) {
          throw new Error(`${now} and not ${wanted}: ${proxy.output}`)
        }
        await pause(50)
      }
    }

    function follow(...more: readonly string[]): Follower {
      const follower = new Follower("curl", curl(...more, proxy.url + STREAM))
      followers.push(follower)
      return follower
    }

    async function put(key: string, value: unknown): Promise<void> {
      const { stdout } = await run("curl", [
        ...curl("-X", "PUT", "-H", "content-type: application/json"),
        ...["-d", JSON.stringify(value), "-w", "%{http_code}"],
        `${proxy.url}/v1/topics/t/entries/${encodeURIComponent(key)}`,
      ])
      expect(stdout).toMatch(/200$/)
    }

    test.each(["-N", "--compressed"])("sends each event at once to curl %s", async (more) => {
      const reader = follow(more)
      await reader.heard("event: status")
      for (const value of [1, "x".repeat(300), "large ".repeat(5_000), 4]) {
        const key = `a/${String(value).length} b`
        await put(key, value)
        await reader.heard(`"key":"${key}"`)
      }
      const { length } = reader.output
      await put("last", 1)
      await reader.heard('"key":"last"')

      expect(reader.output.length).toBeGreaterThan(length)
    })

    test.runIf(isHttp2)("carries 20 streams on one connection", async () => {
      const session = connect(proxy.url, { ca: readFileSync(proxy.tls.ca) })
      try {
        const texts = Array.from({ length: 20 }, () => ({ text: "" }))
        for (const heard of texts) {
          const stream = session.request({ ":path": STREAM, ":authority": "hub.example" })
          stream.on("data", (chunk) => {
            heard.text += chunk
          })
        }
        const until = performance.now() + PATIENCE_MS
        await put("k", 1)
        while (!texts.every(({ text }) => text.includes('"key":"k"'))) {
          if (performance.now() > until) throw new Error(texts.map(({ text }) => text).join("\n"))
          await pause(20)
        }
      } finally {
        session.destroy()
      }
    })

    test.runIf(isHttp2 && option === "plain")("keeps a page's EventSource going", async () => {
      const browser = await chromium.launch({
        executablePath: process.env["HEADWATER_CHROMIUM"] ?? "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP hub.example 127.0.0.1"],
      })
      try {
        const context = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true })
        const page = await context.newPage()
        await page.goto(`${proxy.url.replace("localhost", "hub.example")}/healthz`)
        await page.evaluate(`(() => { ${FOLLOW}
          globalThis.heard = ""
          follow("${STREAM}", ({ type, data }) => { globalThis.heard += type + data + "\\n" })
        })()`)
        const heard = (text: string) =>
          page.waitForFunction(
            (text) => (globalThis as unknown as { heard: string }).heard.includes(text),
            text,
            { timeout: PATIENCE_MS },
          )
        await put("before", 1)
        await heard('"key":"before"')
        await hub.stop()
        await statusIs(502, 503)
        await page.waitForResponse((answer) => answer.status() > 500, { timeout: PATIENCE_MS })
        hub = await HubProcess.start("node", hubPort, [...args, "--allow-anonymous", "write"])
        await statusIs(200)
        await put("after", 1)
        await heard('"key":"after"')
      } finally {
        await browser.close()
      }
    })

    test("answers 502 or 503 while the hub restarts, and streams when it is back", async () => {
      const reader = follow()
      await reader.heard("event: status")
      await hub.stop()
      await reader.heard("event: goodbye")
      await reader.ended()
      await statusIs(502, 503)
      hub = await HubProcess.start("node", hubPort, [...args, "--allow-anonymous", "write"])
      await statusIs(200)
      const again = follow()
      await again.heard("event: status")

      expect(await status(STREAM.replace("/t/", "/nope/"))).toBe(404)
    })
  })
})
