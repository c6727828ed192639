import { type Change, type Commit, type Delta, LaggedError } from "@headwater/core"
import type { Policy } from "@headwater/stream"
import { integerBelow, ManualClock, prng, seedFrom } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { CacheFrame } from "../../src/follow/cache-frame.ts"
import type { CacheLimits } from "../../src/limits.ts"
import { SnapshotCache } from "../../src/snapshot-cache.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const put = (key: string, value = "v"): Change => ({ op: "put", key, value: encoder.encode(value) })
const remove = (key: string): Change => ({ op: "delete", key })
const commit = (revision: number, ...changes: Change[]): Commit => ({ revision, changes })
const conflate: Policy = { type: "conflate" }

/** A follower's own copy: what stands between two positions it applies in one step. */
class Replica {
  state = new Map<string, string>()
  revision = 0
  readonly frames: string[] = []
  readonly #staged = new Map<string, { value: string; revision: number }>()
  readonly #revisions = new Map<string, number>()
  #told = 0

  take(frame: CacheFrame): void {
    this.frames.push(frame.type)
    if (frame.type === "reset") {
      this.#staged.clear()
      this.#revisions.clear()
      this.#told = 0
    } else if (frame.type === "entries") {
      for (const entry of frame.entries) this.#apply({ op: "put", ...entry })
    } else if (frame.type === "delta") {
      for (const delta of frame.deltas) this.#apply(delta)
      if (frame.position !== undefined) this.#arrive(frame.position.revision)
    } else if (frame.type === "sync") {
      this.#arrive(frame.position.revision)
      expect(this.state.size).toBe(frame.entries)
    }
  }

  #apply(delta: Delta): void {
    const { key, revision } = delta
    const held = this.#staged.get(key)
    expect(revision, key).toBeGreaterThanOrEqual(this.#revisions.get(key) ?? 0)
    this.#revisions.set(key, revision)
    if (revision <= this.#told) return
    if (delta.op === "delete") this.#staged.delete(key)
    else {
      expect(delta.op === "put" || held !== undefined).toBe(true)
      const value = delta.op === "put" ? decoder.decode(delta.value) : (held?.value ?? "")
      this.#staged.set(key, { value, revision })
    }
  }

  #arrive(revision: number): void {
    expect(revision).toBeGreaterThanOrEqual(this.revision)
    this.revision = revision
    this.#told = revision
    this.state = new Map([...this.#staged].map(([key, { value }]) => [key, value]))
  }
}

describe("follow() when the follower stalls", () => {
  let clock: ManualClock
  let cache: SnapshotCache
  let heard: string[]
  const replica = () => new Replica()

  const start = async (limits: Partial<CacheLimits>, keys: readonly string[] = []) => {
    clock = new ManualClock()
    heard = []
    const observer = {
      onLeaseEnd: () => heard.push("lease"),
      onEnd: (end: unknown) => heard.push(JSON.stringify(end)),
      onCatchUp: (run: unknown) => heard.push(JSON.stringify(run)),
    }
    cache = new SnapshotCache({ clock, limits, observer })
    cache.renew("e1")
    cache.beginResync()
    const entries = keys.map((key) => ({ key, value: encoder.encode("0"), revision: 1 }))
    await cache.applyList({ revision: 1, entries, invalid: [] })
    await cache.endResync(1)
    cache.setStatus("in-sync")
  }
  beforeEach(() => start({}))
  afterEach(() => cache.close())

  const begin = (policy: Policy = conflate) =>
    cache.follow(undefined, policy, new AbortController().signal)
  type Frames = ReturnType<typeof begin>
  const takeUntil = async (frames: Frames, into: Replica, isEnd: () => boolean) => {
    while (!isEnd()) into.take((await frames.next()).value)
  }
  const handles = () => {
    const { epochState } = cache.current!
    while (!epochState.trie.reclaim(10_000));
    return epochState.engine.stats().snapshots
  }
  const keys = Array.from({ length: 10 }, (_, index) => `k${index}`)

  test("in a snapshot: after a second it holds nothing, and goes on to the truth", async () => {
    await start({ frameEntriesMax: 3 }, keys)
    const [frames, reader] = [begin(), replica()]
    for (let count = 0; count < 2; count++) reader.take((await frames.next()).value)
    await cache.applyCommits([commit(2, remove("k1"), put("k2", "2"), put("new", "2"))])
    expect(handles()).toBe(2)
    await clock.advance(999)
    expect([handles(), heard]).toEqual([2, []])
    await clock.advance(1)
    expect([handles(), heard]).toEqual([1, ["lease"]])

    await takeUntil(frames, reader, () => reader.revision === 2)
    const after = reader.frames.slice(2)
    expect([after[0], after.at(-1)]).toEqual(["reset", "sync"])
    expect([...reader.state].sort()).toEqual(
      [...keys.filter((key) => key !== "k1").map((key) => [key, key === "k2" ? "2" : "0"])]
        .concat([["new", "2"]])
        .sort(),
    )
    await frames.return(undefined as never)
    expect([handles(), clock.timers]).toEqual([1, 0])
  })

  test("in deltas: it is not reset, and receives again what it had before", async () => {
    await start({ frameEntriesMax: 3 }, keys)
    const [frames, reader] = [begin(), replica()]
    await takeUntil(frames, reader, () => reader.frames.includes("status"))
    const count = reader.frames.length
    await cache.applyCommits([commit(2, ...keys.map((key) => put(key, "2")))])
    reader.take((await frames.next()).value)
    await clock.advance(1_500)
    await cache.applyCommits([commit(3, remove("k0"), put("k9", "3"))])
    expect(handles()).toBe(1)
    await takeUntil(frames, reader, () => reader.revision === 3)

    expect(new Set(reader.frames.slice(count))).toEqual(new Set(["delta"]))
    expect(reader.state.get("k9")).toBe("3")
    expect([reader.state.size, reader.state.has("k0")]).toEqual([9, false])
    await frames.return(undefined as never)
  })

  test("a follower that reads on keeps its snapshot, however long it takes", async () => {
    await start({ frameEntriesMax: 1 }, keys)
    const [frames, reader] = [begin(), replica()]
    for (let count = 0; count < 11; count++) {
      reader.take((await frames.next()).value)
      await clock.advance(900)
    }

    expect([heard, reader.frames.filter((type) => type === "reset").length]).toEqual([[], 1])
    await frames.return(undefined as never)
  })

  test("a follower that is dropped without return() lets go, too", async () => {
    await start({ frameEntriesMax: 1 }, keys)
    const frames = begin()
    await frames.next()
    await cache.applyCommits([commit(2, put("k1", "2"))])
    await clock.advance(1_000)

    expect([handles(), clock.timers]).toEqual([1, 0])
  })

  test("pin: holds its snapshot within its bound, and beyond it nothing at all", async () => {
    await start({ frameEntriesMax: 1 }, keys)
    const frames = begin({ type: "pin", itemsMax: 3, bytesMax: 1e6 })
    await frames.next()
    for (let revision = 2; revision <= 4; revision++) {
      await cache.applyCommits([commit(revision, put("k1", `${revision}`))])
      await clock.advance(2_000)
    }
    expect([handles(), heard]).toEqual([2, []])
    await cache.applyCommits([commit(5, put("k1", "5"))])
    await clock.advance(2_000)
    expect([handles(), heard]).toEqual([1, ["lease"]])

    await expect(
      (async () => {
        for (;;) await frames.next()
      })(),
    ).rejects.toThrow(LaggedError)
    expect(heard.at(-1)).toBe('{"policy":"pin","reason":"lagged"}')
  })

  test("disconnect: the lag limit and the grace, each to the millisecond", async () => {
    const policy: Policy = { type: "disconnect", lagMs: 300, graceMs: 500 }
    const ends = async (lagMs: number, servedMs: number) => {
      await cache.close()
      await start({ historyMs: 10_000 })
      const frames = begin(policy)
      for (let count = 0; count < 3; count++) await frames.next()
      await clock.advance(servedMs - lagMs)
      await cache.applyCommits([commit(2, put("a"))])
      await clock.advance(lagMs)
      await cache.applyCommits([commit(3, put("b"))])
      return frames.next().then(
        ({ value }) => value.type,
        (error) => (error as LaggedError).name,
      )
    }

    expect(await ends(300, 5_000)).toBe("delta")
    expect(await ends(301, 5_000)).toBe("LaggedError")
    expect(await ends(400, 500)).toBe("delta")
    expect(await ends(400, 501)).toBe("LaggedError")
    expect(heard).toEqual(['{"policy":"disconnect","reason":"lagged"}'])
  })

  test("disconnect: a follower that stalls in its snapshot is ended; others go on", async () => {
    await start({ frameEntriesMax: 1, historyMs: 10_000 }, keys)
    const slow = begin({ type: "disconnect", lagMs: 1_000, graceMs: 2_000 })
    const [quick, reader] = [begin({ type: "disconnect", lagMs: 1_000, graceMs: 2_000 }), replica()]
    await takeUntil(quick, reader, () => reader.frames.includes("status"))
    await slow.next()
    for (let revision = 2; revision <= 6; revision++) {
      await cache.applyCommits([commit(revision, put("k1", `${revision}`))])
      await clock.advance(700)
      await takeUntil(quick, reader, () => reader.revision === revision)
    }

    await expect(
      (async () => {
        for (;;) await slow.next()
      })(),
    ).rejects.toThrow(LaggedError)
    expect(reader.state.get("k1")).toBe("6")
    await quick.return(undefined as never)
  })

  test("an observer receives the lag and the end of each follower", async () => {
    await start({ historyMs: 256_000 })
    const abort = new AbortController()
    const cancelled = cache.follow(undefined, conflate, abort.signal)
    for (let count = 0; count < 3; count++) await cancelled.next()
    await cache.applyCommits([commit(2, put("a"))])
    await clock.advance(2_000)
    await cache.applyCommits([commit(3, put("a", "w"))])
    await cancelled.next()
    const last = cancelled.next()
    abort.abort(new Error("enough"))
    await expect(last).rejects.toThrow("enough")
    const left = begin()
    await left.next()
    await left.return(undefined as never)
    const closed = begin()
    await closed.next()
    await cache.close()
    await expect(closed.next()).rejects.toThrow("closed")

    expect(heard).toEqual([
      '{"policy":"conflate","versions":2,"lagMs":2000}',
      '{"policy":"conflate","reason":"cancelled"}',
      '{"policy":"conflate","reason":"left"}',
      '{"policy":"conflate","reason":"closed"}',
    ])
  })
})

describe("follow() when the follower stalls (model)", () => {
  const isFull = process.env.HEADWATER_FULL === "1"
  const seed = seedFrom(process.env.HEADWATER_SEED)

  async function play(history: number): Promise<void> {
    const random = prng(history)
    const below = (bound: number) => integerBelow(random, bound)
    const clock = new ManualClock()
    const limits = {
      frameEntriesMax: 1 + below(6),
      frameBytesMax: 1 + below(200),
      historyMs: 4_000,
      chunkUpdatesMax: 1 + below(4),
    }
    const engine = { bytesMax: 4 * 2 ** 20 }
    const cache = new SnapshotCache({ clock, limits, engine })
    cache.renew("e1")
    cache.beginResync()
    await cache.endResync(1)
    const states = [new Map<string, string>(), new Map<string, string>()]
    const policies: Policy[] = [
      conflate,
      { type: "pin", itemsMax: 1e6, bytesMax: 1e9 },
      { type: "disconnect", lagMs: 1e9, graceMs: 0 },
    ]
    const { signal } = new AbortController()
    const readers = policies.map((policy) => ({
      frames: cache.follow(undefined, policy, signal),
      replica: new Replica(),
    }))
    const check = ({ state, revision }: Replica) =>
      expect([...state].sort()).toEqual([...(states[revision] ?? [])].sort())
    const read = async ({ frames, replica }: (typeof readers)[number]) => {
      const { value } = await frames.next()
      replica.take(value)
      if (value.type === "sync" || (value.type === "delta" && value.position)) check(replica)
    }
    const isBehind = ({ replica }: (typeof readers)[number]) =>
      replica.revision < states.length - 1 || replica.frames.length === 0

    for (let steps = 60; steps > 0; steps--) {
      const kind = below(6)
      if (kind < 2) {
        const changes = [...new Set(Array.from({ length: below(7) }, () => `k${below(9)}`))].map(
          (key) => (below(3) === 0 ? remove(key) : put(key, `${below(2)}`)),
        )
        const next = new Map(states.at(-1))
        for (const change of changes) {
          if (change.op === "put") next.set(change.key, decoder.decode(change.value))
          else next.delete(change.key)
        }
        states.push(next)
        await cache.applyCommits([commit(states.length - 1, ...changes)])
      } else if (kind === 2) await clock.advance(below(1_600))
      else {
        const reader = readers[below(3)]!
        for (let frames = below(5); frames > 0 && isBehind(reader); frames--) await read(reader)
      }
    }
    for (const reader of readers) while (isBehind(reader)) await read(reader)
    await cache.close()
  }

  test("wherever it stalls: whole commits at positions, and the truth at the end", async () => {
    for (let index = 0; index < (isFull ? 5_000 : 150); index++) {
      try {
        await play(seed + index)
      } catch (error) {
        throw new Error(`HEADWATER_SEED=${seed + index}`, { cause: error })
      }
    }
  }, 600_000)

  test("one stalled, others reading: its policy bounds what it costs", async () => {
    const commits = isFull ? 10_000 : 300
    const clock = new ManualClock()
    const cache = new SnapshotCache({ clock, engine: { bytesMax: 64 * 2 ** 20 } })
    cache.renew("e1")
    cache.beginResync()
    await cache.endResync(1)
    const { signal } = new AbortController()
    const pin: Policy = { type: "pin", itemsMax: 50, bytesMax: 400_000 }
    const [stalled, pinned, quick] = [conflate, pin, conflate].map((policy) =>
      cache.follow(undefined, policy, signal),
    )
    const reader = new Replica()
    for (let count = 0; count < 2; count++) {
      await stalled!.next()
      await pinned!.next()
      reader.take((await quick!.next()).value)
    }
    const { engine, trie } = cache.current!.epochState
    let bytesMax = 0
    for (let at = 0; at < commits; at++) {
      const changes = Array.from({ length: 100 }, (_, index) =>
        put(`k${(at * 37 + index) % 1_000}`, `${at}`.padEnd(20)),
      )
      await cache.applyCommits([commit(at + 2, ...changes)])
      reader.take((await quick!.next()).value)
      if (at >= 100) bytesMax = Math.max(bytesMax, engine.liveBytes())
    }
    while (!trie.reclaim(100_000));
    const stateBytes = engine.liveBytes()

    // Two versions and what they do not share; a trail of 50 commits, while the bound held.
    expect(bytesMax).toBeLessThan(2 * stateBytes + 400_000)
    expect(reader.state.size).toBe(1_000)
    await expect(
      (async () => {
        for (;;) await pinned!.next()
      })(),
    ).rejects.toThrow(LaggedError)
    const late: CacheFrame[] = []
    while (late.at(-1)?.type !== "delta") late.push((await stalled!.next()).value)
    expect(late.at(-1)).toMatchObject({ position: { revision: commits + 1 } })
    await cache.close()
  }, 600_000)
})
