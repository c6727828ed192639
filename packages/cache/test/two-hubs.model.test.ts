import type { Position } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type EngineOptions } from "@headwater/core/engine"
import { integerBelow, ManualClock, prng, seedFrom } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import type { Location } from "../src/follow/location.ts"
import { SnapshotCache } from "../src/snapshot-cache.ts"
import { type Below, History, INVALID, type State } from "./two-hubs/history.ts"
import type { Shown } from "./two-hubs/model-hub.ts"
import { ModelReader, type Readable } from "./two-hubs/model-reader.ts"
import { RULES } from "./two-hubs/rules.ts"

const decoder = new TextDecoder()
const limits = { historyMs: 20, tableRowsMax: 8, gapsMax: 2 }
const validate = (_key: string, value: Uint8Array) =>
  decoder.decode(value) === `"${INVALID}"` ? "bad" : undefined

/** A cache, whole, with its wasm; and what a syncer does to it. */
class Hub implements Readable {
  readonly cache: SnapshotCache
  readonly #history: History
  readonly #below: Below

  constructor(
    history: History,
    options: { readonly below: Below; readonly clock: ManualClock; readonly engine: EngineOptions },
    image?: readonly Uint8Array[],
  ) {
    const { below, clock, engine } = options
    this.#history = history
    this.#below = below
    const all = { clock, engine, limits: { ...limits, chunkUpdatesMax: 1 + below(4) }, validate }
    this.cache = image === undefined ? new SnapshotCache(all) : SnapshotCache.load(image, all)
    this.cache.renew("e1")
  }

  get shown(): Shown | undefined {
    const { current, position } = this.cache
    if (current === undefined || position === undefined) return undefined
    return { snapshot: current.snapshot, position, horizon: current.epochState.horizon }
  }

  locate(position: Position): Location {
    return this.cache.locate(position)
  }

  async step(): Promise<void> {
    const kind = this.cache.current === undefined ? 0 : this.#below(8)
    if (kind === 0) await this.#list()
    else if (kind === 1) await this.#listAndGiveUp()
    else await this.watch(this.#below(4))
  }

  /** Hears what the source told since, all but so many revisions. */
  async watch(lag: number): Promise<void> {
    const { contiguous } = this.cache
    const upTo = Math.max(contiguous, this.#history.head - lag)
    await this.cache.applyCommits(this.#history.between(contiguous, upTo))
    if (this.#below(2) === 0) this.cache.progress(upTo)
  }

  async catchUp(): Promise<void> {
    if (this.cache.current === undefined) await this.#list()
    await this.watch(0)
    this.cache.progress(this.#history.head)
  }

  // The list may be of a while ago, and the watch may tell of later commits beside it.
  async #list(): Promise<void> {
    const { contiguous } = this.cache
    const { head } = this.#history
    const revision = Math.max(contiguous, head - this.#below(3))
    const upTo = revision + this.#below(head - revision + 1)
    const entries = this.#history.listAt(revision)
    const cut = this.#below(entries.length + 1)
    this.cache.beginResync()
    await this.cache.applyList({ revision, entries: entries.slice(0, cut), invalid: [] })
    await this.cache.applyCommits(this.#history.between(revision, upTo))
    await this.cache.applyList({ revision, entries: entries.slice(cut), invalid: [] })
    await this.cache.endResync(revision)
  }

  async #listAndGiveUp(): Promise<void> {
    const revision = this.#history.head
    const entries = this.#history.listAt(revision)
    this.cache.beginResync()
    const page = entries.slice(0, this.#below(entries.length + 1))
    await this.cache.applyList({ revision, entries: page, invalid: [] })
    if (this.#below(3) > 0) this.cache.abortResync()
    else await this.#list()
  }
}

const scratch = createEngine({ bytesMax: 4 * 2 ** 20 })

/** The digest of a replica, as a hub that holds it would tell it. */
function digestOf(state: State): string {
  const trie = scratch.trie()
  for (const [key, { revision }] of state) trie.put(key, new Uint8Array(0), revision)
  const snapshot = trie.commit({ reach: 0, complete: true })
  const { digest } = snapshot
  snapshot.dispose()
  for (const key of state.keys()) trie.delete(key, 1)
  trie.commit({ reach: 0, complete: true }).dispose()
  trie.sweep(trie.version, { bytesMax: 0, entriesMax: 1_000 })
  return digest
}

/** One random history over two caches and two readers. */
class Play {
  readonly #below: Below
  readonly #clock = new ManualClock()
  readonly #history: History
  readonly #keys: string[]
  readonly #hubs: Hub[]
  readonly #readers: ModelReader[]
  readonly #caches = new Set<SnapshotCache>()
  readonly #images: (readonly Uint8Array[] | undefined)[] = []

  constructor(seed: number) {
    const random = prng(seed)
    this.#below = (bound) => integerBelow(random, bound)
    this.#keys = Array.from({ length: 3 + this.#below(6) }, (_, index) => `k${index}`)
    this.#history = new History(1 + this.#below(3))
    this.#hubs = [this.#hub(), this.#hub()]
    const options = { below: this.#below, rules: RULES, digestOf }
    this.#readers = [0, 1].map(() => new ModelReader(this.#history, options))
  }

  async run(): Promise<void> {
    for (let steps = 30 + this.#below(40); steps > 0; steps--) await this.#step()
    await this.#end()
    for (const cache of this.#caches) await checkAndClose(cache)
  }

  async #step(): Promise<void> {
    const kind = this.#below(12)
    const which = this.#below(2)
    const hub = this.#hubs[which] as Hub
    if (kind < 3) this.#history.commitAny(this.#keys, this.#below)
    else if (kind < 6) await hub.step()
    else if (kind === 6) await this.#clock.advance(this.#below(12))
    else if (kind === 7) this.#restart(which)
    else {
      const reader = this.#readers[this.#below(2)] as ModelReader
      const isLost = reader.position === undefined && reader.isAtRest
      if (isLost || this.#below(3) === 0) reader.moveTo(hub)
      for (let slices = 1 + this.#below(4); slices > 0; slices--) {
        reader.read({ bytesMax: 1 + this.#below(120) })
      }
    }
  }

  #restart(which: number): void {
    const kind = this.#below(8)
    if (kind < 3) this.#images[which] = imageOf(this.#hubs[which] as Hub)
    if (kind === 0) this.#hubs[which] = this.#hub()
    if (kind === 1) this.#hubs[which] = this.#hub(this.#images[which])
  }

  async #end(): Promise<void> {
    for (const hub of this.#hubs) await hub.catchUp()
    for (const [index, reader] of this.#readers.entries()) {
      expect(reader.moveTo(this.#hubs[index] as Hub)).toBe(true)
      for (let slices = 0; reader.read({ bytesMax: 60 }); slices++)
        expect(slices).toBeLessThan(1_000)
      expect(reader.position).toEqual({ epoch: "e1", revision: this.#history.head })
    }
  }

  #hub(image?: readonly Uint8Array[]): Hub {
    const below = this.#below
    const engine: EngineOptions = {
      bytesMax: 4 * 2 ** 20,
      seed: [below(2 ** 32), below(2 ** 32)],
      hashMask: below(2) === 0 ? 0x83 : 0xffffffff,
      ...(below(60) === 0 ? { build: debugBuild } : {}),
    }
    const hub = new Hub(this.#history, { below, clock: this.#clock, engine }, image)
    this.#caches.add(hub.cache)
    return hub
  }
}

function imageOf({ cache }: Hub): readonly Uint8Array[] | undefined {
  const pieces = cache.save()
  return pieces && [...pieces].map((piece) => piece.slice())
}

async function checkAndClose(cache: SnapshotCache): Promise<void> {
  const { current } = cache
  if (current !== undefined) {
    while (!current.epochState.trie.reclaim(1_000));
    current.snapshot.verify()
    // The newest complete version, and the trie's own: a hub that was left behind may be past it.
    expect(current.epochState.engine.stats().snapshots).toBe(current.epochState.whole ? 1 : 2)
  }
  await cache.close()
}

describe("two hubs of one source (model)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)
  const histories = Number(
    process.env.HEADWATER_HISTORIES ?? (process.env.HEADWATER_FULL === "1" ? 100_000 : 100),
  )

  test("readers that move between them hold the source's state at every id", async () => {
    for (let index = 0; index < histories; index++) {
      try {
        await new Play(seed + index).run()
      } catch (error) {
        throw new Error(`HEADWATER_SEED=${seed + index} HEADWATER_HISTORIES=1`, { cause: error })
      }
    }
  }, 3_600_000)
})
