import {
  createEngine,
  type Engine,
  type Snapshot,
  type Trie,
  type TrieUpdate,
} from "@headwater/core/engine"
import type { Amount, Feed, KeyedMap } from "./keyed-map.ts"
import { LastTen } from "./last-ten.ts"

const FRAME_BYTES_MAX = 65_536
/** Updates that are applied together, as by the cache. */
const CHUNK_UPDATES = 100

/** `@headwater/core`: the trie in linear memory. */
export function headwater(): KeyedMap {
  return new HeadwaterMap()
}

class HeadwaterMap implements KeyedMap {
  readonly #engine: Engine = createEngine({ bytesMax: 2 ** 32 })
  readonly #trie: Trie = this.#engine.trie()
  readonly #kept = new LastTen<Snapshot>()
  #newest: Snapshot = this.#trie.snapshot()
  #revision = 0

  get size(): number {
    return this.#newest.size
  }

  fill(count: number, feed: Feed): void {
    this.putMany(0, count, feed)
  }

  get(key: string): Uint8Array | undefined {
    return this.#newest.get(key)
  }

  put(key: string, value: Uint8Array): void {
    this.#trie.put(key, value, ++this.#revision)
    this.#commit()
  }

  putMany(from: number, to: number, { keyAt, valueAt }: Feed): void {
    const revision = ++this.#revision
    for (let index = from; index < to; index += CHUNK_UPDATES) {
      const updates: TrieUpdate[] = []
      for (let each = index; each < Math.min(to, index + CHUNK_UPDATES); each++) {
        updates.push({ op: "put", key: keyAt(each), value: valueAt(each), revision })
      }
      this.#trie.apply(updates)
    }
    this.#commit()
  }

  delete(key: string): void {
    this.#trie.delete(key, ++this.#revision)
    this.#commit()
  }

  takeSnapshot(): void {
    this.#trie.snapshot().dispose()
  }

  settle(): void {
    const options = { bytesMax: 0, entriesMax: 100_000 }
    if (this.#trie.tombstones > 0) {
      while (!this.#trie.sweep(this.#trie.version, options));
      // Sweeping commits: what is newest now is what it left.
      this.#newest.dispose()
      this.#newest = this.#trie.snapshot()
    }
    while (!this.#trie.reclaim(100_000));
  }

  readAll(): Amount {
    let entries = 0
    let bytes = 0
    for (const { key, value } of this.#newest.entries()) {
      entries++
      bytes += key.length + value.byteLength
    }
    return { entries, bytes }
  }

  encodeAll(): Amount {
    const request = { since: 0, values: "json", bytesMax: FRAME_BYTES_MAX } as const
    let entries = 0
    let bytes = 0
    let slice = this.#newest.walk(request)
    for (;;) {
      // Copied out, as every frame for a stream must be.
      bytes += slice.body.slice().byteLength
      entries += slice.entries
      if (slice.ended) return { entries, bytes }
      slice = this.#newest.walk({ ...request, after: slice.place })
    }
  }

  getOldest(key: string): Uint8Array | undefined {
    return this.#kept.oldest()?.get(key)
  }

  mark(): number {
    return this.#newest.version
  }

  changesSince(mark: unknown): number {
    let keys = 0
    for (const delta of this.#newest.changesSince(mark as number)) {
      if (delta.key.length > 0) keys++
    }
    return keys
  }

  liveBytes(): number {
    return this.#engine.liveBytes()
  }

  forgetStates(): void {
    for (const state of this.#kept.clear()) state.dispose()
  }

  dispose(): void {
    this.forgetStates()
    this.#newest.dispose()
    this.#engine.dispose()
  }

  #commit(): void {
    const newest = this.#trie.commit({ reach: this.#revision, complete: true })
    this.#kept.push(this.#newest)?.dispose()
    this.#newest = newest
    // The next commit frees what this one has replaced, and the last ones `settle`.
  }
}
