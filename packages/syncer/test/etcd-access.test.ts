import { generateKeyPairSync } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemClock } from "@headwater/core"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { etcdSource } from "../src/sources/etcd/index.ts"
import { contentOf, contentOfCache, Hub, never, put, write } from "./harness.ts"

const PATIENCE_MS = 120_000

describe.skipIf(!etcdAvailable())("EtcdSource, with tokens that live for seconds", () => {
  let etcd: Etcd
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "headwater-jwt-"))
    const [priv, pub] = [join(folder, "jwt.key"), join(folder, "jwt.pub")]
    const pem = { type: "pkcs1", format: "pem" } as const
    const keys = generateKeyPairSync("rsa", {
      modulusLength: 2_048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: pem,
    })
    writeFileSync(priv, keys.privateKey)
    writeFileSync(pub, keys.publicKey)
    // Whole seconds count: one of 1 s may expire at once.
    const token = `jwt,pub-key=${pub},priv-key=${priv},sign-method=RS256,ttl=3s`
    etcd = await startEtcd({ args: ["--auth-token", token] })
    await etcd.call("/v3/auth/user/add", { name: "root", password: "secret" })
    await etcd.call("/v3/auth/user/grant", { user: "root", role: "root" })
    await etcd.call("/v3/auth/enable", {})
  })
  afterAll(async () => {
    await etcd.dispose()
    rmSync(folder, { recursive: true })
  })

  /** Waits until a token that is younger than any before it is refused. */
  const expired = async () => {
    const answer = await etcd.call("/v3/auth/authenticate", { name: "root", password: "secret" })
    const { token } = answer as { token: string }
    const deadline = performance.now() + PATIENCE_MS
    while (performance.now() < deadline) {
      const range = { method: "POST", headers: { authorization: token }, body: `{"key":"AA=="}` }
      const response = await fetch(`${etcd.url}/v3/kv/range`, range)
      await response.text()
      if (!response.ok) return
    }
    throw new Error("the token does not expire")
  }

  test("asks for a token once, and again when it has expired, also under a watch", async () => {
    let asked = 0
    const counting = (input: unknown, init?: RequestInit) => {
      if (String(input).endsWith("/authenticate")) asked += 1
      return fetch(String(input), init)
    }
    const source = etcdSource({
      endpoints: [etcd.url],
      prefix: "/token/",
      write: true,
      username: "root",
      password: "secret",
      fetch: counting as typeof fetch,
      clock: systemClock,
    })
    const hub = new Hub(source, systemClock)
    try {
      await Promise.all([source.revision(never), source.revision(never), source.identity(never)])
      const first = asked
      await expired()
      const last = await write(source, put("a", "1"))
      const late = AbortSignal.timeout(PATIENCE_MS)
      const { cache } = hub
      while ((cache.position?.revision ?? 0) < last) await cache.changes.wait(late)

      // A slow machine may need a third token.
      expect(first).toBe(1)
      expect(asked).toBeGreaterThan(1)
      expect(asked).toBeLessThan(10)
      expect(contentOfCache(cache)).toEqual(await contentOf(source))
      expect(hub.log.join("\n")).not.toContain("secret")
    } finally {
      await hub.stop()
      await source.close()
    }
  })
})

describe.skipIf(!etcdAvailable())("EtcdSource, whose password is renewed", () => {
  let etcd: Etcd

  beforeAll(async () => {
    etcd = await startEtcd()
    await etcd.call("/v3/auth/user/add", { name: "root", password: "root" })
    await etcd.call("/v3/auth/user/grant", { user: "root", role: "root" })
    await etcd.call("/v3/auth/user/add", { name: "hub", password: "first" })
    await etcd.call("/v3/auth/user/add", { name: "stranger", password: "first" })
    const permission = { permType: "READWRITE", key: btoa("/"), range_end: btoa("0") }
    await etcd.call("/v3/auth/role/add", { name: "services" })
    await etcd.call("/v3/auth/role/grant", { name: "services", perm: permission })
    await etcd.call("/v3/auth/user/grant", { user: "hub", role: "services" })
    await etcd.call("/v3/auth/enable", {})
  })
  afterAll(() => etcd.dispose())

  const open = (username: string, password: string | (() => string)) => {
    const options = { prefix: "/a/", write: true, marker: false, clock: systemClock }
    return etcdSource({ ...options, endpoints: [etcd.url], username, password })
  }
  const asRoot = async (path: string, body: object) => {
    const answer = await etcd.call("/v3/auth/authenticate", { name: "root", password: "root" })
    const { token: authorization } = answer as { token: string }
    const init = { method: "POST", headers: { authorization }, body: JSON.stringify(body) }
    const response = await fetch(etcd.url + path, init)
    if (!response.ok) throw new Error(await response.text())
    await response.text()
  }
  const statusOf = async (hub: Hub, wanted: string) => {
    const late = AbortSignal.timeout(PATIENCE_MS)
    while (hub.statuses.at(-1) !== wanted) await hub.cache.changes.wait(late)
  }

  test("it is read for each token, so that writes and reads go on", async () => {
    let password = "first"
    const source = open("hub", () => password)
    const hub = new Hub(source, systemClock)
    await statusOf(hub, "in-sync")
    await write(source, put("a", "1"))
    await asRoot("/v3/auth/user/changepw", { name: "hub", password: "second" })
    const refused = await write(source, put("a", "2")).catch((error) => error)
    password = "second"
    const last = await write(source, put("a", "3"))

    // A caller's own token is not what was refused.
    expect([refused.code, refused.message]).toEqual([
      "ERR_SOURCE_FAILED",
      expect.stringMatching(/authentication failed/),
    ])
    const late = AbortSignal.timeout(PATIENCE_MS)
    while (hub.cache.position?.revision !== last) await hub.cache.changes.wait(late)
    await hub.stop()
    await source.close()
  })

  test.each([
    ["a wrong password", "hub", () => "wrong", "waiting ERR_UNAUTHENTICATED"],
    ["no rights", "stranger", () => "first", "waiting ERR_FORBIDDEN"],
    [
      "no password at the moment",
      "hub",
      (): string => {
        throw new Error("the file is away")
      },
      "waiting ERR_UNAUTHENTICATED",
    ],
  ])("%s is said by a code", async (_name, username, password, status) => {
    const source = open(username, password)
    const hub = new Hub(source, systemClock)
    await statusOf(hub, status)
    await hub.stop()
    await source.close()
  })
})

describe.skipIf(!etcdAvailable())("EtcdSource.writeWithTtl()", () => {
  test("ES-B4: what was written is deleted when its time is up, which readers hear", async () => {
    const etcd = await startEtcd()
    const options = { endpoints: [etcd.url], prefix: "/ttl/", write: true, clock: systemClock }
    const source = etcdSource(options)
    const hub = new Hub(source, systemClock)
    const { cache } = hub
    const late = AbortSignal.timeout(PATIENCE_MS)
    try {
      await write(source, put("stays", "1"))
      const changes = [put("goes", "1"), put("goes/too", "1")]
      const outcome = await source.writeWithTtl!({ conditions: [], changes }, 300, never)
      while (cache.get("goes/too") === undefined) await cache.changes.wait(late)
      while (cache.get("goes") !== undefined) await cache.changes.wait(late)
      const stays = [{ key: "stays", revision: 0 }]
      const refused = await source.writeWithTtl!({ conditions: stays, changes }, 300, never)
      const leases = (await etcd.call("/v3/lease/leases", {})) as { leases?: unknown[] }

      expect(outcome.written).toBe(true)
      expect(refused.written).toBe(false)
      expect(leases.leases ?? []).toEqual([])
      expect(Object.keys(contentOfCache(cache)!)).toEqual(["stays"])
      expect(etcdSource({ ...options, write: false }).writeWithTtl).toBeUndefined()
    } finally {
      await hub.stop()
      await source.close()
      await etcd.dispose()
    }
  })
})
