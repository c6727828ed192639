import { type Change, type Commit, type Delta, ImageError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const put = (key: string, value = "v"): Change => ({ op: "put", key, value: bytes(value) })
const remove = (key: string): Change => ({ op: "delete", key })
const commit = (revision: number, ...changes: Change[]): Commit => ({ revision, changes })
const at = (revision: number) => ({ epoch: "e1", revision })
const show = ({ op, key, revision }: Delta) => `${op} ${key}@${revision}`
const options = {
  clock: new ManualClock(),
  engine: { build: debugBuild },
  validate: (_key: string, value: Uint8Array) => (value[0] === 33 ? "!" : undefined),
}

describe("SnapshotCache: images (debug wasm)", () => {
  let cache: SnapshotCache
  let loaded: SnapshotCache | undefined

  beforeEach(async () => {
    cache = new SnapshotCache(options)
    cache.renew("e1")
    await list(2, "a", "b")
    await cache.applyCommits([commit(3, put("c"))])
    await cache.applyCommits([commit(4, remove("a"), put("bad", "!"))])
  })
  afterEach(async () => {
    await cache.close()
    await loaded?.close()
    loaded = undefined
  })

  const list = async (revision: number, ...keys: string[]) => {
    cache.beginResync()
    const entries = keys.map((key) => ({ key, value: bytes("v"), revision }))
    await cache.applyList({ revision, entries, invalid: [] })
    await cache.endResync(revision)
  }
  const imageOf = (of: SnapshotCache) => [...(of.save() ?? [])].map((piece) => piece.slice())
  const restart = () => {
    loaded = SnapshotCache.load(imageOf(cache), options)
    return loaded
  }
  const seen = (of: SnapshotCache) => ({
    position: of.position,
    oldest: of.oldestPosition,
    digest: of.current?.snapshot.digest,
    invalid: of.invalidSample,
    located: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((revision) => of.locate(at(revision))),
  })

  test("what is loaded is what was saved, and is served at once, as waiting", async () => {
    const { position, ...rest } = seen(cache)
    const after = restart()

    expect({ position: after.position, ...rest }).toEqual(seen(after))
    expect(position).toEqual(at(4))
    expect([after.current?.sequence, after.report.status, after.wasInSync]).toEqual([
      1,
      "waiting",
      false,
    ])
    const located = after.locate(at(3))
    const version = located.type === "resume" ? located.version : Number.NaN
    expect([...after.current!.snapshot.changesSince(version)].map(show)).toEqual(["delete a@4"])
  })

  test("it goes on after the position: none of its readers is reset", async () => {
    const after = restart()
    after.renew("e1")
    expect(after.contiguous).toBe(4)
    await after.applyCommits([commit(4, put("a")), commit(5, put("d"))])
    const frames = after.follow(at(3), { type: "conflate" }, new AbortController().signal)
    const { value } = await frames.next()

    expect(value.type === "delta" && value.deltas.map(show).sort()).toEqual([
      "delete a@4",
      "put d@5",
    ])
    await frames.return(undefined as never)
  })

  test("it brings gaps: what a list jumped over stays compacted", async () => {
    await list(8, "b")
    const after = restart()

    expect(seen(after)).toEqual(seen(cache))
    expect(after.locate(at(6))).toEqual({ type: "reset", reason: "compacted" })
  })

  test("an image taken in the middle of a list is of what is served", async () => {
    cache.beginResync()
    const entries = [{ key: "x", value: bytes("v"), revision: 8 }]
    await cache.applyList({ revision: 9, entries, invalid: [] })
    const after = restart()

    expect([after.position, after.get("x"), after.contiguous]).toEqual([at(4), undefined, 4])
    await after.applyCommits([commit(8, put("x")), commit(9)])
    expect([after.position, after.get("x")?.revision]).toEqual([at(9), 8])
    cache.abortResync()
  })

  test("lists that were abandoned before it leave no gap in it", async () => {
    cache.beginResync()
    const entries = [{ key: "x", value: bytes("v"), revision: 9 }]
    await cache.applyList({ revision: 9, entries, invalid: [] })
    cache.abortResync()
    await cache.applyCommits([commit(6, put("y"))])
    await list(7, "y")
    const after = restart()
    after.renew("e1")
    after.beginResync()
    await after.endResync(12)

    expect(after.position).toEqual(at(12))
    expect([5, 7, 11].map((revision) => after.locate(at(revision)).type)).toEqual([
      "reset",
      "reset",
      "reset",
    ])
  })

  test("another epoch is filled beside it", async () => {
    const after = restart()
    after.renew("e2")
    after.beginResync()
    await after.endResync(1)

    expect(after.position).toEqual({ epoch: "e2", revision: 1 })
  })

  test("what is not an image of a cache is refused, and nothing is left open", async () => {
    const [first, ...rest] = imageOf(cache)
    const cut = imageOf(cache).slice(0, -1)
    const engine = createEngine({ build: debugBuild })
    const snapshot = engine.trie().commit({ reach: 1, complete: true })
    const foreign = [...snapshot.save(bytes("not ours"))].map((piece) => piece.slice())
    const other = [...snapshot.save(bytes('{"format":2}'))].map((piece) => piece.slice())
    snapshot.dispose()
    engine.dispose()
    first![3] = first![3]! ^ 1

    for (const image of [cut, foreign, other, [first!, ...rest], []]) {
      expect(() => SnapshotCache.load(image, options)).toThrow(ImageError)
    }
    expect(new SnapshotCache(options).save()).toBeUndefined()
  })
})
