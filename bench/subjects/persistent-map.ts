import { FrameWriter } from "./frame-writer.ts"
import type { Amount, Feed, Held, KeyedMap } from "./keyed-map.ts"
import { LastTen } from "./last-ten.ts"

/** The calls that differ between JavaScript libraries of persistent maps. */
export interface Library<Root> {
  readonly empty: Root
  size(root: Root): number
  get(root: Root, key: string): Held | undefined
  set(root: Root, key: string, held: Held): Root
  remove(root: Root, key: string): Root
  /** Sets many as one batch, by the library's own transient form. */
  setMany(root: Root, from: number, to: number, at: (index: number) => [string, Held]): Root
  each(root: Root, visit: (key: string, held: Held) => void): void
}

/** A persistent map of a JavaScript library: a state is a reference, and the collector frees it. */
export class PersistentMap<Root> implements KeyedMap {
  readonly #library: Library<Root>
  readonly #kept = new LastTen<Root>()
  #root: Root
  #revision = 0

  constructor(library: Library<Root>) {
    this.#library = library
    this.#root = library.empty
  }

  get size(): number {
    return this.#library.size(this.#root)
  }

  fill(count: number, feed: Feed): void {
    this.putMany(0, count, feed)
  }

  get(key: string): Uint8Array | undefined {
    return this.#library.get(this.#root, key)?.value
  }

  put(key: string, value: Uint8Array): void {
    this.#become(this.#library.set(this.#root, key, { value, revision: ++this.#revision }))
  }

  putMany(from: number, to: number, { keyAt, valueAt }: Feed): void {
    const revision = ++this.#revision
    const at = (index: number): [string, Held] => [
      keyAt(index),
      { value: valueAt(index), revision },
    ]
    this.#become(this.#library.setMany(this.#root, from, to, at))
  }

  delete(key: string): void {
    this.#revision++
    this.#become(this.#library.remove(this.#root, key))
  }

  takeSnapshot(): void {
    this.#kept.push(this.#root)
  }

  settle(): void {}

  readAll(): Amount {
    let entries = 0
    let bytes = 0
    this.#library.each(this.#root, (key, { value }) => {
      entries++
      bytes += key.length + value.byteLength
    })
    return { entries, bytes }
  }

  encodeAll(): Amount {
    const writer = new FrameWriter()
    this.#library.each(this.#root, (key, held) => writer.add(key, held))
    return writer.end()
  }

  getOldest(key: string): Uint8Array | undefined {
    const oldest = this.#kept.oldest()
    return oldest === undefined ? undefined : this.#library.get(oldest, key)?.value
  }

  mark(): Root {
    return this.#root
  }

  /** These libraries do not know what two states share, so every entry of both is compared. */
  changesSince(mark: unknown): number {
    const before = mark as Root
    const now = this.#root
    let changed = 0
    let kept = 0
    this.#library.each(now, (key, held) => {
      const old = this.#library.get(before, key)
      if (old !== undefined) kept++
      if (old !== held) changed++
    })
    if (kept === this.#library.size(before)) return changed
    this.#library.each(before, (key) => {
      if (this.#library.get(now, key) === undefined) changed++
    })
    return changed
  }

  forgetStates(): void {
    this.#kept.clear()
  }

  dispose(): void {
    this.#kept.clear()
    this.#root = this.#library.empty
  }

  #become(root: Root): void {
    this.#kept.push(this.#root)
    this.#root = root
  }
}
