import { once } from "node:events"
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs"
import { type ClientHttp2Session, connect } from "node:http2"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect as connectTls } from "node:tls"
import { freePort } from "@headwater/testing/etcd"
import { type Browser, chromium } from "playwright-core"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"
import { makeTlsFiles, type TlsFiles } from "./tls-files.ts"

// Hubs that serve HTTPS themselves, with certificates of a CA of our own.

const TABS = 20
const CHROMIUM_ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]

describe.each(["node", "node22", "node24", "bun", "deno"] as const)(
  "a hub by HTTPS on %s",
  (runtime: RuntimeName) => {
    let folder: string
    let files: TlsFiles
    let hub: HubProcess
    const shown = { cert: "", key: "" }

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "headwater-https-"))
      files = makeTlsFiles(folder)
      shown.cert = join(folder, "shown.pem")
      shown.key = join(folder, "shown.key")
      show(files.server)
      const tls = ["--tls-cert", shown.cert, "--tls-key", shown.key]
      hub = await HubProcess.start(runtime, await freePort(), ["--topic", "t=memory:", ...tls])
    })

    afterEach(async () => {
      await hub.stop("SIGKILL")
      rmSync(folder, { recursive: true, force: true })
    })

    /** Replaces the files as a certificate manager does: each by a rename. */
    function show(pair: { readonly cert: string; readonly key: string }): void {
      for (const part of ["cert", "key"] as const) {
        copyFileSync(pair[part], `${shown[part]}.new`)
        renameSync(`${shown[part]}.new`, shown[part])
      }
    }

    async function organisationShown(): Promise<unknown> {
      const { port } = new URL(hub.url)
      const socket = connectTls({ port: Number(port), rejectUnauthorized: false })
      await once(socket, "secureConnect")
      const { subject } = socket.getPeerCertificate()
      socket.destroy()
      return subject.O ?? subject.CN
    }

    test("speaks HTTP/2, and shows the certificate that its files have now", async () => {
      const session = connect(hub.url, { ca: readFileSync(files.ca) })
      const stream = session.request({ ":path": "/v1/topics/t/stream" })
      const text = textOf(stream)
      await text.until("event: status")
      expect(await statusOf(session, "/healthz")).toBe(200)
      expect(await organisationShown()).toBe("server")

      show(files.client)
      while ((await organisationShown()) !== "headwater") await pause(50)
      expect(hub.output).toContain("new connections get the certificate")
      copyFileSync(files.server.key, shown.key)
      while (!hub.output.includes("the certificate stays as it is")) await pause(50)
      expect(await organisationShown()).toBe("headwater")

      const exited = hub.stop()
      await text.until("event: goodbye")
      expect(await exited).toBe(0)
      session.destroy()
    })
  },
)

describe
  .skipIf(process.env["HEADWATER_CHROMIUM"] === undefined)
  .each(["node", "bun", "deno"] as const)(
  "twenty tabs of one browser, with a hub by HTTPS on %s",
  (runtime: RuntimeName) => {
    let folder: string
    let hub: HubProcess
    let browser: Browser

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "headwater-tabs-"))
      const { server } = makeTlsFiles(folder)
      const tls = ["--tls-cert", server.cert, "--tls-key", server.key]
      hub = await HubProcess.start(runtime, await freePort(), ["--topic", "t=memory:", ...tls])
      const executablePath = process.env["HEADWATER_CHROMIUM"]!
      browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS })
    })

    afterEach(async () => {
      await browser?.close()
      await hub?.stop("SIGKILL")
      rmSync(folder, { recursive: true, force: true })
    })

    test("all follow a topic by HTTP/2, and one of them writes", async () => {
      const context = await browser.newContext({ ignoreHTTPSErrors: true })
      const pages = await Promise.all(Array.from({ length: TABS }, () => context.newPage()))
      // A page of the hub's origin that may run scripts.
      const body = "<title>a tab</title>"
      await context.route("**/blank", (route) => route.fulfill({ contentType: "text/html", body }))
      for (const page of pages) await page.goto(`${hub.url}/blank`)
      const protocols = await Promise.all(pages.map((page) => page.evaluate(follow)))
      expect(new Set(protocols)).toEqual(new Set(["h2"]))

      await pages[0]!.evaluate(write)
      const last = await Promise.all(pages.map((page) => page.evaluate(delta)))
      expect(last.filter((data) => data.includes('"written"')).length).toBe(TABS)
    })
  },
)

/** In a page: follows the topic until it is in sync. Resolves with the protocol of an answer. */
async function follow(): Promise<string> {
  const health = await fetch("/healthz")
  await health.text()
  const source = new EventSource("/v1/topics/t/stream")
  const page = globalThis as unknown as { delta: Promise<string> }
  page.delta = new Promise((resolve) => {
    source.addEventListener("delta", ({ data }) => resolve(data))
  })
  return new Promise((resolve) => {
    source.addEventListener("sync", () => {
      const [first] = performance.getEntriesByName(health.url)
      resolve((first as unknown as { nextHopProtocol: string }).nextHopProtocol)
    })
  })
}

async function write(): Promise<void> {
  const headers = { "content-type": "application/json" }
  const init = { method: "PUT", headers, body: '"written"' }
  const { ok } = await fetch("/v1/topics/t/entry?key=a", init)
  if (!ok) throw new Error("the write was refused")
}

function delta(): Promise<string> {
  return (globalThis as unknown as { delta: Promise<string> }).delta
}

async function statusOf(session: ClientHttp2Session, path: string): Promise<unknown> {
  const request = session.request({ ":path": path })
  request.resume()
  const [headers] = await once(request, "response")
  return headers[":status"]
}

function textOf(stream: NodeJS.ReadableStream) {
  let text = ""
  stream.on("error", () => {})
  stream.on("data", (part) => {
    text += part
  })
  return {
    async until(mark: string): Promise<void> {
      while (!text.includes(mark)) await pause(10)
    },
  }
}
