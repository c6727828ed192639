// Projects that compile for ES2022 have no `Disposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import { checkBytes } from "../bytes.ts"
import { assert, badOption, DisposedError } from "../errors.ts"
import { isRevision, type Revision } from "../revision.ts"
import type { Host } from "./host.ts"
import {
  ITEM_HEADER_BYTES,
  ITEM_KIND,
  ITEM_LENGTH,
  ITEM_NEXT,
  ITEM_REVISION,
  ITEM_VERSION,
  STATE_ITEMS,
} from "./layout.ts"

/** The kind of an item: a batch of events, an error that ends a snapshot, or nothing. */
export type ItemKind = "events" | "error" | "empty"

const KINDS: readonly ItemKind[] = ["events", "error", "empty"]
const NO_NUMBERS: readonly number[] = []
const RELEASE_ITEMS = 0xffffffff

/** One batch, as a cursor reads it. The payload is copied out. */
export interface Item {
  readonly kind: ItemKind
  readonly version: number
  readonly revision: Revision
  readonly payload: Uint8Array
}

/**
 * The end of a linked list of batches in linear memory. The writer links an item after the head;
 * cursors walk the links, each at its own pace, and what no cursor stands before is freed.
 *
 * The buffer itself keeps the newest item alone. Appending costs the same for one follower as for
 * ten thousand. Source: Consul `stream.eventBuffer` (CS-B1 … B13).
 */
export class Buffer implements Disposable {
  #host: Host
  #address: number

  /** For `Engine.buffer`. */
  constructor(host: Host) {
    this.#host = host
    this.#address = host.abi.createBuffer()
    if (this.#address === 0) throw host.memoryFull()
    host.leaks?.watch(this, "buffer")
  }

  /**
   * Links an item after the head. Its payload begins with `numbers`, if any, as f64, little-endian:
   * see `Cursor.number`.
   *
   * @throws {MemoryFullError} there is no room: nothing was appended.
   * @throws {ValueError} {OptionError} the item is malformed: nothing was appended.
   */
  append(item: {
    readonly version: number
    readonly revision: Revision
    readonly kind?: ItemKind
    readonly numbers?: readonly number[]
    readonly payload?: Uint8Array
  }): void {
    const host = this.#open()
    const { version, revision, numbers = NO_NUMBERS } = item
    const payload = item.payload === undefined ? undefined : checkBytes(item.payload, "the payload")
    const kind = KINDS.indexOf(item.kind ?? "events")
    if (kind < 0) throw badOption("append: kind", item.kind, KINDS.join(" or "))
    if (!isRevision(version)) throw badOption("append: version", version, "an integer ≥ 0")
    if (!isRevision(revision)) throw badOption("append: revision", revision, "an integer ≥ 0")
    const bytes = numbers.length * 8 + (payload?.byteLength ?? 0)
    const address = host.abi.append(this.#address, kind, bytes, version, revision)
    if (address === 0) throw host.memoryFull()
    host.refresh()
    const at = address + ITEM_HEADER_BYTES
    host.f64.set(numbers, at >> 3)
    if (payload !== undefined) host.u8.set(payload, at + numbers.length * 8)
  }

  /**
   * Links the item that a cursor stands on, and all that follow or will follow it, after the head:
   * the splice. Appending goes on at the cursor's buffer, not at this one.
   */
  splice(cursor: Cursor): void {
    this.#open().abi.appendItem(this.#address, cursor.address)
  }

  /** A cursor on the head: it sees what is appended from now on. */
  follow(): Cursor {
    const host = this.#open()
    return new Cursor(host, host.abi.head(this.#address))
  }

  /** Lets go of the head. Cursors keep what they stand on. Calling it again does nothing. */
  dispose(): void {
    if (this.#address === 0) return
    this.#host.leaks?.forget(this)
    if (!this.#host.isDisposed) this.#host.abi.destroyBuffer(this.#address)
    this.#address = 0
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #open(): Host {
    if (this.#address === 0) throw new DisposedError("the buffer is disposed of")
    this.#host.refresh()
    return this.#host
  }
}

/** A place in a trail: it holds its item, and through the links all after it. Dispose of it. */
export class Cursor implements Disposable {
  #host: Host
  #item: number

  /** Takes over one holder of the item. For `Buffer.follow`. */
  constructor(host: Host, item: number) {
    this.#host = host
    this.#item = item
    host.leaks?.watch(this, "cursor")
  }

  /** The item it stands on. */
  item(): Item {
    const host = this.#open()
    const at = this.#item
    const from = at + ITEM_HEADER_BYTES
    return {
      kind: KINDS[host.u32[(at + ITEM_KIND) >> 2]!]!,
      version: host.f64[(at + ITEM_VERSION) >> 3]!,
      revision: host.f64[(at + ITEM_REVISION) >> 3]!,
      payload: host.copyOut(from, from + host.u32[(at + ITEM_LENGTH) >> 2]!),
    }
  }

  /** The kind of the item. This and the next four copy nothing. */
  get kind(): ItemKind {
    return KINDS[this.#open().u32[(this.#item + ITEM_KIND) >> 2]!]!
  }

  /** The item's version. */
  get version(): number {
    return this.#open().f64[(this.#item + ITEM_VERSION) >> 3]!
  }

  /** The item's revision. */
  get revision(): Revision {
    return this.#open().f64[(this.#item + ITEM_REVISION) >> 3]!
  }

  /** Bytes of the item's payload. */
  get payloadBytes(): number {
    return this.#open().u32[(this.#item + ITEM_LENGTH) >> 2]!
  }

  /** A number of the payload: its f64, little-endian, at 8 · `index` bytes, which must be in it. */
  number(index: number): number {
    assert(index >= 0 && (index + 1) * 8 <= this.payloadBytes, "a number lies within the payload")
    return this.#host.f64[((this.#item + ITEM_HEADER_BYTES) >> 3) + index]!
  }

  /** True if an item comes after it now. */
  hasNext(): boolean {
    return this.#open().u32[(this.#item + ITEM_NEXT) >> 2] !== 0
  }

  /** Moves on by one item, and returns false when there is none. Copies nothing. */
  move(): boolean {
    // Followers look more often than there is an item, so the link is read without a call.
    const host = this.#open()
    if (host.u32[(this.#item + ITEM_NEXT) >> 2] === 0) return false
    this.#item = host.abi.advance(this.#item)
    return true
  }

  /** Moves on by one item and reads it; `undefined`, and nothing has moved, at the head. */
  advance(): Item | undefined {
    return this.move() ? this.item() : undefined
  }

  /** Another cursor on the same item. */
  clone(): Cursor {
    const host = this.#open()
    host.abi.retainItem(this.#item)
    return new Cursor(host, this.#item)
  }

  /** Address of its item. For the engine's own use. */
  get address(): number {
    this.#open()
    return this.#item
  }

  /** Releases the item, and frees all items that no other cursor or buffer holds. */
  dispose(): void {
    if (this.#item === 0) return
    const item = this.#item
    this.#item = 0
    this.#host.leaks?.forget(this)
    if (this.#host.isDisposed) return
    const left = this.#host.abi.releaseItem(item, RELEASE_ITEMS)
    assert(left === 0, "an unbounded release ends")
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #open(): Host {
    if (this.#item === 0) throw new DisposedError("the cursor is disposed of")
    this.#host.refresh()
    return this.#host
  }
}

/** Items in an engine's memory. */
export function countItems(host: Host): number {
  host.refresh()
  return host.u32[STATE_ITEMS >> 2]!
}
