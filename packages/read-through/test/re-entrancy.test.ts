import { InvariantError } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { ReadThroughCache, type ReadThroughObserver } from "../src/index.ts"
import { entriesView, ViewStore } from "../src/view/index.ts"
import { ScriptedType, turn, Watched } from "./scripted-type.ts"

// Code of types and observers calls the cache back, or throws.
let clock: ManualClock
let cache: ReadThroughCache
let size: { entries: number; bytes: number }

const observer: ReadThroughObserver = {
  onSize: (next) => {
    size = next
  },
}

afterEach(() => cache.assertInvariants())

beforeEach(() => {
  clock = new ManualClock()
  size = { entries: 0, bytes: 0 }
  cache = new ReadThroughCache({ clock, random: () => 0, observer })
})

const get = (key = "k", type = "type") => new Watched(cache.get<string>(type, { key }))

describe("a type that calls the cache back", () => {
  test("from bytesOf: an entry that it evicts counts for nothing", async () => {
    const upstream = new ScriptedType({
      bytesOf: () => {
        cache.evict({})
        return 1_000
      },
    })
    cache.register("type", upstream.type)
    const leaving = new AbortController()
    const got = new Watched(cache.get("type", { key: "k" }, leaving.signal))
    await upstream.last.answer({ value: "v", revision: 1 })
    expect([size.entries, got.state, upstream.reads.length]).toEqual([1, "waiting", 2])
    leaving.abort(new Error("left"))
    await turn()
    cache.evict({})

    expect(size).toEqual({ entries: 0, bytes: 0 })
  })

  test("from the close of its state: an entry that it evicts counts for nothing", async () => {
    const upstream = new ScriptedType({ blocking: true, refresh: true })
    cache.register("type", upstream.type)
    const close = () => {
      cache.evict({})
    }
    get()
    await upstream.last.answer({ value: "v1", revision: 1, state: { close } })
    await clock.advance(0)
    await upstream.last.answer({ value: "v2", revision: 2, state: {} })

    expect(size).toEqual({ entries: 0, bytes: 0 })
  })

  test("from the abort of a read: its entry is there once, within the bound", async () => {
    cache = new ReadThroughCache({ clock, observer, limits: { entriesMax: 1 } })
    const again: Watched<unknown>[] = []
    const type = {
      blocking: true,
      refresh: true,
      fetch: (_options: unknown, signal: AbortSignal) =>
        new Promise<never>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            again.push(get("b"))
            reject(signal.reason)
          })
        }),
    }
    cache.register("type", type)
    cache.prepopulate("type", { key: "a" }, { value: "v", revision: 1 })
    // A caller that leaves: the read goes on without a waiting caller.
    const leaving = new AbortController()
    const since = { epoch: "", revision: 1 }
    const left = cache.get("type", { key: "a", since }, leaving.signal).catch(() => "left")
    await turn()
    leaving.abort(new Error("left"))
    expect(await left).toBe("left")
    get("b")
    await turn()

    expect([size.entries, cache.size, again.length]).toEqual([1, 1, 1])
    cache.evict({})
    expect(size).toEqual({ entries: 0, bytes: 0 })
  })

  test("from fetch: a caller whose entry it evicts is not left waiting", async () => {
    let reads = 0
    cache.register("type", {
      async fetch() {
        reads += 1
        if (reads < 3) cache.evict({})
        return { value: `v${reads}`, revision: reads }
      },
    })
    const got = get()
    await clock.settle()

    expect([got.value?.value, reads]).toEqual(["v3", 3])
  })
})

describe("an observer of a cache", () => {
  test("that throws spoils nothing", async () => {
    const errors: unknown[] = []
    const fail = () => {
      throw new Error("observer")
    }
    const failing = { onSize: fail, onHit: fail, onMiss: fail, onFetch: fail, onEvict: fail }
    const onError = (error: unknown) => errors.push(error)
    cache = new ReadThroughCache({ clock, observer: { ...failing, onError } })
    const upstream = new ScriptedType()
    cache.register("type", upstream.type)
    const got = get()
    await upstream.last.answer({ value: "v", revision: 1 })
    expect([got.value?.value, (await cache.get("type", { key: "k" })).value]).toEqual(["v", "v"])

    expect(cache.evict({})).toBe(1)
    expect(errors.length).toBeGreaterThan(4)
  })

  test("that calls the cache is refused", async () => {
    const errors: unknown[] = []
    cache = new ReadThroughCache({
      clock,
      observer: {
        onSize: () => cache.evict({}),
        onError: (error) => errors.push(error),
      },
    })
    const upstream = new ScriptedType()
    cache.register("type", upstream.type)
    const got = get()
    await upstream.last.answer({ value: "v", revision: 1 })

    expect(got.value?.value).toBe("v")
    expect(errors.every((error) => error instanceof InvariantError)).toBe(true)
    expect(errors.length).toBeGreaterThan(0)
  })
})

test("a feed that asks for its view as it is dropped gets a view of its own", async () => {
  const store = new ViewStore({ clock, viewsMax: 1 })
  let opened = 0
  let inner: Promise<unknown> | undefined
  store.register("type", {
    async *subscribe(_request, _from, signal) {
      opened += 1
      yield { type: "sync", revision: opened } as const
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          inner ??= store.get("type", { key: "b" })
          resolve()
        })
      })
    },
    makeView: () => entriesView(),
  })
  await store.get("type", { key: "a" })
  await store.get("type", { key: "b" })
  await turn()

  expect((await inner) as object).toMatchObject({ meta: { position: { revision: 2 } } })
  expect([store.size, opened]).toEqual([1, 2])
  await store.close()
})
