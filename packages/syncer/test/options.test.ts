import { SnapshotCache } from "@headwater/cache"
import { systemClock as clock, isSyncError } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { codedSource, Syncer } from "../src/index.ts"
import { etcdSource } from "../src/sources/etcd/index.ts"
import { etcd2Source } from "../src/sources/etcd2/index.ts"
import { memorySource } from "../src/sources/memory/index.ts"
import { sqliteSource } from "../src/sources/sqlite/index.ts"
import { Hub, put, write } from "./harness.ts"

type Loose = (options: object) => unknown
const loose = (make: unknown) => make as Loose
const etcd = { endpoints: ["http://127.0.0.1:1"], prefix: "/", clock }

function syncerOf(limits: object, more: object = {}): unknown {
  const own = { source: memorySource(), cache: new SnapshotCache({ clock }), clock }
  return new Syncer({ ...own, random: Math.random, epochSalt: "", limits, ...more })
}

const table: readonly (readonly [what: string, make: () => unknown, said: RegExp])[] = [
  ["an unknown limit", () => syncerOf({ askMillis: 1 }), /there is no option askMillis/],
  ["NaN for a duration", () => syncerOf({ askMs: Number.NaN }), /askMs is NaN/],
  ["a negative duration", () => syncerOf({ pollMs: -1 }), /pollMs is -1/],
  ["an endless back-off", () => syncerOf({ backoffMaxMs: Infinity }), /backoffMaxMs is Infinity/],
  ["a queue of nothing", () => syncerOf({ queueEventsMax: 0 }), /queueEventsMax is 0/],
  ["no random", () => syncerOf({}, { random: undefined }), /random is undefined/],
  ["a clock that is none", () => syncerOf({}, { clock: {} }), /clock is .* must be a Clock/],
  ["another option", () => syncerOf({}, { sourc: 1 }), /there is no option sourc/],
  ["memory: a history below 0", () => memorySource({ history: -1 }), /history is -1/],
  ["memory: another option", () => loose(memorySource)({ historyMax: 1 }), /no option historyMax/],
  ["sqlite: no path", () => loose(sqliteSource)({ clock }), /path is undefined/],
  ["sqlite: a file of 0", () => sqliteSource({ path: "x", clock, fileBytesMax: 0 }), /is 0/],
  ["etcd: no endpoint", () => etcdSource({ ...etcd, endpoints: [] }), /endpoints is/],
  ["etcd: no URL", () => etcdSource({ ...etcd, endpoints: ["a:1"] }), /endpoints is/],
  ["etcd: other reads", () => loose(etcdSource)({ ...etcd, reads: "fast" }), /reads is/],
  ["etcd2: cannot be written", () => loose(etcd2Source)({ ...etcd, write: true }), /option write/],
  ["a codec of one way", () => loose(codec)({ key: { decode: String } }), /encode is undefined/],
]
const codec = (given: never) => codedSource(memorySource(), given)

describe("options that make no sense are refused at the call", () => {
  test.each(table)("%s", (_what, make, said) => {
    let error: unknown
    try {
      make()
    } catch (thrown) {
      error = thrown
    }

    expect(isSyncError(error) && error.code).toBe("ERR_OPTION_INVALID")
    expect(String(error)).toMatch(said)
  })

  test("a password is not shown", () => {
    expect(() => loose(etcdSource)({ ...etcd, password: 1_234 })).toThrow(/password is (?!.*1234)/)
  })
})

test("an undefined limit is its default, and Infinity is never", async () => {
  const source = memorySource()
  const never = { watchSilenceMs: Infinity, staleAfterMs: Infinity, askMs: Infinity }
  const hub = new Hub(source, clock, { limits: { ...never, pollMs: undefined as never } })
  const late = AbortSignal.timeout(60_000)
  while (hub.cache.report.status !== "in-sync") await hub.cache.changes.wait(late)
  const revision = await write(source, put("a", "1"))
  while (hub.cache.position?.revision !== revision) await hub.cache.changes.wait(late)
  await hub.stop()

  expect(hub.statuses).toEqual(["resyncing", "in-sync"])
})
