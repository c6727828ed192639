import type { Position } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import fc from "fast-check"
import { expect, test } from "vitest"
import { type CacheEvent, ReadThroughCache } from "../src/index.ts"
import { isReset } from "../src/key-state.ts"
import { collect, type Read, ScriptedType, Watched } from "./scripted-type.ts"

const FULL = process.env.HEADWATER_FULL === "1"
const TEST_MS = 600_000
const KEYS = ["a", "b", "c"]

const op = fc.record({
  what: fc.constantFrom(
    ...["get", "get", "block", "block", "follow", "answer", "answer", "answer", "fail", "late"],
    ...["advance", "advance", "leave", "evict", "prepopulate", "reload"],
  ),
  key: fc.constantFrom(...KEYS),
  pick: fc.nat({ max: 999 }),
})

type Op = typeof op extends fc.Arbitrary<infer T> ? T : never

/** A cache, its upstream, and all its callers. */
class World {
  readonly clock = new ManualClock()
  readonly upstream: ScriptedType
  readonly cache: ReadThroughCache
  readonly gets: Watched<unknown>[] = []
  readonly followers: ReturnType<typeof collect<CacheEvent<string>>>[] = []
  readonly leaving: AbortController[] = []
  readonly #revisions = new Map<string, number>()
  readonly #over = new Set<Read>()

  constructor(refresh: boolean) {
    const { clock } = this
    const limits = { entriesMax: 2, entryRate: { perSecond: 50, burst: 3 } }
    this.cache = new ReadThroughCache({ clock, random: () => 0.5, limits })
    this.upstream = new ScriptedType({ blocking: true, refresh, ttlMs: 3_000 })
    this.cache.register("type", this.upstream.type)
  }

  /** Reads in flight that were not aborted. */
  get out(): Read[] {
    return this.upstream.reads.filter((read) => !this.#over.has(read) && !read.signal.aborted)
  }

  async run({ what, key, pick }: Op): Promise<void> {
    const { cache, clock } = this
    const signal = this.#signal()
    const revision = this.#revisions.get(key) ?? 0
    if (what === "get") this.gets.push(new Watched(cache.get("type", { key }, signal)))
    if (what === "block") {
      const request = { key, since: { epoch: "", revision }, timeoutMs: (pick % 3) * 1_000 }
      this.gets.push(new Watched(cache.get("type", request, signal)))
    }
    if (what === "follow") {
      this.followers.push(collect(cache.notify<string>("type", { key }, { signal })))
    }
    if (what === "answer") await this.answer(this.out[pick % (this.out.length || 1)], pick)
    if (what === "fail") await this.#fail(this.out[pick % (this.out.length || 1)])
    if (what === "late") await this.#answerLate(pick)
    if (what === "advance") await clock.advance([0, 100, 1_000, 4_000][pick % 4]!)
    if (what === "leave") this.leaving[pick % this.leaving.length]?.abort(new Error("left"))
    if (what === "evict") cache.evict({ key })
    if (what === "prepopulate") this.#prepopulate(key)
    if (what === "reload") cache.reload({ entryRate: { perSecond: 10 + pick, burst: 2 } })
    await clock.settle()
    cache.assertInvariants()
    expect(this.upstream.outMax).toBeLessThanOrEqual(1)
  }

  async answer(read: Read | undefined, pick: number): Promise<void> {
    if (!read) return
    this.#over.add(read)
    const { key } = read.options.request
    const isBack = pick % 10 === 0
    const revision = isBack ? 1 : (this.#revisions.get(key) ?? 0) + (pick % 3)
    this.#revisions.set(key, Math.max(1, revision))
    await read.answer({ value: `${key}${revision}`, revision })
  }

  async #fail(read: Read | undefined): Promise<void> {
    if (!read) return
    this.#over.add(read)
    await read.fail(new Error("down"))
  }

  // A read that was ended answers all the same.
  async #answerLate(pick: number): Promise<void> {
    const ended = this.upstream.reads.filter(({ signal }) => signal.aborted)
    await ended[pick % (ended.length || 1)]?.answer({ value: "undead", revision: 1_000 })
  }

  #prepopulate(key: string): void {
    try {
      this.cache.prepopulate("type", { key }, { value: `${key}1`, revision: 1 })
    } catch (error) {
      expect((error as { code: string }).code).toBe("ERR_TOO_MANY")
    }
  }

  #signal(): AbortSignal {
    const leaving = new AbortController()
    this.leaving.push(leaving)
    return leaving.signal
  }
}

function expectInOrder(events: readonly CacheEvent<string>[]): void {
  let last: Position | undefined
  for (const event of events) {
    if (event.type !== "value") continue
    const position = event.meta.position!
    expect(event.value).not.toBe("undead")
    if (last) {
      expect(event.isReset).toBe(isReset(last, position))
      expect(event.isReset || position.revision > last.revision).toBe(true)
    }
    last = position
  }
}

test(
  "CC-B14, CC-B26, CC-E6, CC-E7: whatever the order of what happens, one read a key is \
out, nobody waits in vain, nothing dropped comes back, revisions rise or begin anew",
  async () => {
    const seed = Number(process.env.HEADWATER_SEED ?? Date.now() % 1e9)
    console.log(`the model of the read-through cache: seed ${seed}`)
    const ops = fc.array(op, { maxLength: 60, size: "max" })
    await fc.assert(
      fc.asyncProperty(fc.boolean(), ops, async (refresh, ops) => {
        const world = new World(refresh)
        for (const next of ops) await world.run(next)

        // Upstream answers from now on, always with something newer: so every caller is answered.
        for (let round = 0; round < 100; round += 1) {
          await world.clock.advance(1_000)
          if (world.gets.every(({ state }) => state !== "waiting")) break
          for (const read of world.out) await world.answer(read, 2)
        }
        expect(world.gets.filter(({ state }) => state === "waiting")).toEqual([])
        for (const { value } of world.gets) {
          expect((value as { value?: string } | undefined)?.value).not.toBe("undead")
        }
        for (const { events } of world.followers) expectInOrder(events)

        for (const leaving of world.leaving) leaving.abort(new Error("over"))
        await world.clock.settle()
        const closing = new Watched(world.cache.close())
        for (const read of world.out) await world.answer(read, 2)
        await world.clock.settle()
        expect(closing.state).toBe("done")
        expect(world.followers.filter(({ error }) => error === undefined)).toEqual([])
        expect([world.clock.timers, world.out.length]).toEqual([0, 0])
      }),
      { seed, numRuns: FULL ? 5_000 : 150 },
    )
  },
  TEST_MS,
)
