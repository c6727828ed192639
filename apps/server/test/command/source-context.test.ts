import { spawnSync } from "node:child_process"
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemClock } from "@headwater/core"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { runtime } from "#runtime"
import { sourceContext } from "../../src/command/source-context.ts"

const hasOpenssl = spawnSync("openssl", ["version"], { stdio: "ignore" }).status === 0
const never = new AbortController().signal

describe.skipIf(!etcdAvailable() || !hasOpenssl)("fetchWith(), while files are renewed", () => {
  let folder: string
  let etcd: Etcd
  const at = (name: string) => join(folder, name)

  /** An authority, and a certificate of it for servers and clients on this machine. */
  const make = (name: string) => {
    const run = (...args: string[]) => {
      const { status, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" })
      if (status !== 0) throw new Error(stderr)
    }
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    const authority = ["-keyout", `${name}-ca.key`, "-out", `${name}-ca.pem`]
    run("req", "-x509", ...key, "-days", "2", "-subj", `/CN=${name} authority`, ...authority)
    run("req", ...key, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`)
    writeFileSync(at("extensions"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    const signed = ["-CA", `${name}-ca.pem`, "-CAkey", `${name}-ca.key`, "-CAcreateserial"]
    const out = ["-days", "2", "-extfile", "extensions", "-out", `${name}.pem`]
    run("x509", "-req", "-in", `${name}.csr`, ...signed, ...out)
  }
  /** As a rotation does it: each file at once, by a rename. */
  const install = (name: string) => {
    const files = [`${name}-ca.pem`, `${name}.pem`, `${name}.key`]
    for (const [index, target] of ["ca.pem", "cert.pem", "key.pem"].entries()) {
      spawnSync("cp", [at(files[index]!), at("next")])
      renameSync(at("next"), at(target))
    }
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "headwater-tls-"))
    make("good")
    make("other")
    const [caFile, certFile, keyFile] = [at("good-ca.pem"), at("good.pem"), at("good.key")]
    etcd = await startEtcd({ secure: { caFile, certFile, keyFile } })
  }, 60_000)
  afterAll(async () => {
    await etcd.dispose()
    rmSync(folder, { recursive: true })
  })

  test("the authority and the certificate are those of the files now", async () => {
    install("other")
    const variables: Record<string, string> = {
      HEADWATER_ETCD_CA_FILE: at("ca.pem"),
      HEADWATER_ETCD_CERT_FILE: at("cert.pem"),
      HEADWATER_ETCD_KEY_FILE: at("key.pem"),
    }
    const machine = { ...runtime, env: (name: string) => variables[name] }
    const secure = (await sourceContext(machine, "json", () => {}).fetchWith("HEADWATER_ETCD"))!
    const ask = () =>
      secure(`${etcd.secureUrl}/v3/kv/range`, { method: "POST", body: '{"key":"AA=="}' })
        .then((response) => response.text())
        .then((text) => text.includes("cluster_id"))
        .catch(() => false)

    expect(await ask()).toBe(false)
    rmSync(at("key.pem"))
    expect(await ask()).toBe(false)
    install("good")
    while (!(await ask())) await systemClock.sleep(50, never)
  }, 60_000)
})
