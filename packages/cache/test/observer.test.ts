import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const value = new TextEncoder().encode("1")

test("an observer hears what a cache does, and how it is followed (U38)", async () => {
  const heard: string[] = []
  const note = (what: string) => (how: unknown) => heard.push(`${what} ${JSON.stringify(how)}`)
  const observer = {
    onApply: note("apply"),
    onBreadcrumb: note("breadcrumb"),
    onStatus: note("status"),
    onFollowers: note("followers"),
    onRun: note("run"),
  }
  const cache = new SnapshotCache({ clock: new ManualClock(), observer })
  cache.renew("e1")
  cache.beginResync()
  await cache.applyList({ revision: 1, entries: [{ key: "a", value, revision: 1 }], invalid: [] })
  await cache.endResync(1)
  cache.setStatus("in-sync")
  cache.setStatus("in-sync")
  await cache.applyCommits([{ revision: 2, changes: [{ op: "put", key: "b", value }] }])
  for (const from of [undefined, { epoch: "e1", revision: 1 }]) {
    const { signal } = new AbortController()
    for await (const _frame of cache.follow(from, { type: "conflate" }, signal)) break
  }
  await cache.close()

  expect(heard).toEqual([
    'breadcrumb {"sequence":1,"entries":1}',
    'status "in-sync"',
    'breadcrumb {"sequence":3,"entries":2}',
    'apply {"updates":1}',
    "followers 1",
    'run "fresh"',
    "followers 0",
    "followers 1",
    'run "resumed"',
    "followers 0",
  ])
})
