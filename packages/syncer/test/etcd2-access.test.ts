import { systemClock } from "@headwater/core"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Etcd2Source, etcd2Source } from "../src/sources/etcd2/index.ts"
import { contentOf, never } from "./harness.ts"

const NAME = "reader"
const PASSWORD = "correct-horse: battery"

describe.skipIf(!etcdAvailable())("Etcd2Source, by a user who may read its directory alone", () => {
  let etcd: Etcd
  const sources: Etcd2Source[] = []

  const send = async (path: string, body: object | string) => {
    const isForm = typeof body === "string"
    const type = isForm ? "application/x-www-form-urlencoded" : "application/json"
    const headers = { "content-type": type, authorization: `Basic ${btoa("root:root")}` }
    const init = { method: "PUT", headers, body: isForm ? body : JSON.stringify(body) }
    const response = await fetch(`${etcd.url}/v2/${path}`, init)
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    await response.arrayBuffer()
  }
  const open = (
    username: string | undefined,
    password: string | (() => string),
    prefix = "/services/",
  ) => {
    const access = username === undefined ? {} : { username, password }
    const endpoints = [etcd.url]
    const source = etcd2Source({ endpoints, prefix, clock: systemClock, ...access })
    sources.push(source)
    return source
  }

  beforeAll(async () => {
    etcd = await startEtcd()
    await send("keys/services/a/b", "value=1")
    await send("keys/others", "value=1")
    await send("auth/users/root", { user: "root", password: "root" })
    await send("auth/enable", {})
    const permissions = { kv: { read: ["/services/*"], write: [] } }
    await send("auth/roles/services", { role: "services", permissions })
    await send(`auth/users/${NAME}`, { user: NAME, password: PASSWORD, roles: ["services"] })
    const revoke = { kv: { read: ["/*"], write: ["/*"] } }
    await send("auth/roles/guest", { role: "guest", revoke })
  })
  afterAll(async () => {
    for (const source of sources) await source.close()
    await etcd.dispose()
  })

  test("it is listed and watched", async () => {
    const source = open(NAME, PASSWORD)
    const identity = await source.identity(never)
    const revision = await source.revision(never)
    const content = await contentOf(source)
    const events = source.watch(revision + 1, never)
    await events.next()
    const told = events.next()
    await send("keys/services/c", "value=2")

    expect(identity).toMatch(/^etcd2\/[0-9a-f]+\/services\/$/)
    expect(content).toEqual({ "a/b": "1 at 4" })
    expect(await told).toMatchObject({ value: { commits: [{ changes: [{ key: "c" }] }] } })
    await events.return(undefined)
  })

  test.each([
    ["nobody", undefined, ""],
    ["a wrong password", NAME, "wrong"],
  ])("%s is refused, and told no revision", async (_, username, password) => {
    const source = open(username, password)
    const refused = { code: "ERR_UNAUTHENTICATED", message: expect.stringContaining("401") }

    await expect(source.identity(never)).rejects.toMatchObject(refused)
    await expect(source.revision(never)).rejects.toMatchObject(refused)
    await expect(contentOf(source)).rejects.toMatchObject(refused)
    await expect(source.watch(5, never).next()).resolves.toMatchObject({
      value: { type: "lost", reason: "closed", error: refused },
    })
  })

  test("a password that is renewed is read for each request", async () => {
    let given = "old"
    const source = open(NAME, () => given)
    await expect(source.revision(never)).rejects.toThrow("401")
    given = PASSWORD

    expect(await source.revision(never)).toBeGreaterThan(0)
  })

  test("another directory is refused", async () => {
    const source = open(NAME, PASSWORD, "/")

    await expect(source.revision(never)).rejects.toThrow("401")
  })
})
