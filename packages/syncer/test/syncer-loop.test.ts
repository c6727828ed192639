import { SnapshotCache } from "@headwater/cache"
import { type ListPage, SourceError, ValueError, type WatchEvent } from "@headwater/core"
import { ManualClock, UnreliableSource } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type MemorySource, memorySource } from "../src/sources/memory/index.ts"
import { Syncer } from "../src/syncer.ts"
import { contentOf, contentOfCache, del, Hub, never, put, write } from "./harness.ts"

describe("Syncer: its loop", () => {
  let clock: ManualClock
  let memory: MemorySource
  let source: UnreliableSource
  let hubs: Hub[]

  beforeEach(() => {
    clock = new ManualClock()
    memory = memorySource()
    source = new UnreliableSource(memory)
    hubs = []
  })
  afterEach(async () => {
    await Promise.all(hubs.map((hub) => hub.stop()))
    expect({ open: memory.open, watches: source.watches, timers: clock.timers }).toEqual({
      open: 0,
      watches: 0,
      timers: 0,
    })
  })

  const start = (options: ConstructorParameters<typeof Hub>[2] = {}) => {
    const hub = new Hub(source, clock, options)
    hubs.push(hub)
    return hub
  }
  /** From now on, or no longer: watches say that there are none. */
  const refuseWatches = (refusing: boolean) => {
    source.watch = refusing
      ? async function* (): AsyncGenerator<WatchEvent> {
          yield { type: "lost", reason: "unsupported" }
        }
      : UnreliableSource.prototype.watch.bind(source)
  }
  /** Counts the lists that are begun. */
  const countLists = () => {
    const own = source.list.bind(source)
    const times: number[] = []
    source.list = (request, signal) => {
      times.push(clock.elapsed())
      return own(request, signal)
    }
    return times
  }

  /** Counts the watches that are begun. */
  const countWatches = () => {
    const own = source.watch.bind(source)
    const times: number[] = []
    source.watch = (from, signal) => {
      times.push(clock.elapsed())
      return own(from, signal)
    }
    return times
  }
  /** Writes, also while the source refuses; the revision. */
  const memoryWrite = () => write(memory, put("a", `${clock.elapsed()}`))

  test("WS-B10, U48: two lists do not begin within half a second", async () => {
    const times = countLists()
    source.watch = async function* () {
      yield { type: "lost", reason: "compacted" }
    }
    const hub = start()
    await clock.advance(10_000)

    const pauses = times.slice(1).map((time, index) => time - times[index]!)
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(500)
    expect(contentOfCache(hub.cache)).toEqual({})
  })

  test("WS-E7: a watch that closes at once, again and again, is not tried for ever", async () => {
    let watches = 0
    source.watch = async function* (): AsyncGenerator<WatchEvent> {
      watches += 1
      yield* []
    }
    const lists = countLists()
    const hub = start()
    await write(memory, put("a", "1"))
    await clock.advance(120_000)

    expect(watches).toBeLessThan(60)
    expect(lists.length).toBeGreaterThan(1)
    expect(contentOfCache(hub.cache)).toEqual({ a: "1 at 2" })
  })

  test("ES-B7: a source that was away for long is found within 2 s of its return", async () => {
    for (let seed = 1; seed <= 8; seed++) start({ seed })
    await clock.advance(1_000)
    source.refuse(true)
    await clock.advance(120_000)
    const questions = hubs.map(({ log }) => log.length)
    const revision = await memoryWrite()
    source.refuse(false)
    const back = clock.elapsed()
    const isThere = ({ cache }: Hub) => cache.position?.revision === revision
    while (!hubs.every(isThere)) await clock.advance(20)

    expect(clock.elapsed() - back).toBeLessThanOrEqual(2_020)
    expect(Math.max(...questions)).toBeLessThan(200)
  })

  test("ES-B7, WS-B17: a link that breaks again and again is mended soon each time", async () => {
    const hub = start()
    const lists = countLists()
    const watches = countWatches()
    await clock.advance(1_000)
    const late: number[] = []
    for (let turn = 0; turn < 100; turn++) {
      source.cut()
      const revision = await memoryWrite()
      const since = clock.elapsed()
      while (hub.cache.position?.revision !== revision) await clock.advance(10)
      late.push(clock.elapsed() - since)
      await clock.advance(200)
    }

    expect(Math.max(...late)).toBeLessThanOrEqual(260)
    expect([lists.length, watches.length]).toEqual([1, 101])
  })

  test("ES-B7: one that works for no more than a moment is not tried without end", async () => {
    const own = source.watch.bind(source)
    source.watch = async function* (from, signal) {
      for await (const event of own(from, signal)) {
        yield event
        if (event.type === "commits") return
      }
    }
    const watches = countWatches()
    const hub = start()
    await clock.settle()
    for (let turn = 0; turn < 1_000; turn++) {
      await memoryWrite()
      await clock.advance(10)
    }
    await clock.advance(1_000)

    expect(watches.length).toBeGreaterThan(40)
    expect(watches.length).toBeLessThan(160)
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(memory))
  })

  test("U49, U61: a source that cannot be watched is polled, and stays in sync", async () => {
    refuseWatches(true)
    const lists = countLists()
    const hub = start({ limits: { pollMs: 5_000 } })
    await clock.advance(20_000)
    const before = lists.length
    await write(memory, put("a", "1"))
    await clock.advance(5_000)
    const polled = contentOfCache(hub.cache)
    await write(memory, put("b", "1"), del("a"))
    refuseWatches(false)
    await clock.advance(5_000)

    expect([before, polled]).toEqual([1, { a: "1 at 2" }])
    expect(contentOfCache(hub.cache)).toEqual({ b: "1 at 3" })
    expect(hub.statuses).toEqual(["resyncing", "in-sync"])
    await write(memory, put("c", "1"))
    await clock.settle()
    expect(hub.cache.position?.revision).toBe(4)
  })

  test("WS-B12, U52: a short failure changes no status, a long one does, in time", async () => {
    const hub = start({ limits: { staleAfterMs: 30_000 } })
    await clock.settle()
    source.refuse(true)
    await clock.advance(20_000)
    source.refuse(false)
    await clock.advance(20_000)
    const short = [...hub.statuses]
    source.refuse(true)
    await clock.advance(29_999)
    const before = hub.cache.report.status
    await clock.advance(1)
    const { report } = hub.cache
    source.refuse(false)
    await clock.advance(30_000)

    expect(short).toEqual(["resyncing", "in-sync"])
    expect(before).toBe("in-sync")
    expect(report).toMatchObject({ status: "stale", code: "ERR_SOURCE_FAILED" })
    expect(report.statusSince - report.lastContact).toBeGreaterThanOrEqual(20_000)
    expect(hub.cache.report.status).toBe("in-sync")
  })

  test("ES-E10, U33: changes that a watch lost behind a slow cache become a gap", async () => {
    memory = memorySource({ history: 10 })
    source = new UnreliableSource(memory)
    await write(memory, put("kept", "1"))
    const hub = start({ limits: { queueEventsMax: 2, batchCommitsMax: 1 } })
    await clock.settle()
    const { cache } = hub
    const own = cache.applyCommits.bind(cache)
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    cache.applyCommits = async (commits) => {
      await gate
      return own(commits)
    }
    for (let turn = 0; turn < 100; turn++) {
      await write(memory, put("a", `${turn}`), ...(turn === 60 ? [put("came", "1")] : []))
      if (turn === 70) await write(memory, del("came"))
      await clock.settle()
    }
    release()
    await clock.advance(10_000)

    expect(contentOfCache(cache)).toEqual(await contentOf(memory))
    expect(hub.statuses).toEqual(["resyncing", "in-sync", "resyncing", "in-sync"])
    const types = [2, 60, 90, 103].map((revision) => {
      return cache.locate({ epoch: cache.epoch!, revision }).type
    })
    expect(types).toEqual(["resume", "reset", "reset", "resume"])
  })

  test("U36, U57: what is read when a status comes is what it covers", async () => {
    const seen: string[] = []
    await write(memory, put("a", "1"))
    const hub = start()
    const { cache } = hub
    const own = cache.setStatus.bind(cache)
    cache.setStatus = (status, code) => {
      seen.push(`${status}: ${Object.keys(contentOfCache(cache) ?? {})}`)
      own(status, code)
    }
    await clock.settle()
    source.refuse(true)
    await clock.advance(5_000)
    await write(memory, put("b", "1"))
    source.refuse(false)
    await clock.advance(60_000)

    expect(seen).toEqual(["resyncing: ", "in-sync: a", "stale: a", "in-sync: a,b"])
  })

  test("the time of the source's last word is kept while it is away", async () => {
    const hub = start()
    await clock.settle()
    const spoke = clock.now()
    await clock.advance(1_000)
    source.refuse(true)
    await clock.advance(60_000)

    expect(hub.cache.report.lastContact).toBe(spoke)
    expect(hub.cache.report.statusSince).toBeGreaterThan(spoke)
  })

  test("an error that says that nothing can be done ends it, and is its end", async () => {
    source.list = () => {
      throw new ValueError("this cannot be a source")
    }
    const hub = new Hub(source, clock)
    await clock.settle()

    expect(hub.cache.report).toMatchObject({ status: "waiting", code: "ERR_VALUE_INVALID" })
    await expect(hub.stop()).rejects.toThrow("this cannot be a source")
    await hub.cache.close()
  })
})

describe("Syncer: its end (U92, ES-B29)", () => {
  /** Each of these brings a syncer into a phase; then it is stopped there. */
  const phases: Record<string, (s: UnreliableSource, memory: MemorySource) => Promise<void>> = {
    asking: async (source) => {
      source.revision = (signal) => untilAborted(signal)
    },
    listing: async (source) => {
      source.list = async function* (_request, signal): AsyncGenerator<ListPage> {
        yield { revision: 1, entries: [], invalid: [] }
        await untilAborted(signal)
      }
    },
    pausing: async (source) => source.refuse(true),
    polling: async (source) => {
      source.watch = async function* () {
        yield { type: "lost", reason: "unsupported" }
      }
    },
    watching: async () => {},
    probing: async (source) => source.mute(true),
  }

  for (const [name, arrange] of Object.entries(phases)) {
    test(`stopped while ${name} it leaves nothing, and soon`, async () => {
      const clock = new ManualClock()
      const memory = memorySource()
      const source = new UnreliableSource(memory)
      await arrange(source, memory)
      const hub = new Hub(source, clock, { limits: { watchSilenceMs: 3_000 } })
      await clock.advance(name === "probing" ? 3_100 : 2_900)
      await hub.stop()

      expect([memory.open, source.watches, clock.timers]).toEqual([0, 0, 0])
      expect(hub.syncer.state.phase.name).toBe("stopped")
    })
  }

  // Simulator, seed 2007883.
  test("stopped while a reader's revision is asked about, it asks no longer", async () => {
    const clock = new ManualClock()
    const source = new UnreliableSource(memorySource())
    const hub = new Hub(source, clock)
    await clock.settle()
    source.revision = (signal) => untilAborted(signal)
    const asking = hub.syncer.revisionAtLeast(9, never)
    asking.catch(() => {})
    await clock.settle()
    await hub.stop()

    await expect(asking).rejects.toThrow("closed: shutdown")
    await expect(hub.syncer.revisionAtLeast(9, never)).rejects.toThrow("closed: shutdown")
    expect(clock.timers).toBe(0)
  })

  // Simulator, seed 2020335.
  test("stopped as that is answered, it waits for no watch", async () => {
    const clock = new ManualClock()
    const source = new UnreliableSource(memorySource())
    const hub = new Hub(source, clock)
    await clock.settle()
    let answer = (_revision: number) => {}
    source.revision = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const asking = hub.syncer.revisionAtLeast(9, never)
    await clock.settle()
    answer(9)
    await hub.stop()
    await asking.catch(() => {})

    expect(clock.timers).toBe(0)
  })

  test("WS-B8, WS-B23: stopped in the middle of a list it serves what was whole", async () => {
    const clock = new ManualClock()
    const memory = memorySource()
    const source = new UnreliableSource(memory)
    await write(memory, put("a", "1"), put("b", "1"))
    const hub = new Hub(source, clock)
    await clock.settle()
    source.list = async function* (_request, signal): AsyncGenerator<ListPage> {
      const value = new Uint8Array([50])
      yield { revision: 4, entries: [{ key: "a", value, revision: 4 }], invalid: [] }
      await untilAborted(signal)
    }
    source.refuse(true)
    await write(memory, del("b"))
    await write(memory, put("a", "2"))
    memory.compact()
    source.refuse(false)
    await clock.advance(1_000)
    const { phase } = hub.syncer.state
    const before = contentOfCache(hub.cache)
    await hub.stop()

    expect(phase).toMatchObject({ name: "listing", revision: 4 })
    expect(before).toEqual({ a: "1 at 2", b: "1 at 2" })
  })
})

describe("Syncer.once()", () => {
  const arrange = async () => {
    const clock = new ManualClock()
    const memory = memorySource()
    await write(memory, put("a", "1"))
    const cache = new SnapshotCache({ clock })
    const source = new UnreliableSource(memory)
    const syncer = new Syncer({ source, cache, clock, random: () => 0.5, epochSalt: "" })
    return { clock, memory, cache, source, syncer }
  }

  test("ES-B28, U55: lists once, and resolves with nothing left open", async () => {
    const { clock, memory, cache, source, syncer } = await arrange()
    const revision = await syncer.once(never)
    await write(memory, put("a", "2"))
    await clock.settle()

    expect(revision).toBe(2)
    expect(contentOfCache(cache)).toEqual({ a: "1 at 2" })
    expect(cache.report.status).toBe("in-sync")
    expect([memory.open, source.watches, clock.timers]).toEqual([0, 0, 0])
    await cache.close()
  })

  test("ES-B10: rejects with the first failure", async () => {
    const { clock, cache, source, syncer } = await arrange()
    source.refuse(true)

    await expect(syncer.once(never)).rejects.toThrow(SourceError)
    expect(cache.report).toMatchObject({ status: "waiting", code: "ERR_SOURCE_FAILED" })
    expect(clock.timers).toBe(0)
    await cache.close()
  })

  test("rejects with the reason of the abort", async () => {
    const { clock, cache, source, syncer } = await arrange()
    source.identity = (signal) => untilAborted(signal)
    const abort = new AbortController()
    const running = syncer.once(abort.signal)
    await clock.settle()
    abort.abort(new Error("enough"))

    await expect(running).rejects.toThrow("enough")
    expect(clock.timers).toBe(0)
    await cache.close()
  })
})

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  })
}
