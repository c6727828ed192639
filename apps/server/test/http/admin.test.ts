import { systemClock } from "@headwater/core"
import { Hono } from "hono"
import { expect, test } from "vitest"
import { Access } from "../../src/access/access.ts"
import { mayAdminister, requireAdmin } from "../../src/http/admin.ts"
import { authenticate } from "../../src/http/authenticate.ts"
import { errorResponse } from "../../src/http/error-response.ts"
import type { PeerBindings } from "../../src/http/peer.ts"

const app = new Hono()
const access = new Access({ clock: systemClock, report: () => {}, anonymous: {} })
app.use(authenticate({} as never, access, []))
app.get("/may", (context) => context.json(mayAdminister(context)))
app.get("/must", (context) => {
  requireAdmin(context)
  return context.body(null)
})
app.onError((error) => errorResponse(error, { log: () => {}, bugs: { report: () => {} } as never }))

const local = { peerAddress: "127.0.0.1" }

async function may(env: PeerBindings | undefined, headers: Record<string, string>) {
  return (await app.request("http://localhost/may", { headers }, env)).json()
}

test.each(["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.8.0.1"])(
  "the peer %s administers a hub, asked for by a loopback name",
  async (peerAddress) => {
    for (const host of ["localhost", "127.0.0.1:8080", "[::1]:8080"]) {
      expect(await may({ peerAddress }, { host })).toBe(true)
    }
  },
)

test.each(["192.0.2.1", "::ffff:192.0.2.1", "fe80::1%eth0", "", undefined])(
  "the peer %s does not",
  async (peerAddress) => {
    expect(await may({ peerAddress }, { host: "localhost" })).toBe(false)
    expect(await may(undefined, { host: "localhost" })).toBe(false)
  },
)

test.each([
  { host: "hub.example" },
  { host: "localhost", via: "1.1 proxy" },
  { host: "localhost", "x-forwarded-for": "127.0.0.1" },
  { host: "localhost", forwarded: "for=127.0.0.1" },
] as Record<string, string>[])("a request that a proxy passed on does not: %j", async (headers) => {
  expect(await may(local, headers)).toBe(false)
})

test("requireAdmin() refuses with 403", async () => {
  const local = { peerAddress: "::1" }
  expect((await app.request("http://localhost/must", {}, local)).status).toBe(200)
  const refused = await app.request("http://localhost/must", {}, { peerAddress: "192.0.2.1" })
  expect([refused.status, (await refused.json()).error.code]).toEqual([403, "ERR_FORBIDDEN"])
})
