import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { createServer, type Server } from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"
import { makeTlsFiles, type TlsFiles } from "./tls-files.ts"

// A hub behind a hub, by TLS with certificates of our own, past a proxy that checks a token.

const RUNTIMES: RuntimeName[] = ["node", "node22", "node24", "bun", "deno"]
const TOKEN = "correct-horse-battery"

describe("a hub of a hub with TLS and a token", () => {
  let folder: string
  let files: TlsFiles
  let above: HubProcess
  let proxy: Server

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "headwater-hub-tls-"))
    files = makeTlsFiles(folder)
    above = await HubProcess.start("node", await freePort(), ["--topic", "t=memory:"])
    const tls = {
      ca: readFileSync(files.ca),
      cert: readFileSync(files.server.cert),
      key: readFileSync(files.server.key),
      requestCert: true,
    }
    proxy = createServer(tls, (incoming, outgoing) => {
      const { headers, method, url } = incoming
      if (headers.authorization !== `Bearer ${TOKEN}`) {
        outgoing.writeHead(401).end()
        return
      }
      const onward = request(`${above.url}${url}`, { method, headers: { ...headers, host: "" } })
      onward.once("response", (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      })
      onward.once("error", () => outgoing.destroy())
      outgoing.once("close", () => onward.destroy())
      incoming.pipe(onward)
    })
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
  })
  afterAll(async () => {
    proxy?.closeAllConnections()
    proxy?.close()
    await above?.stop("SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  })

  const start = async (runtime: RuntimeName, env: Record<string, string>) => {
    const { port } = proxy.address() as AddressInfo
    const source = `headwater+https://127.0.0.1:${port}/t?write=1`
    return HubProcess.start(runtime, await freePort(), ["--topic", `t=${source}`], env)
  }
  const trusted = () => ({
    HEADWATER_HUB_CA_FILE: files.ca,
    HEADWATER_HUB_CERT_FILE: files.client.cert,
    HEADWATER_HUB_KEY_FILE: files.client.key,
  })
  const told = async ({ url }: HubProcess, wanted: string): Promise<string> => {
    const deadline = performance.now() + 120_000
    for (;;) {
      const answer = await (await fetch(`${url}/v1/topics/t`)).json()
      const { status, code } = answer as { status: string; code?: string }
      const now = code === undefined ? status : `${status} ${code}`
      if (now === wanted || performance.now() > deadline) return now
      await pause(50)
    }
  }

  test.each(RUNTIMES)("on %s: follows it and writes to it, once it has the token", async (name) => {
    const file = join(folder, `token-${name}`)
    writeFileSync(file, "not-yet\n")
    const hub = await start(name, { ...trusted(), HEADWATER_HUB_TOKEN_FILE: file })
    try {
      const before = await told(hub, "waiting ERR_UNAUTHENTICATED")
      writeFileSync(file, `${TOKEN}\n`)
      const after = await told(hub, "in-sync")
      const put = await fetch(`${hub.url}/v1/topics/t/entries/${name}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: "1",
      })
      const { position } = (await put.json()) as { position: string }
      const got = await fetch(`${hub.url}/v1/topics/t/entries/${name}?at-least=${position}`)

      expect([before, after]).toEqual(["waiting ERR_UNAUTHENTICATED", "in-sync"])
      expect([put.status, got.status, await got.text()]).toEqual([200, 200, "1"])
    } finally {
      await hub.stop()
    }
    expect(hub.output).not.toContain(TOKEN)
  })

  test("believes no other CA", async () => {
    const hub = await start("node", { HEADWATER_HUB_TOKEN: TOKEN })
    try {
      expect(await told(hub, "waiting ERR_SOURCE_FAILED")).toBe("waiting ERR_SOURCE_FAILED")
    } finally {
      await hub.stop()
    }
    expect(hub.output).not.toContain(TOKEN)
  })
})
