import type { Position } from "@headwater/core"
import {
  integerBelow,
  ManualClock,
  pick,
  prng,
  seedFrom,
  UnreliableSource,
} from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { type MemorySource, memorySource } from "../src/sources/memory/index.ts"
import { contentOf, contentOfCache, del, Hub, put, write } from "./harness.ts"

const KEYS = ["a", "a/b", "b", "ключ", "e", "f", "g", "h"]
const STEPS = 60
const isFull = process.env.HEADWATER_FULL === "1"
const histories = Number(process.env.HEADWATER_HISTORIES ?? (isFull ? 600 : 30))

type Act = readonly [name: string, act: (link: UnreliableSource) => Promise<unknown>]

/** A reader that stopped somewhere: its position, and the whole state it had there. */
interface Reader {
  readonly position: Position
  readonly content: Readonly<Record<string, string>>
}

/**
 * One history: a store that does whatever stores do, two hubs that must follow it, each over a link
 * of its own, and readers that leave one hub and come back to the other.
 */
class History {
  readonly random: () => number
  readonly clock = new ManualClock()
  readonly transcript: string[] = []
  memory: MemorySource
  readonly links: readonly UnreliableSource[]
  readonly hubs: readonly Hub[]
  readers: Reader[] = []
  resumed = 0

  constructor(seed: number) {
    this.random = prng(seed)
    this.memory = memorySource({ history: 20 })
    this.links = [new UnreliableSource(this.memory), new UnreliableSource(this.memory)]
    const limits = { watchSilenceMs: 5_000, queueEventsMax: 4, batchCommitsMax: 3 }
    this.hubs = this.links.map(
      (link, index) => new Hub(link, this.clock, { limits, seed: seed + index }),
    )
  }

  async step(): Promise<void> {
    const [name, act] = pick(this.random, this.#acts)
    this.transcript.push(name)
    await act(pick(this.random, this.links))
    if (this.random() < 0.5) await this.clock.settle()
    const hub = pick(this.random, this.hubs)
    this.#resumeAt(hub)
    this.#leave(hub)
  }

  /** Lets everything come to rest, and compares. */
  async rest(): Promise<void> {
    for (const link of this.links) {
      link.mute(false)
      link.refuse(false)
    }
    await this.clock.advance(90_000)
    const content = await contentOf(this.memory)
    const revision = await this.memory.revision(this.#never)
    for (const { cache } of this.hubs) {
      expect(contentOfCache(cache)).toEqual(content)
      expect([cache.report.status, cache.position?.revision]).toEqual(["in-sync", revision])
    }
  }

  async stop(): Promise<void> {
    for (const hub of this.hubs) await hub.stop()
    expect(this.clock.timers).toBe(0)
  }

  // Most leave at what is served now; what stands between a crumb and the position is empty.
  #leave({ cache }: Hub): void {
    const { position } = cache
    if (position === undefined || this.random() < 0.5) return
    this.readers.push({ position, content: contentOfCache(cache) ?? {} })
    if (this.readers.length > 20) this.readers.shift()
  }

  // Every reader that the hub says it can serve must hold what the hub holds after the changes.
  #resumeAt({ cache }: Hub): void {
    for (const { position, content } of this.readers) {
      const location = cache.locate(position)
      if (location.type !== "resume" || cache.current === undefined) continue
      const held = new Map(Object.entries(content))
      for (const delta of cache.current.snapshot.changesSince(location.version)) {
        const own = Number(held.get(delta.key)?.split(" at ")[1] ?? 0)
        if (delta.revision <= Math.max(own, position.revision)) continue
        if (delta.op === "delete") held.delete(delta.key)
        else if (delta.op === "put") {
          held.set(delta.key, `${new TextDecoder().decode(delta.value)} at ${delta.revision}`)
        } else held.set(delta.key, `${held.get(delta.key)?.split(" at ")[0]} at ${delta.revision}`)
      }
      const resumed = Object.entries(contentOfCache(cache) ?? {})
      // A hub may stand behind the reader only where nothing happened in between.
      expect(new Map([...held].sort()), `resumed from ${position.revision}`).toEqual(
        new Map(resumed.sort()),
      )
      this.resumed += 1
    }
  }

  readonly #never = new AbortController().signal

  readonly #acts: readonly Act[] = [
    ["write", () => this.#write()],
    ["write", () => this.#write()],
    ["write", () => this.#write()],
    ["write much", () => this.#writeMuch()],
    ["cut", async (link) => link.cut()],
    ["refuse", async (link) => link.refuse(true)],
    ["accept", async (link) => link.refuse(false)],
    ["mute", async (link) => link.mute(true)],
    ["unmute", async (link) => link.mute(false)],
    ["compact", async () => this.memory.compact()],
    ["wait", () => this.clock.advance(integerBelow(this.random, 8_000))],
    ["replace", () => this.#replace(false)],
    ["set back", () => this.#replace(true)],
  ]

  #write(): Promise<number> {
    const count = 1 + integerBelow(this.random, 3)
    const keys = new Set(Array.from({ length: count }, () => pick(this.random, KEYS)))
    const changes = [...keys].map((key) =>
      this.random() < 0.3 ? del(key) : put(key, `${integerBelow(this.random, 4)}`),
    )
    return write(this.memory, ...changes)
  }

  async #writeMuch(): Promise<void> {
    for (let turn = integerBelow(this.random, 40); turn > 0; turn--) await this.#write()
  }

  // A store that is set back is found out by its revision alone, so it must be met while that is
  // still below: a replacement that cannot be noticed is left out.
  async #replace(disguised: boolean): Promise<void> {
    if (this.random() < 0.7) return
    if (disguised) {
      await this.rest()
      if ((await this.memory.revision(this.#never)) < 2) return
    }
    this.memory = memorySource({ history: 20 })
    for (const link of this.links) await link.replaceBy(this.memory, disguised)
    if (disguised) await this.clock.settle()
  }
}

describe("Syncer, whatever the source does", () => {
  const first = seedFrom(process.env.HEADWATER_SEED)

  test(`comes to rest equal to its source, in ${histories} histories`, async () => {
    let resumed = 0
    for (let seed = first; seed < first + histories; seed++) {
      const history = new History(seed)
      try {
        for (let step = 1; step <= STEPS; step++) {
          await history.step()
          if (step % 20 === 0) await history.rest()
        }
        await history.stop()
        for (const { statuses } of history.hubs) {
          expect(statuses.join()).toMatch(
            /^(waiting[^,]*,)*resyncing(,(stale|resyncing|in-sync)[^,]*)*,in-sync$/,
          )
        }
      } catch (error) {
        const logs = history.hubs.map((hub) => hub.log.join("\n")).join("\n\n")
        console.log(`seed ${seed}: ${history.transcript.join(", ")}\n${logs}`)
        throw error
      }
      resumed += history.resumed
    }
    expect(resumed).toBeGreaterThan(histories)
  }, 300_000)
})
