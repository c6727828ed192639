import { assert, DisposedError, KeyError, MemoryFullError, ValueError } from "../errors.ts"
import { isWellFormed, utf8Decoder } from "../utf8.ts"
import { type Abi, type EngineBuild, instantiate, pagesFor } from "./abi.ts"
import type { LeakNet } from "./handles.ts"
import {
  KEY_BYTES_MAX,
  OK,
  PAGE_BYTES,
  STATE_BYTES_LIVE,
  STATE_PAGE_END,
  UPDATE_BYTES,
  UPDATES_MAX,
  VALUE_BYTES_MAX,
  WALK_BYTES,
} from "./layout.ts"

const encoder = new TextEncoder()
const decoder = utf8Decoder()

const SCRATCH_BYTES = 128
/** Three lines more than a key: rooms of 4,096 bytes would all share one set of the cache. */
export const KEY_ROOM_BYTES = KEY_BYTES_MAX + 192
const VALUE_ROOM_BYTES = 65_536
const OUT_ROOM_BYTES = 160 * 1024
const POOL_BYTES = 8_192
const POOLED_BYTES_MAX = 1_024

/**
 * Our side of the boundary of one engine: its exports, views of its memory, and the blocks in which
 * arguments and answers lie.
 *
 * Views are made anew after memory has grown, which every call that writes may cause: take them
 * from here after each call, never keep one.
 */
export class Host {
  readonly abi: Abi
  /** The net that watches handles, if the options ask for it. */
  readonly leaks: LeakNet | undefined
  readonly bytesMax: number
  readonly scratch: number
  readonly request: number
  /** Rooms for keys, one after the other: `KEY_ROOM_BYTES` each, for `UPDATES_MAX` of them. */
  readonly key: number
  /** The address at which `write` expects its updates. */
  readonly updates: number
  u8!: Uint8Array
  u32!: Uint32Array
  f64!: Float64Array
  #memory: WebAssembly.Memory
  #keyViews: readonly Uint8Array[] = []
  #value = 0
  #valueRoom = 0
  #out = 0
  #outRoom = 0
  #baseline = 0
  #pool = new Uint8Array(POOL_BYTES)
  #poolUsed = 0
  #disposed = false

  constructor(
    build: EngineBuild,
    bytesMax: number,
    seed: readonly [number, number],
    hashMask: number,
    leaks?: LeakNet,
  ) {
    this.leaks = leaks
    const pages = pagesFor(bytesMax)
    const { abi, memory } = instantiate(build, pages)
    this.abi = abi
    this.bytesMax = pages * PAGE_BYTES
    this.#memory = memory
    if (abi.create(pages, seed[0], seed[1], hashMask) !== OK) throw this.memoryFull()
    this.key = this.allocate(UPDATES_MAX * KEY_ROOM_BYTES)
    this.updates = this.allocate(UPDATES_MAX * UPDATE_BYTES)
    this.scratch = this.allocate(SCRATCH_BYTES)
    this.request = this.allocate(WALK_BYTES)
    this.#makeValueRoom(VALUE_ROOM_BYTES)
    this.makeOutRoom(OUT_ROOM_BYTES)
    this.refresh()
    this.#baseline = this.f64[STATE_BYTES_LIVE >> 3]!
  }

  /** Bytes of the blocks in use, less those of an empty engine. */
  get bytesLive(): number {
    this.refresh()
    return this.f64[STATE_BYTES_LIVE >> 3]! - this.#baseline
  }

  /** Bytes of linear memory. */
  get bytesReserved(): number {
    this.refresh()
    return (this.u32[STATE_PAGE_END >> 2]! + 1) * PAGE_BYTES
  }

  /** Makes the views anew if memory has grown since. */
  refresh(): void {
    if (this.#disposed) throw new DisposedError("the engine is disposed of")
    if (this.u8 !== undefined && this.u8.byteLength !== 0) return
    const { buffer } = this.#memory
    this.u8 = new Uint8Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.#keyViews = Array.from(
      { length: UPDATES_MAX },
      (_, room) => new Uint8Array(buffer, this.key + room * KEY_ROOM_BYTES, KEY_BYTES_MAX),
    )
  }

  /** A block of the engine's memory. */
  allocate(bytes: number): number {
    const block = this.abi.allocate(bytes)
    if (block === 0) throw this.memoryFull()
    return block
  }

  /** Writes a key into one of its rooms, the first for calls, and returns its length in bytes. */
  writeKey(key: string, room = 0): number {
    if (typeof key !== "string") throw new KeyError(`a key is of type ${typeof key}; pass a string`)
    this.refresh()
    const { read, written } = encoder.encodeInto(key, this.#keyViews[room]!)
    if (read !== key.length)
      throw new KeyError(
        `a key of ${key.length} characters is longer than ${KEY_BYTES_MAX} bytes; shorten it`,
      )
    if (written === 0) throw new KeyError("a key is empty; use one of 1 byte or more")
    // A lone surrogate was written as U+FFFD, and would fall together with that.
    if (written !== read && !isWellFormed(key))
      throw new KeyError("a key has half of a surrogate pair; pass well-formed Unicode")
    return written
  }

  /** Bytes that fit where values are written. It grows for a value that is larger. */
  get valueRoom(): number {
    return this.#valueRoom
  }

  /** Writes a value behind `after` bytes of others, where calls expect it; returns its address. */
  writeValue(value: Uint8Array, after: number): number {
    if (after + value.byteLength > this.#valueRoom) {
      assert(after === 0, "a value that needs more room comes alone")
      if (value.byteLength > VALUE_BYTES_MAX) {
        const message = `a value of ${value.byteLength} bytes is larger than ${VALUE_BYTES_MAX}`
        throw new ValueError(message, "ERR_TOO_LARGE")
      }
      this.#makeValueRoom(value.byteLength)
    }
    this.refresh()
    this.u8.set(value, this.#value + after)
    return this.#value + after
  }

  #makeValueRoom(bytes: number): void {
    this.#value = this.#replace(this.#value, bytes)
    this.#valueRoom = bytes
  }

  /** Address of the room for answers, and how many bytes it has. */
  get out(): { readonly address: number; readonly bytes: number } {
    return { address: this.#out, bytes: this.#outRoom }
  }

  /** Makes the room for answers so large at least. */
  makeOutRoom(bytes: number): void {
    if (bytes <= this.#outRoom) return
    this.#out = this.#replace(this.#out, bytes)
    this.#outRoom = bytes
  }

  /** A larger block for our own use. It does not count as the caller's bytes. */
  #replace(block: number, bytes: number): number {
    this.refresh()
    const before = this.f64[STATE_BYTES_LIVE >> 3]!
    const room = this.allocate(bytes)
    if (block !== 0) this.abi.release(block)
    this.refresh()
    this.#baseline += this.f64[STATE_BYTES_LIVE >> 3]! - before
    return room
  }

  /**
   * Bytes of memory, copied. Small ones lie side by side in a buffer of 8 KiB, as Node's do: a
   * buffer each would cost 500 ns, this costs 200. So `buffer` of what is answered is not the
   * caller's alone.
   */
  copyOut(from: number, to: number): Uint8Array {
    const bytes = to - from
    if (bytes > POOLED_BYTES_MAX) return this.u8.slice(from, to)
    if (this.#poolUsed + bytes > POOL_BYTES) {
      this.#pool = new Uint8Array(POOL_BYTES)
      this.#poolUsed = 0
    }
    const at = this.#poolUsed
    this.#pool.set(this.u8.subarray(from, to), at)
    this.#poolUsed = at + ((bytes + 7) & ~7)
    return this.#pool.subarray(at, at + bytes)
  }

  /** An u64 of memory that is below 2⁵³. */
  readInteger(address: number): number {
    return this.u32[address >> 2]! + this.u32[(address >> 2) + 1]! * 4_294_967_296
  }

  /** An u64 of memory as 16 hex digits. */
  readHex(address: number): string {
    return toHex(this.u32[(address >> 2) + 1]!, this.u32[address >> 2]!)
  }

  /** UTF-8 of memory. */
  readText(address: number, bytes: number): string {
    return decoder.decode(this.u8.subarray(address, address + bytes))
  }

  /** The error of a call that found no room. */
  memoryFull(): MemoryFullError {
    const live = this.u8 === undefined ? 0 : this.bytesLive
    return new MemoryFullError(live, this.bytesMax)
  }

  get isDisposed(): boolean {
    return this.#disposed
  }

  /** Lets go of the memory. */
  dispose(): void {
    this.#disposed = true
    this.#memory = undefined as unknown as WebAssembly.Memory
    this.u8 = new Uint8Array(0)
    this.u32 = new Uint32Array(0)
    this.f64 = new Float64Array(0)
  }
}

/** A 64-bit number as 16 hex digits, from its halves. */
export function toHex(hi: number, lo: number): string {
  return hi.toString(16).padStart(8, "0") + lo.toString(16).padStart(8, "0")
}
