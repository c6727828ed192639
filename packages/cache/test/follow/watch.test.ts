import type { Change, Commit, Entry } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { CacheFrame } from "../../src/follow/cache-frame.ts"
import { type WatchFrame, watch } from "../../src/follow/watch.ts"
import { SnapshotCache } from "../../src/snapshot-cache.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const entry = (key: string, revision: number, value = "v"): Entry => ({
  key,
  value: encoder.encode(value),
  revision,
})
const put = (key: string, value = "v"): Change => ({ op: "put", key, value: encoder.encode(value) })
const remove = (key: string): Change => ({ op: "delete", key })
const commit = (revision: number, ...changes: Change[]): Commit => ({ revision, changes })

function show(heard: WatchFrame): string {
  if (heard.type === "status") return `status ${heard.report.status}`
  const changes = heard.changes.map((seen) => {
    const value = seen.kind === "deleted" ? "" : `=${decoder.decode(seen.value)}`
    return `${seen.kind} ${seen.key}${value}@${seen.revision}`
  })
  return [...changes.sort(), heard.position?.revision ?? "…"].join(" ")
}

/** The updates that a watcher makes of these frames. */
async function hear(...frames: CacheFrame[]): Promise<string[]> {
  const heard: string[] = []
  const source = async function* () {
    yield* frames
  }
  for await (const one of watch(source())) heard.push(show(one))
  return heard
}

const reset = (epoch = "e1"): CacheFrame => ({ type: "reset", reason: "fresh", epoch })
const entries = (...list: Entry[]): CacheFrame => ({ type: "entries", entries: list })
const sync = (revision: number, epoch = "e1"): CacheFrame => ({
  type: "sync",
  position: { epoch, revision },
  entries: 0,
  digest: "",
})
const delta = (revision: number, ...deltas: (CacheFrame & { type: "delta" })["deltas"]) =>
  ({ type: "delta", deltas, position: { epoch: "e1", revision } }) as const

describe("watch()", () => {
  test("names no position while it holds keys that may be gone", async () => {
    const first = [reset(), entries(entry("a", 1), entry("b", 1)), sync(1)]
    const change = delta(3, { op: "put", ...entry("c", 3) })

    // As of a follower that stalled in the middle of its second snapshot.
    expect(await hear(...first, reset(), entries(entry("a", 1)), change, sync(3))).toEqual([
      "new a=v@1 new b=v@1 …",
      "1",
      "new c=v@3 …",
      "deleted b@3 3",
    ])
  })

  test("DB-B3, SC-B5: new at first sight, updated after, new again after a delete", async () => {
    const [first, second, third] = [1, 2, 4].map(
      (at) => ({ op: "put", ...entry("a", at) }) as const,
    )
    const gone = { op: "delete", key: "a", revision: 3 } as const

    expect(
      await hear(delta(1, first!), delta(2, second!), delta(3, gone), delta(4, third!)),
    ).toEqual(["new a=v@1 1", "updated a=v@2 2", "deleted a@3 3", "new a=v@4 4"])
  })

  test("DB-B4: a delete of an unknown key is silent; its position is not", async () => {
    expect(await hear(delta(7, { op: "delete", key: "a", revision: 7 }))).toEqual(["7"])
  })

  test("SC-B6: a touch is no change; what follows it is still an update", async () => {
    const touch = { op: "touch", key: "a", revision: 2 } as const
    const again = { op: "put", ...entry("a", 3, "w") } as const
    const frames = [reset(), entries(entry("a", 1)), sync(1), delta(2, touch), delta(3, again)]

    expect(await hear(...frames)).toEqual(["new a=v@1 …", "1", "2", "updated a=w@3 3"])
  })

  test("DB-B8, DB-B9: after a reset differences are sent, and deletes with the sync", async () => {
    const before = [reset(), entries(entry("a", 1), entry("b", 2), entry("c", 3)), sync(3)]
    const after = [reset(), entries(entry("a", 1), entry("c", 8, "w"), entry("d", 9)), sync(9)]

    expect(await hear(...before, ...after)).toEqual([
      "new a=v@1 new b=v@2 new c=v@3 …",
      "3",
      "new d=v@9 updated c=w@8 …",
      "deleted b@9 9",
    ])
  })

  test("DB-B10, DB-B11: a second reset in between deletes nothing of the first", async () => {
    const before = [reset(), entries(entry("a", 1), entry("b", 1)), sync(1)]
    const cut = [reset(), entries(entry("a", 1), entry("x", 5))]
    const whole = [reset(), entries(entry("b", 1)), sync(6)]

    expect(await hear(...before, ...cut, ...whole)).toEqual([
      "new a=v@1 new b=v@1 …",
      "1",
      "new x=v@5 …",
      "deleted a@6 deleted x@6 6",
    ])
  })

  test("TY-E10: another source with the same key at the same revision: updated", async () => {
    const before = [reset(), entries(entry("a", 1)), sync(1)]
    const after = [reset("e2"), entries(entry("a", 1, "w")), sync(1, "e2")]

    const heard = await hear(...before, ...after)
    expect(heard).toEqual(["new a=v@1 …", "1", "updated a=w@1 …", "1"])
  })

  test("an entry repeated within a snapshot is sent once", async () => {
    const again = { type: "delta", deltas: [{ op: "put", ...entry("b", 2) }] } as const
    const frames = [reset(), entries(entry("a", 1)), entries(entry("a", 1), entry("b", 2)), again]

    expect(await hear(...frames, sync(2))).toEqual(["new a=v@1 …", "new b=v@2 …", "2"])
  })
})

describe("watch() of a cache", () => {
  const clock = new ManualClock()
  let cache: SnapshotCache

  beforeEach(async () => {
    cache = new SnapshotCache({ clock })
    cache.renew("e1")
    await list(1, entry("a", 1))
    cache.setStatus("in-sync")
  })
  afterEach(() => cache.close())

  const list = async (revision: number, ...all: Entry[]) => {
    cache.beginResync()
    await cache.applyList({ revision, entries: all, invalid: [] })
    await cache.endResync(revision)
  }
  const begin = () => {
    const { signal } = new AbortController()
    const heard = watch(cache.follow(undefined, { type: "conflate" }, signal))
    return async (count: number) => {
      const lines: string[] = []
      while (lines.length < count) lines.push(show((await heard.next()).value as WatchFrame))
      return lines
    }
  }

  test("TY-E18: a late watcher sees as new what others saw updated; they agree", async () => {
    const early = begin()
    const before = await early(3)
    await cache.applyCommits([commit(2, put("a", "w"))])
    const seen = await early(1)
    const late = begin()

    expect(before).toEqual(["new a=v@1 …", "1", "status in-sync"])
    expect(seen).toEqual(["updated a=w@2 2"])
    expect(await late(3)).toEqual(["new a=w@2 …", "2", "status in-sync"])
  })

  test("TY-E1: a key that begins like another one outlives its delete", async () => {
    const heard = begin()
    await heard(3)
    await cache.applyCommits([commit(2, put("a/b"), put("ab"))])
    await heard(1)
    await cache.applyCommits([commit(3, remove("a"))])

    expect(await heard(1)).toEqual(["deleted a@3 3"])
    expect(["a/b", "ab"].map((key) => cache.get(key)?.revision)).toEqual([2, 2])
  })

  test("TY-E9, TY-E10: a new epoch is sent as a difference, when it is whole", async () => {
    const heard = begin()
    await heard(3)
    cache.setStatus("resyncing")
    cache.renew("e2")
    await list(1, entry("a", 1, "w"), entry("b", 1))
    cache.setStatus("in-sync")

    expect(await heard(3)).toEqual(["new b=v@1 updated a=w@1 …", "1", "status in-sync"])
  })
})
