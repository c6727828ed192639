import { FrameWriter } from "./frame-writer.ts"
import type { Amount, Feed, Held, KeyedMap } from "./keyed-map.ts"

/**
 * The control: a native `Map`, changed in place. It keeps no states: what it does in a write that
 * is followed by a snapshot is the write alone, and its snapshot is a copy.
 */
export function nativeMap(): KeyedMap {
  return new NativeMap()
}

class NativeMap implements KeyedMap {
  readonly #map = new Map<string, Held>()
  #revision = 0

  get size(): number {
    return this.#map.size
  }

  fill(count: number, feed: Feed): void {
    this.putMany(0, count, feed)
  }

  get(key: string): Uint8Array | undefined {
    return this.#map.get(key)?.value
  }

  put(key: string, value: Uint8Array): void {
    this.#map.set(key, { value, revision: ++this.#revision })
  }

  putMany(from: number, to: number, { keyAt, valueAt }: Feed): void {
    const revision = ++this.#revision
    for (let index = from; index < to; index++) {
      this.#map.set(keyAt(index), { value: valueAt(index), revision })
    }
  }

  delete(key: string): void {
    this.#revision++
    this.#map.delete(key)
  }

  takeSnapshot(): void {
    const copy = new Map(this.#map)
    if (copy.size !== this.#map.size) throw new Error("a copy has the size of its original")
  }

  settle(): void {}

  readAll(): Amount {
    let bytes = 0
    for (const [key, { value }] of this.#map) bytes += key.length + value.byteLength
    return { entries: this.#map.size, bytes }
  }

  encodeAll(): Amount {
    const writer = new FrameWriter()
    for (const [key, held] of this.#map) writer.add(key, held)
    return writer.end()
  }

  forgetStates(): void {}

  dispose(): void {
    this.#map.clear()
  }
}
