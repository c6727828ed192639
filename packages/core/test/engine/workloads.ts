import { prng } from "@headwater/testing"
import type { Host } from "../../src/engine/host.ts"
import type { Snapshot } from "../../src/engine/snapshot.ts"
import { Trie, type TrieUpdate } from "../../src/engine/trie.ts"

/** One job of the core, done some times. */
export interface Workload {
  readonly name: string
  /** Makes the state that has to be there before; it is not counted. */
  prepare?(): void
  /** Does it, and tells how often. */
  run(): number
}

const ENTRIES = 20_000
const CALLS = 2_000
const KEPT = 10
const utf8 = new TextEncoder()

/**
 * The jobs of a cache in their order, on one trie of 20,000 entries of 206 bytes. The same seed, so
 * the same keys, values and shapes: what they execute is the same to the instruction.
 */
export function workloadsOn(host: Host): readonly Workload[] {
  const state = new State(host)
  return [
    { name: "put, new", run: () => state.fill() },
    { name: "put, over, and commit", run: () => state.writeEach(CALLS) },
    { name: "put, over, in batches of 100", run: () => state.writeBatches() },
    { name: "apply, over, in batches of 100", run: () => state.applyBatches() },
    { name: "get, hit", run: () => state.get("name") },
    { name: "get, miss", run: () => state.get("nome") },
    { name: "walk as JSON", run: () => state.walk("json") },
    { name: "walk as base64", run: () => state.walk("binary") },
    {
      name: "changes since",
      prepare: () => state.change(),
      run: () => state.tellChanges(),
    },
    {
      name: "difference",
      prepare: () => state.change(),
      run: () => state.tellDifference(),
    },
    { name: "delete and commit", run: () => state.deleteEach() },
    { name: "sweep a tombstone", run: () => state.sweep() },
    { name: "list again", run: () => state.listAgain() },
  ]
}

class State {
  readonly #trie: Trie
  readonly #order: readonly number[]
  readonly #kept: Snapshot[] = []
  #before: Snapshot | undefined
  #revision = 1

  constructor(host: Host) {
    const random = prng(42)
    this.#trie = new Trie(host)
    this.#order = Array.from({ length: CALLS }, () => Math.floor(random() * ENTRIES))
  }

  fill(): number {
    for (let index = 0; index < ENTRIES; index++) this.#put(index)
    this.#commit()
    return ENTRIES
  }

  writeEach(times: number): number {
    for (const index of this.#order.slice(0, times)) {
      this.#revision++
      this.#put(index)
      this.#commit()
    }
    return times
  }

  writeBatches(): number {
    this.#order.forEach((index, call) => {
      this.#put(index)
      if (call % 100 === 99) this.#commit()
    })
    return CALLS
  }

  applyBatches(): number {
    for (let call = 0; call < CALLS; call += 100) {
      this.#revision++
      const updates = this.#order.slice(call, call + 100).map((index) => this.#updateOf(index))
      this.#trie.apply(updates)
      this.#commit()
    }
    return CALLS
  }

  get(name: string): number {
    for (const index of this.#order) this.#trie.has(keyAt(index, name))
    return CALLS
  }

  walk(values: "json" | "binary"): number {
    const snapshot = this.#trie.snapshot()
    const request = { since: 0, values, bytesMax: 65_536 }
    let slice = snapshot.walk(request)
    while (!slice.ended) slice = snapshot.walk({ ...request, after: slice.place })
    snapshot.dispose()
    return ENTRIES
  }

  /** A thousand changes since a snapshot. */
  change(): void {
    this.#before?.dispose()
    this.#before = this.#trie.snapshot()
    this.writeEach(1_000)
  }

  tellChanges(): number {
    return [...this.#newest().changesSince(this.#marked().version)].length
  }

  tellDifference(): number {
    return [...this.#newest().diff(this.#marked())].length
  }

  deleteEach(): number {
    for (const index of this.#order) {
      this.#trie.delete(keyAt(index), ++this.#revision)
      this.#commit()
    }
    return CALLS
  }

  sweep(): number {
    const { tombstones, version } = this.#trie
    while (!this.#trie.sweep(version, { bytesMax: 0, entriesMax: 100 }));
    return tombstones
  }

  listAgain(): number {
    this.#trie.beginResync()
    for (let index = 0; index < ENTRIES; index++) {
      const entry = { key: keyAt(index), value: valueAt(index), revision: 1 }
      this.#trie.applyListed([entry])
    }
    while (!this.#trie.sweepUnseen(this.#revision, 1_000));
    this.#trie.endResync()
    this.#commit()
    return ENTRIES
  }

  #marked(): Snapshot {
    return this.#before as Snapshot
  }

  #newest(): Snapshot {
    return this.#kept.at(-1) as Snapshot
  }

  #updateOf(index: number): TrieUpdate {
    const value = valueAt(index + this.#revision)
    return { op: "put", key: keyAt(index), value, revision: this.#revision }
  }

  #put(index: number): void {
    this.#trie.put(keyAt(index), valueAt(index + this.#revision), this.#revision)
  }

  #commit(): void {
    this.#kept.push(this.#trie.commit({ reach: this.#revision, complete: true }))
    if (this.#kept.length > KEPT) this.#kept.shift()?.dispose()
    this.#trie.reclaim(4_096)
  }
}

/** 60 bytes. */
function keyAt(index: number, name = "name"): string {
  const digits = String(index).padStart(7, "0")
  return `/registry/services/endpoints/namespace-${index % 90}/${name}-${digits}-f7c1a`
}

/** 146 bytes of JSON. */
function valueAt(index: number): Uint8Array {
  return utf8.encode(`{"n":${index},"uid":"${String(index).repeat(40)}`.slice(0, 144).concat('"}'))
}
