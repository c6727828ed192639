import type { Entry } from "../entry.ts"
import { assert, badOption } from "../errors.ts"
import type { Revision } from "../revision.ts"
import type { Host } from "./host.ts"
import {
  LISTED,
  RECORD_COMPLETE,
  RECORD_REACH,
  RECORD_VERSION,
  STATE_RESYNC,
  STATE_SIZE,
  STATE_TOMBSTONE_BYTES,
  STATE_TOMBSTONES,
  STATE_WRITES,
  WALK_BYTES,
  WALK_STARTED,
  WRITE,
} from "./layout.ts"
import { revisionAt, Snapshot, valueAt } from "./snapshot.ts"
import { checkRevision, type Write, writeAll, writeDelete, writePut } from "./writes.ts"

/** One write: a value for a key, or its deletion. */
export type TrieUpdate =
  | {
      readonly op: "put"
      readonly key: string
      readonly value: Uint8Array
      readonly revision: Revision
    }
  | { readonly op: "delete"; readonly key: string; readonly revision: Revision }

/**
 * A persistent map from keys to values in linear memory: what is written gathers in the open edit,
 * and `commit` makes it a version, of which a snapshot costs nothing.
 *
 * Every version keeps what was deleted as a tombstone, until the horizon passes it: that is what
 * `Snapshot.changesSince` reads deletes from. One writer.
 *
 * A write costs one copied node a level and no garbage. Bounds: keys 1 … 4,096 bytes, values up to
 * 16 MiB, memory up to `bytesMax` of the engine.
 *
 * Source: CHAMP (Steindorfer and Vinju, 2015), with ZFS's birth times in place of reference counts.
 */
export class Trie {
  #host: Host
  #place = 0

  /** For `Engine.trie`, of which there is one an engine. */
  constructor(host: Host) {
    this.#host = host
  }

  /** Live entries of the open edit. */
  get size(): number {
    return this.#word(STATE_SIZE)
  }

  /** Tombstones of the open edit. */
  get tombstones(): number {
    return this.#word(STATE_TOMBSTONES)
  }

  /** Bytes that those tombstones weigh. */
  get tombstoneBytes(): number {
    this.#host.refresh()
    return this.#host.f64[STATE_TOMBSTONE_BYTES >> 3]!
  }

  /** The newest committed version; 0 before the first commit. */
  get version(): number {
    this.#host.refresh()
    return this.#host.readInteger(this.#host.abi.current() + RECORD_VERSION)
  }

  /** True if the open edit has writes. */
  get dirty(): boolean {
    return this.#word(STATE_WRITES) > 0
  }

  /** Oldest version from which changes can be read. */
  get horizon(): number {
    return this.#host.abi.horizon()
  }

  /**
   * Writes a value.
   *
   * @throws {KeyError} {ValueError} the key or value is out of bounds: nothing was written.
   * @throws {MemoryFullError} there is no room: nothing was written, and the edit is as before.
   */
  put(key: string, value: Uint8Array, revision: Revision): void {
    writePut(this.#host, key, value, revision)
  }

  /**
   * Deletes a key. Also for a key that is absent a tombstone is written: a reader from another hub
   * may hold it. Errors as `put`.
   */
  delete(key: string, revision: Revision): void {
    writeDelete(this.#host, key, revision)
  }

  /**
   * Writes all updates in order, or none: when one fails, the open edit is dropped, with all that
   * was in it, and the state is that of the last commit. Errors as `put`.
   *
   * They are taken and written sixteen at a time, which with a million entries takes two thirds of
   * the time of as many puts. What is read while they are taken may lack the last sixteen.
   */
  apply(updates: Iterable<TrieUpdate>): void {
    this.#writeAll(updates, WRITE)
  }

  /**
   * Writes the entries of a list during a resync. One that the trie has at its revision, or at a
   * newer one, deletes included, is left as it is and counts as seen. Errors as `apply`.
   */
  applyListed(entries: Iterable<Entry>): void {
    assert(this.#word(STATE_RESYNC) === 1, "applyListed() is called during a resync")
    this.#writeAll(entries, LISTED)
  }

  /** Begins a resync by list: from now on, what is listed or written counts as seen. */
  beginResync(): void {
    if (this.#place === 0) this.#place = this.#host.allocate(WALK_BYTES)
    this.#host.refresh()
    this.#host.u32[(this.#place + WALK_STARTED) >> 2] = 0
    this.#host.abi.beginResync()
  }

  /**
   * Deletes, at `revision`, entries that were not seen since `beginResync`. Looks at `visitsMax` at
   * most. Returns true when none is left: call it until then. Errors as `apply`.
   */
  sweepUnseen(revision: Revision, visitsMax: number): boolean {
    checkRevision(revision)
    checkCount("sweepUnseen: visitsMax", visitsMax)
    assert(this.#place !== 0, "sweepUnseen() is called during a resync")
    const host = this.#host
    const answer = host.abi.sweepUnseen(this.#place, revision, visitsMax, host.scratch)
    if (answer >= 0) return answer === 1
    this.abort()
    throw host.memoryFull()
  }

  /** Ends a resync, and forgets what was seen. */
  endResync(): void {
    if (this.#place === 0) return
    this.#host.abi.endResync()
    this.#host.abi.release(this.#place)
    this.#place = 0
  }

  /** The value of a key in the open edit, copied; `undefined` when it is absent. */
  get(key: string): Uint8Array | undefined {
    const host = this.#host
    const leaf = host.abi.findOpen(host.key, host.writeKey(key))
    return leaf === 0 ? undefined : valueAt(host, leaf)
  }

  /** The entry of a key in the open edit, its value copied; `undefined` when it is absent. */
  getEntry(key: string): Entry | undefined {
    const host = this.#host
    const leaf = host.abi.findOpen(host.key, host.writeKey(key))
    if (leaf === 0) return undefined
    return { key, value: valueAt(host, leaf), revision: revisionAt(host, leaf) }
  }

  /** Returns true if a key is live in the open edit. */
  has(key: string): boolean {
    const host = this.#host
    return host.abi.findOpen(host.key, host.writeKey(key)) !== 0
  }

  /**
   * Ends the open edit: version + 1. O(1), and as much freeing as the edit has caused.
   *
   * @param options.reach highest revision that any commit so far carries.
   * @param options.complete whether everything at that revision has been applied.
   * @throws {MemoryFullError} there is no room for the record: the open edit is dropped.
   */
  commit(options: { readonly reach: Revision; readonly complete: boolean }): Snapshot {
    checkRevision(options.reach)
    const host = this.#host
    const record = host.abi.commit(options.reach, options.complete ? 1 : 0)
    if (record !== 0) return new Snapshot(host, record)
    this.abort()
    throw host.memoryFull()
  }

  /** Drops the open edit: the state is that of the last commit. */
  abort(): void {
    this.#host.abi.abort()
  }

  /** A handle on the newest committed version. */
  snapshot(): Snapshot {
    const host = this.#host
    const record = host.abi.current()
    host.abi.retainRecord(record)
    return new Snapshot(host, record)
  }

  /**
   * Moves the horizon to `horizon`, and further as long as tombstones weigh more than `bytesMax`,
   * and takes out the tombstones that it passed: `entriesMax` at most. Returns true when nothing is
   * left.
   *
   * What it takes out is committed as a version of its own, of the same reach. Nothing may be in
   * the open edit. When memory is full it takes out nothing, and returns true.
   */
  sweep(
    horizon: number,
    options: { readonly bytesMax: number; readonly entriesMax: number },
  ): boolean {
    assert(!this.dirty, "sweep() is called between edits")
    const host = this.#host
    const { bytesMax, entriesMax } = options
    if (!Number.isInteger(horizon)) throw badOption("sweep: horizon", horizon, "an integer")
    if (!(bytesMax >= 0)) throw badOption("sweep: bytesMax", bytesMax, "0 or more bytes")
    checkCount("sweep: entriesMax", entriesMax)
    const answer = host.abi.sweep(
      Math.min(horizon, this.version),
      bytesMax,
      entriesMax,
      host.scratch,
    )
    if (this.dirty) {
      host.refresh()
      const base = host.abi.current()
      const reach = host.f64[(base + RECORD_REACH) >> 3]!
      const complete = host.u32[(base + RECORD_COMPLETE) >> 2] === 1
      this.commit({ reach, complete }).dispose()
    }
    return answer !== 0
  }

  /** Frees what disposed snapshots held, `blocksMax` at most. Returns true when nothing is left. */
  reclaim(blocksMax: number): boolean {
    checkCount("reclaim: blocksMax", blocksMax)
    return this.#host.abi.reclaim(blocksMax) === 1
  }

  #writeAll(writes: Iterable<Write>, mode: number): void {
    try {
      writeAll(this.#host, writes, mode)
    } catch (error) {
      this.abort()
      throw error
    }
  }

  #word(address: number): number {
    this.#host.refresh()
    return this.#host.u32[address >> 2]!
  }
}

// The core takes them as u32: a larger number, or NaN, would be a small one.
function checkCount(name: string, count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= COUNT_MAX) return
  throw badOption(name, count, `an integer from 1 to ${COUNT_MAX}`)
}

const COUNT_MAX = 0x7fffffff
