import type { Change, Commit, Entry, Position } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type EngineOptions } from "@headwater/core/engine"
import { integerBelow, ManualClock, prng, seedFrom } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { type CatchUp, NOTHING_HELD, plan, walked } from "../src/catch-up.ts"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const INVALID = "bad"

type Random = (bound: number) => number
type State = ReadonlyMap<string, { readonly value: unknown; readonly revision: number }>

/** A source as a list of commits, and the state after each. */
class History {
  readonly commits: Commit[] = []
  readonly #below: Random
  readonly #keys: string[]
  #revision: number

  constructor(below: Random) {
    this.#below = below
    this.#keys = Array.from({ length: 3 + below(6) }, (_, index) => `k${index}`)
    this.#revision = 1 + below(3)
  }

  get head(): number {
    return this.#revision
  }

  /** Somebody commits: a few keys, perhaps to the values that they have; or elsewhere, unseen. */
  write(): void {
    this.#revision++
    if (this.#below(6) === 0) return
    const keys = new Set<string>()
    for (let count = 1 + this.#below(3); count > 0; count--) {
      keys.add(this.#keys[this.#below(this.#keys.length)] as string)
    }
    const changes = [...keys].map((key): Change => {
      const kind = this.#below(8)
      if (kind < 3) return { op: "delete", key }
      const value = kind === 7 ? INVALID : this.#below(2)
      return { op: "put", key, value: encoder.encode(JSON.stringify(value)) }
    })
    this.commits.push({ revision: this.#revision, changes })
  }

  /** What a reader at a revision must hold. */
  stateAt(revision: number): State {
    const state = new Map<string, { value: unknown; revision: number }>()
    for (const commit of this.commits) {
      if (commit.revision > revision) break
      for (const change of commit.changes) {
        if (change.op === "delete") state.delete(change.key)
        else {
          const value = JSON.parse(decoder.decode(change.value)) as unknown
          state.set(change.key, { value, revision: commit.revision })
        }
      }
    }
    for (const [key, { value }] of state) if (value === INVALID) state.delete(key)
    return state
  }

  /** What a list answers, invalid values included. */
  listAt(revision: number): Entry[] {
    const entries = new Map<string, Entry>()
    for (const commit of this.commits) {
      if (commit.revision > revision) break
      for (const change of commit.changes) {
        if (change.op === "delete") entries.delete(change.key)
        else entries.set(change.key, { ...change, revision: commit.revision })
      }
    }
    return [...entries.values()]
  }

  between(after: number, upTo: number): Commit[] {
    return this.commits.filter(({ revision }) => revision > after && revision <= upTo)
  }
}

/** A cache and what a syncer does to it. */
class Hub {
  readonly cache: SnapshotCache
  readonly #history: History
  readonly #below: Random

  constructor(history: History, below: Random, clock: ManualClock, engine: EngineOptions) {
    this.#history = history
    this.#below = below
    const limits = { chunkUpdatesMax: 1 + below(4), historyMs: 20, tableRowsMax: 8, gapsMax: 2 }
    const validate = (_key: string, value: Uint8Array) =>
      decoder.decode(value) === `"${INVALID}"` ? "bad" : undefined
    this.cache = new SnapshotCache({ clock, engine, limits, validate })
    this.cache.renew("e1")
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

interface WireChange {
  readonly op?: "put" | "delete" | "touch"
  readonly key: string
  readonly value?: unknown
  readonly revision: number
}

/** A reader as the protocol has it: it applies what stands between two ids in one step. */
class Reader {
  position: Position | undefined
  #replica: State = new Map()
  #staged = new Map<string, { value: unknown; revision: number }>()
  #state: CatchUp = NOTHING_HELD
  #floor = 0
  #hub: Hub | undefined
  readonly #history: History
  readonly #below: Random

  constructor(history: History, below: Random) {
    this.#history = history
    this.#below = below
  }

  /** Whether it is not in the middle of anything. */
  get isAtId(): boolean {
    return this.#hub !== undefined && this.#state.walk === undefined && this.position !== undefined
  }

  /** Goes to a hub with what it holds. False when that hub is not there yet. */
  moveTo(hub: Hub): boolean {
    if (hub.cache.current === undefined) return false
    const located = this.position && hub.cache.locate(this.position)
    if (located?.type === "ahead") return false
    this.#hub = hub
    if (located?.type === "resume") {
      this.#state = { held: located.version }
      this.#staged = new Map(this.#replica)
      this.#floor = this.position?.revision ?? 0
    } else this.#beginAfresh()
    return true
  }

  /** One slice of a walk. Answers whether there was anything to do. */
  read(bytesMax: number): boolean {
    const crumb = this.#hub?.cache.current
    if (crumb === undefined) return false
    const { snapshot, life } = crumb
    const now = { version: snapshot.version, horizon: life.horizon }
    let next = plan(this.#state, now)
    if (next.type === "reset") {
      this.#beginAfresh()
      next = plan(this.#state, now)
    }
    if (next.type !== "walk") {
      const moved = this.#hub?.cache.position?.revision !== this.position?.revision
      if (next.type === "idle" && moved) this.#arrive()
      return moved
    }
    const { since, after } = next
    const visitsMax = 1 + this.#below(6)
    const request = { since, values: "json", bytesMax, visitsMax } as const
    const result = snapshot.walk(after === undefined ? request : { ...request, after })
    const changes = JSON.parse(`[${decoder.decode(result.body)}]`) as WireChange[]
    for (const change of changes) this.#apply(change, since)
    this.#state = walked(this.#state, snapshot.version, result)
    if (this.#state.walk === undefined) this.#arrive()
    return true
  }

  #beginAfresh(): void {
    this.#state = NOTHING_HELD
    this.#staged = new Map()
    this.#floor = 0
  }

  #apply({ op, key, value, revision }: WireChange, since: number): void {
    expect(op === undefined).toBe(since === 0)
    const held = this.#staged.get(key)
    if (revision <= this.#floor || revision <= (held?.revision ?? 0)) return
    if (op === "delete") this.#staged.delete(key)
    else if (op !== "touch") this.#staged.set(key, { value, revision })
    else {
      expect(held, `a touch of ${key}, which the reader lacks`).toBeDefined()
      this.#staged.set(key, { value: held?.value, revision })
    }
  }

  // An id: what is held is the source's state at that revision, and the digest proves it.
  #arrive(): void {
    const cache = this.#hub?.cache
    const position = cache?.position
    if (cache?.current === undefined || position === undefined) return
    expect(position.revision).toBeGreaterThanOrEqual(this.position?.revision ?? 0)
    this.position = position
    this.#replica = new Map(this.#staged)
    this.#floor = position.revision
    const order = (state: State) => [...state].sort(([a], [b]) => (a < b ? -1 : 1))
    expect(order(this.#replica)).toEqual(order(this.#history.stateAt(position.revision)))
    expect(cache.current.snapshot.digest).toBe(digestOf(this.#replica))
    expect(cache.current.snapshot.size).toBe(this.#replica.size)
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

async function play(seed: number): Promise<void> {
  const random = prng(seed)
  const below: Random = (bound) => integerBelow(random, bound)
  const clock = new ManualClock()
  const engine: EngineOptions = {
    bytesMax: 4 * 2 ** 20,
    seed: [below(2 ** 32), below(2 ** 32)],
    hashMask: below(2) === 0 ? 0x83 : 0xffffffff,
    ...(below(20) === 0 ? { build: debugBuild } : {}),
  }
  const history = new History(below)
  const hubs = [0, 1].map(() => new Hub(history, below, clock, engine))
  const readers = [0, 1].map(() => new Reader(history, below))
  const caches = new Set(hubs.map(({ cache }) => cache))

  for (let steps = 30 + below(40); steps > 0; steps--) {
    const kind = below(12)
    const which = below(2)
    const hub = hubs[which] as Hub
    const reader = readers[below(2)] as Reader
    if (kind < 3) history.write()
    else if (kind < 6) await hub.step()
    else if (kind === 6) await clock.advance(below(12))
    else if (kind === 7 && below(4) === 0) {
      const fresh = new Hub(history, below, clock, engine)
      caches.add(fresh.cache)
      hubs[which] = fresh
    } else {
      const slices = 1 + below(4)
      for (let slice = 0; slice < slices; slice++) {
        if (!reader.isAtId || below(2) === 0) reader.moveTo(hub)
        reader.read(1 + below(120))
      }
    }
  }

  for (const hub of hubs) await hub.catchUp()
  for (const [index, reader] of readers.entries()) {
    expect(reader.moveTo(hubs[index] as Hub)).toBe(true)
    for (let slices = 0; reader.read(60); slices++) expect(slices).toBeLessThan(1_000)
    expect(reader.position).toEqual({ epoch: "e1", revision: history.head })
  }
  for (const cache of caches) {
    const { current } = cache
    if (current !== undefined) {
      while (!current.life.trie.reclaim(1_000));
      current.snapshot.verify()
      // The newest complete version and the trie's own, which a hub that was left behind may be
      // past.
      expect(current.life.engine.stats().snapshots).toBe(current.life.whole ? 1 : 2)
    }
    await cache.close()
  }
}

describe("two hubs of one source (model)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)
  const histories = Number(
    process.env.HEADWATER_HISTORIES ?? (process.env.HEADWATER_FULL === "1" ? 100_000 : 600),
  )

  test("readers that move between them hold the source's state at every id", async () => {
    for (let index = 0; index < histories; index++) {
      try {
        await play(seed + index)
      } catch (error) {
        throw new Error(`HEADWATER_SEED=${seed + index} HEADWATER_HISTORIES=1`, { cause: error })
      }
    }
  }, 3_600_000)
})
