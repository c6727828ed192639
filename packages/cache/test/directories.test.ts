import type { Change, Commit, Delta } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const put = (key: string, value = "1"): Change => ({ op: "put", key, value: bytes(value) })
const puts = (revision: number, ...keys: string[]): Commit => ({
  revision,
  changes: keys.map((key) => put(key)),
})
const gone = (revision: number, ...directories: string[]): Commit => ({
  revision,
  directories,
  changes: [],
})
const show = ({ op, key, revision }: Delta) => `${op} ${key}@${revision}`

describe("SnapshotCache: directories that are deleted whole (debug wasm)", () => {
  let cache: SnapshotCache

  beforeEach(async () => {
    const validate = (_key: string, value: Uint8Array) => (value[0] === 33 ? "!" : undefined)
    const engine = { build: debugBuild }
    cache = new SnapshotCache({ clock: new ManualClock(), engine, validate })
    cache.renew("e")
  })
  afterEach(() => {
    cache.assertInvariants()
    return cache.close()
  })

  const list = async (revision: number, ...keys: string[]) => {
    cache.beginResync()
    const entries = keys.map((key) => ({ key, value: bytes("1"), revision }))
    await cache.applyList({ revision, entries, invalid: [] })
    await cache.endResync(revision)
  }
  const keys = () => [...cache.current!.snapshot.entries()].map(({ key }) => key).sort()

  test("HW-B5: foo takes foo and foo/bar, never foobar", async () => {
    await list(5, "foo", "foo/bar", "foo/bar/baz", "foobar", "fo", "x/foo/y")
    await cache.applyCommits([gone(6, "foo")])

    expect(keys()).toEqual(["fo", "foobar", "x/foo/y"])
  })

  test("HW-B1: a slash at the end of a directory says nothing", async () => {
    await list(5, "foo/bar", "foo/", "foobar")
    await cache.applyCommits([gone(6, "foo/")])

    expect(keys()).toEqual(["foobar"])
  })

  test("the root takes everything, and keys beyond ASCII are compared as bytes", async () => {
    await list(5, "ключ/а", "ключ/б", "ключи")
    await cache.applyCommits([gone(6, "ключ")])
    const some = keys()
    await cache.applyCommits([gone(7, "")])

    expect([some, keys()]).toEqual([["ключи"], []])
  })

  test("HW-B3, HW-B8: each key is deleted once, at the directory's revision", async () => {
    await list(5, "a/1", "a/2", "b")
    const { version } = cache.current!.snapshot
    await cache.applyCommits([gone(6, "a")])

    const deltas = [...cache.current!.snapshot.changesSince(version)].map(show).sort()
    expect(deltas).toEqual(["delete a/1@6", "delete a/2@6"])
  })

  test("HW-B3: what is written in the commits around it stands before and after it", async () => {
    await list(5, "a/old")
    await cache.applyCommits([puts(6, "a/new"), gone(7, "a"), puts(8, "a/again"), puts(9, "b")])

    expect(keys()).toEqual(["a/again", "b"])
  })

  test("ES-E6: what the same commit writes in the directory survives", async () => {
    await list(5, "a/old")
    await cache.applyCommits([{ revision: 6, directories: ["a"], changes: [put("a/new")] }])

    expect(keys()).toEqual(["a/new"])
  })

  test("ES-E6: a directory that was deleted at the list's own revision takes nothing", async () => {
    await list(6, "a/kept")
    await cache.applyCommits([gone(6, "a")])

    expect(keys()).toEqual(["a/kept"])
  })

  test("ES-E7, HW-B4: nested deletes need no records of what was deleted", async () => {
    await list(200, "a/b/c/d", "a/b/c/e", "a/b/x", "a/y")
    await cache.applyCommits([gone(210, "a/b/c/d"), gone(220, "a/b/c")])
    await cache.applyCommits([puts(225, "a/b/c/e"), gone(230, "a/b"), puts(235, "a/b/c/e")])

    expect(keys()).toEqual(["a/b/c/e", "a/y"])
    expect(cache.get("a/b/c/e")?.revision).toBe(235)
    // An older snapshot could bring the siblings back: it is refused.
    cache.beginResync()
    const entries = [{ key: "a/b/x", value: bytes("1"), revision: 200 }]
    const page = { revision: 229, entries, invalid: [] }
    await expect(cache.applyList(page)).rejects.toThrow(
      "the source listed revision 229, below revision 235",
    )
    cache.abortResync()
  })

  test("HW-B6: a list that is newer than the delete brings keys back", async () => {
    await list(5, "a/1", "a/2")
    await cache.applyCommits([gone(6, "a")])
    await list(8, "a/2")

    expect(keys()).toEqual(["a/2"])
  })

  test("an invalid entry in the directory is counted no longer", async () => {
    await list(5, "a/1")
    await cache.applyCommits([{ revision: 6, changes: [put("a/2", "!"), put("b", "!")] }])
    const before = cache.report.invalid
    await cache.applyCommits([gone(7, "a")])

    expect([before, cache.report.invalid, cache.invalidSample]).toEqual([
      2,
      1,
      [{ key: "b", reason: "!" }],
    ])
  })

  test("a directory larger than a chunk goes in one step, for every follower", async () => {
    const many = Array.from({ length: 250 }, (_, index) => `a/${index}`)
    await list(5, ...many, "b")
    const abort = new AbortController()
    const frames = cache.follow(undefined, { type: "conflate" }, abort.signal)
    while ((await frames.next()).value.type !== "sync");
    await cache.applyCommits([gone(6, "a")])
    const told: number[] = []
    for await (const frame of frames) {
      if (frame.type !== "delta") continue
      told.push(frame.deltas.length)
      if (frame.position !== undefined) break
    }

    expect(keys()).toEqual(["b"])
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(250)
    abort.abort()
  })
})

describe("SnapshotCache: a directory of many keys", () => {
  // A clock by which every look at it finds the slice over: so each piece of work that is not cut
  // any further is one turn.
  class HurriedClock extends ManualClock {
    turns = 0
    #looks = 0

    override elapsed(): number {
      return super.elapsed() + ++this.#looks * 1_000
    }

    override async yield(): Promise<void> {
      this.turns += 1
    }
  }
  const KEYS = 100_000
  const TURN_UPDATES = 100

  const filled = async (name: (index: number) => string) => {
    const clock = new HurriedClock()
    const updates: number[] = []
    const turnsOf: number[] = []
    const observer = {
      onApply: (applied: { readonly updates: number }) => {
        updates.push(applied.updates)
        turnsOf.push(clock.turns)
      },
    }
    const cache = new SnapshotCache({ clock, observer })
    cache.renew("e")
    cache.beginResync()
    const value = bytes("1")
    const entries = Array.from({ length: KEYS }, (_, at) => ({ key: name(at), value, revision: 5 }))
    await cache.applyList({ revision: 5, entries, invalid: [] })
    await cache.endResync(5)
    clock.turns = 0
    return { cache, clock, updates, turnsOf }
  }

  test("goes chunk by chunk, each in a turn of its own, and is served in one step", async () => {
    const { cache, updates, turnsOf } = await filled((at) => `${at < 7 ? "b" : "a"}/${at}`)
    const sizes = new Set<number>()
    const looking = cache.changes
    const abort = new AbortController()
    const watching = (async () => {
      for (;;) {
        sizes.add(cache.current!.snapshot.size)
        await looking.wait(abort.signal)
      }
    })().catch(() => {})

    await cache.applyCommits([gone(6, "a")])
    sizes.add(cache.current!.snapshot.size)
    abort.abort()
    await watching

    expect(updates.reduce((sum, count) => sum + count)).toBe(KEYS - 7)
    expect(Math.max(...updates)).toBe(TURN_UPDATES)
    expect(new Set(turnsOf).size).toBe(turnsOf.length)
    expect(sizes).toEqual(new Set([KEYS, 7]))
    await cache.close()
  })

  test("is looked for a part at a time, also where there is nothing in it", async () => {
    const { cache, clock } = await filled((at) => `b/${at}`)

    await cache.applyCommits([gone(6, "a")])

    expect(clock.turns).toBeGreaterThan(KEYS / 5_000)
    expect(cache.position?.revision).toBe(6)
    await cache.close()
  })
})
