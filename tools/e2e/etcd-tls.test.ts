import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Etcd, etcdAvailable, freePort, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"
import { makeTlsFiles, type TlsFiles } from "./tls-files.ts"

// A hub reads its etcd by TLS, with a CA of its own and a certificate that etcd asks for, and says
// nothing of its secrets.

const FULL = process.env.HEADWATER_FULL === "1"
const RUNTIMES: RuntimeName[] = ["node", "node22", "node24", "bun", "deno"]
const PASSWORD = "correct-horse-battery"

describe.skipIf(!etcdAvailable())("a hub of an etcd with TLS", () => {
  let etcd: Etcd
  let folder: string
  let files: TlsFiles

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "headwater-tls-"))
    files = makeTlsFiles(folder)
    const { cert, key } = files.server
    etcd = await startEtcd({ secure: { caFile: files.ca, certFile: cert, keyFile: key } })
    await putFile("2")
    await sendV2("auth/users/root", JSON.stringify({ user: "root", password: PASSWORD }))
    await sendV2("auth/enable", "{}")
    const revoke = { kv: { read: ["/*"], write: ["/*"] } }
    await sendV2("auth/roles/guest", JSON.stringify({ role: "guest", revoke }))
    await etcd.call("/v3/auth/user/add", { name: "root", password: PASSWORD })
    await etcd.call("/v3/auth/user/grant", { user: "root", role: "root" })
    await etcd.call("/v3/auth/enable", {})
  })
  afterAll(async () => {
    await etcd?.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  const sendV2 = async (path: string, body: string | URLSearchParams) => {
    const authorization = `Basic ${btoa(`root:${PASSWORD}`)}`
    const init = { method: "PUT", headers: { authorization }, body }
    const response = await fetch(`${etcd.url}/v2/${path}`, init)
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    await response.arrayBuffer()
  }
  const putFile = (value: string) => sendV2("keys/tls/file", new URLSearchParams({ value }))
  const start = async (
    runtime: RuntimeName,
    env: Record<string, string>,
    [scheme, options] = ["etcds", "?write=1"],
  ) => {
    const source = `${scheme}://${etcd.secureUrl.slice("https://".length)}/tls/${options}`
    const access = { HEADWATER_ETCD_USERNAME: "root", HEADWATER_ETCD_PASSWORD: PASSWORD }
    const topic = ["--topic", `t=${source}`]
    return HubProcess.start(runtime, await freePort(), topic, { ...access, ...env })
  }
  const trusted = () => ({
    HEADWATER_ETCD_CA_FILE: files.ca,
    HEADWATER_ETCD_CERT_FILE: files.client.cert,
    HEADWATER_ETCD_KEY_FILE: files.client.key,
  })
  interface Told {
    readonly status: string
    readonly code?: string
  }
  const told = async ({ url }: HubProcess, holds: (told: Told) => boolean): Promise<Told> => {
    const deadline = performance.now() + 120_000
    for (;;) {
      const now = (await (await fetch(`${url}/v1/topics/t`)).json()) as Told
      if (holds(now) || performance.now() > deadline) return now
      await pause(50)
    }
  }

  test.each(RUNTIMES)("on %s: follows it and writes to it", async (runtime) => {
    const hub = await start(runtime, trusted())
    try {
      await told(hub, ({ status }) => status === "in-sync")
      const put = await fetch(`${hub.url}/v1/topics/t/entries/${runtime}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: "1",
      })
      const { position } = (await put.json()) as { position: string }
      const got = await fetch(`${hub.url}/v1/topics/t/entries/${runtime}?at-least=${position}`)

      expect([put.status, got.status, await got.text()]).toEqual([200, 200, "1"])
    } finally {
      await hub.stop()
    }
    expect(hub.output).not.toContain(PASSWORD)
    expect(hub.output).not.toContain("PRIVATE KEY")
  })

  test.each(RUNTIMES)("on %s: follows a directory of v2 by a user's name", async (runtime) => {
    const hub = await start(runtime, trusted(), ["etcd2s", ""])
    try {
      await told(hub, ({ status }) => status === "in-sync")
      const value = String(10 + RUNTIMES.indexOf(runtime))
      await putFile(value)
      const entry = `${hub.url}/v1/topics/t/entries/file`
      const deadline = performance.now() + 120_000
      let got = ""
      while (got !== value && performance.now() < deadline) {
        got = await (await fetch(entry)).text()
        await pause(20)
      }

      expect(got).toBe(value)
    } finally {
      await hub.stop()
    }
    expect(hub.output).not.toContain(PASSWORD)
  })

  test.each(FULL ? RUNTIMES : (["node", "bun", "deno"] as const))(
    "on %s: believes no other CA, and shows no other's certificate",
    async (runtime) => {
      const { HEADWATER_ETCD_CA_FILE, ...shown } = trusted()
      const cases = [
        // The hub breaks off: it does not know who has answered.
        { env: shown, codes: ["ERR_SOURCE_FAILED"] },
        // etcd breaks off. Its alert has the reason; a runtime may see a closed connection first.
        { env: { HEADWATER_ETCD_CA_FILE }, codes: ["ERR_UNAUTHENTICATED", "ERR_SOURCE_FAILED"] },
      ]
      for (const { env, codes } of cases) {
        const hub = await start(runtime, env)
        try {
          const { status, code } = await told(hub, (now) => now.code !== undefined)

          expect(status).toBe("waiting")
          expect(codes).toContain(code)
        } finally {
          await hub.stop()
        }
        for (const secret of [PASSWORD, readFileSync(files.client.key, "utf8").slice(30, 90)]) {
          expect(hub.output).not.toContain(secret)
        }
      }
    },
  )

  test("a file that is not there is said in one line, without what others hold", async () => {
    const hub = start("node", { ...trusted(), HEADWATER_ETCD_KEY_FILE: "/nowhere/key.pem" })

    await expect(hub).rejects.toThrow(
      'headwater: topic "t": the file named by HEADWATER_ETCD_KEY_FILE cannot be read',
    )
  })
})
