import { memorySource } from "@headwater/syncer/memory"
import { ManualClock } from "@headwater/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Access } from "../../src/access/access.ts"
import { digestOf, newToken } from "../../src/access/token.ts"
import { parseTokenFile } from "../../src/access/token-file.ts"
import { createApp } from "../../src/http/app.ts"
import { createHub, type Hub } from "../../src/hub.ts"

// Every route × method × credential × state of the topic, with the status for each credential.

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** Credentials, in the order of a row's statuses. */
const WHO = ["none", "bad", "expired", "stranger", "part", "writer", "whole", "admin"] as const

type Row = readonly [
  method: string,
  target: string,
  statuses: readonly number[],
  init?: { readonly headers?: Record<string, string>; readonly body?: string },
]

const all = (status: number) => WHO.map(() => status)
/** For a resource that needs a grant on the topic: those without are refused alike. */
const granted = (part: number, writer: number, whole: number, admin = whole) => [
  ...[401, 401, 401, 404],
  ...[part, writer, whole, admin],
]
const JSON_BODY = { headers: { "content-type": "application/json" }, body: "1" }
const batch = (...changes: object[]) => ({ ...JSON_BODY, body: JSON.stringify({ changes }) })
const batchIf = (key: string, changed: string) => ({
  ...JSON_BODY,
  body: JSON.stringify({
    if: [{ key, revision: 0 }],
    changes: [{ op: "put", key: changed, value: 1 }],
  }),
})
const withHeaders = (headers: Record<string, string>, init = JSON_BODY) => ({
  ...init,
  headers: { ...init.headers, ...headers },
})
const put = (key: string) => ({ op: "put", key, value: 1 })

const READS: readonly Row[] = [
  ["GET", "/healthz", all(200)],
  ["GET", "/readyz", [503, 401, 401, 503, 503, 503, 503, 503]],
  ["GET", "/v1/access", [200, 401, 401, 200, 200, 200, 200, 200]],
  ["POST", "/v1/access", [405, 401, 401, 405, 405, 405, 405, 405]],
  ["GET", "/metrics", [401, 401, 401, 403, 403, 403, 403, 200]],
  ["GET", "/v1/topics", [401, 401, 401, 200, 200, 200, 200, 200]],
  ["GET", "/v1/topics/t", granted(200, 200, 200)],
  ["HEAD", "/v1/topics/t", granted(200, 200, 200)],
  ["GET", "/v1/topics/%74", granted(200, 200, 200)],
  ["GET", "/v1/topics/nope", granted(404, 404, 404)],
  ["GET", "/v1/topics/t*", granted(404, 404, 404)],
  ["GET", "/v1/topics/__proto__", granted(404, 404, 404)],
  ["GET", "/v1/topics/late", granted(200, 200, 200)],
  ["GET", "/v1/topics/t/stream", granted(200, 403, 200)],
  ["HEAD", "/v1/topics/t/stream", granted(200, 403, 200)],
  ["GET", "/v1/topics/nope/stream", granted(404, 404, 404)],
  ["GET", "/v1/topics/late/stream", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/stream?prefix=eu/a", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/stream?prefix=e", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/stream?prefix=", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/stream?prefix=us/", granted(403, 403, 200)],
  ["GET", "/v1/topics/t/stream?prefix=eu/&prefix=us/", granted(403, 403, 200)],
  ["GET", "/v1/topics/t/stream?key=one", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/stream?key=us/1", granted(403, 403, 200)],
  ["GET", "/v1/topics/t/stream?key=one&key=one-more", granted(403, 403, 200)],
  ["POST", "/v1/topics/t/stream", [405, 401, 401, 405, 405, 405, 405, 405]],
  ["GET", "/v1/topics/t/entries", granted(200, 403, 200)],
  ["HEAD", "/v1/topics/t/entries", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/entries?prefix=eu/", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/entries?prefix=us/", granted(403, 403, 200)],
  ["GET", "/v1/topics/t/entries?limit=1", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/entries?limit=1&after=x", granted(410, 403, 410)],
  ["GET", "/v1/topics/late/entries", granted(503, 403, 503)],
  ["GET", "/v1/topics/t/entry?key=eu/1", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/entry?key=eu/absent", granted(404, 403, 404)],
  ["GET", "/v1/topics/t/entry?key=us/1", granted(403, 403, 200)],
  ["GET", "/v1/topics/t/entry?key=us/absent", granted(403, 403, 404)],
  ["GET", "/v1/topics/t/entries/eu/1", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/entries/us/1", granted(403, 403, 200)],
  ["GET", "/v1/topics/t/entries/%65u/1", granted(200, 403, 200)],
  ["GET", "/v1/topics/t/entries/eu%2F1", granted(200, 403, 200)],
  ["GET", "/v1/topics/late/entry?key=eu/1", granted(503, 403, 503)],
  ["GET", "/v1/topics/t/entry?key=us/1&since=e.1&wait=0", granted(403, 403, 200)],
]

const WRITES: readonly Row[] = [
  ["PUT", "/v1/topics/t/entry?key=eu/2", granted(200, 200, 200), JSON_BODY],
  ["PUT", "/v1/topics/t/entries/eu/2", granted(200, 200, 200), JSON_BODY],
  ["PUT", "/v1/topics/t/entry?key=us/2", granted(403, 403, 200), JSON_BODY],
  ["PUT", "/v1/topics/t/entry?key=one", granted(403, 403, 200), JSON_BODY],
  ["PUT", "/v1/topics/nope/entry?key=eu/2", granted(404, 404, 404), JSON_BODY],
  ["PUT", "/v1/topics/late/entry?key=eu/2", granted(503, 503, 503), JSON_BODY],
  // 403 by the key, 405, 415, the body, 412.
  ["PUT", "/v1/topics/fixed/entry?key=eu/2", granted(405, 405, 405)],
  ["PUT", "/v1/topics/fixed/entry?key=us/2", granted(403, 403, 405)],
  ["PUT", "/v1/topics/t/entry?key=eu/2", granted(415, 415, 415), { body: "1" }],
  ["PUT", "/v1/topics/t/entry?key=us/2", granted(403, 403, 415), { body: "1" }],
  ["PUT", "/v1/topics/t/entry?key=eu/2", granted(400, 400, 400), { ...JSON_BODY, body: "{" }],
  [
    "PUT",
    "/v1/topics/t/entry?key=eu/2",
    granted(400, 403, 400),
    withHeaders({ "if-match": "999999" }, { ...JSON_BODY, body: "{" }),
  ],
  // The answer to a condition tells about the entry.
  [
    "PUT",
    "/v1/topics/t/entry?key=eu/1",
    granted(412, 403, 412),
    withHeaders({ "if-none-match": "*" }),
  ],
  [
    "PUT",
    "/v1/topics/t/entry?key=us/1",
    granted(403, 403, 412),
    withHeaders({ "if-match": "999999" }),
  ],
  ["DELETE", "/v1/topics/t/entry?key=eu/absent", granted(404, 403, 404)],
  ["DELETE", "/v1/topics/t/entry?key=us/absent", granted(403, 403, 404)],
  ["DELETE", "/v1/topics/fixed/entry?key=eu/1", granted(405, 403, 405)],
  ["POST", "/v1/topics/t/entry?key=eu/1", [405, 401, 401, 405, 405, 405, 405, 405]],
  ["POST", "/v1/topics/t/batch", granted(200, 200, 200), batch(put("eu/3"))],
  ["POST", "/v1/topics/t/batch", granted(403, 403, 200), batch(put("eu/3"), put("us/3"))],
  ["POST", "/v1/topics/t/batch", granted(200, 403, 200), batch({ op: "delete", key: "eu/9" })],
  ["POST", "/v1/topics/t/batch", granted(403, 403, 200), batchIf("us/none", "eu/3")],
  ["POST", "/v1/topics/t/batch", granted(200, 403, 200), batchIf("eu/none", "eu/3")],
  ["POST", "/v1/topics/t/batch", granted(415, 415, 415), { body: "{}" }],
  ["POST", "/v1/topics/t/batch", granted(400, 400, 400), { ...JSON_BODY, body: "{" }],
  ["POST", "/v1/topics/fixed/batch", granted(405, 405, 405), batch(put("us/3"))],
]

let hub: Hub
let app: ReturnType<typeof createApp>
const tokens = Object.fromEntries(WHO.map((who) => [who, newToken()]))

beforeAll(async () => {
  const clock = new ManualClock()
  const entries = ["eu/1", "us/1", "one"].map((key) => [key, json(key)] as const)
  const fixed = memorySource({ entries: [["eu/1", json(1)]] })
  Object.defineProperty(fixed, "write", { value: undefined })
  const late = memorySource()
  Object.defineProperty(late, "list", { value: () => new Promise(() => {}) })
  hub = createHub({
    topics: [
      { name: "t", source: memorySource({ entries }) },
      { name: "fixed", source: fixed },
      { name: "late", source: late },
    ],
    clock,
    log: () => {},
  })
  const part = { read: { prefixes: ["eu/"], keys: ["one"] }, write: ["eu/"] }
  const grants: Record<string, object> = {
    expired: { topics: { "*": { read: true } }, expires: "2025-12-31T00:00:00Z" },
    stranger: { topics: { other: { read: true } } },
    part: { topics: { "*": part } },
    writer: { topics: { "*": { write: ["eu/"] } } },
    whole: { topics: { "*": { read: true, write: true } } },
    admin: { topics: { "*": { read: true, write: true } }, admin: true },
  }
  const identities = Object.entries(grants).map(([name, grant]) => ({
    name,
    sha256: [digestOf(tokens[name]!)],
    ...grant,
  }))
  const access = new Access({
    clock,
    report: () => {},
    tokens: parseTokenFile(JSON.stringify({ identities })),
  })
  app = createApp(hub, { access })
  await clock.settle()
})

afterAll(async () => {
  await hub.close(0)
})

async function statusOf([method, target, , init]: Row, who: string): Promise<number> {
  const headers: Record<string, string> = { ...init?.headers, host: "hub.test" }
  if (who !== "none") headers.authorization = `Bearer ${tokens[who]}`
  const response = await app.request(`http://hub.test${target}`, {
    method,
    headers,
    ...(init?.body !== undefined && { body: init.body }),
  })
  await response.body?.cancel()
  return response.status
}

describe.each([
  ["reads", READS],
  ["writes", WRITES],
])("%s", (_, rows) => {
  test.each(rows.map((row) => [`${row[0]} ${row[1]}`, row] as const))("%s", async (_, row) => {
    const statuses: Record<string, number> = {}
    for (const who of WHO) statuses[who] = await statusOf(row, who)

    expect(statuses).toEqual(Object.fromEntries(WHO.map((who, at) => [who, row[2][at]])))
  })
})
