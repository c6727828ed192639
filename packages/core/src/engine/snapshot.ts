// Projects that compile for ES2022 have no `Disposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import { checkBytes } from "../bytes.ts"
import type { Delta, Entry } from "../entry.ts"
import { DisposedError } from "../errors.ts"
import type { Revision } from "../revision.ts"
import { type Difference, diffRoots } from "./diff.ts"
import type { Filter } from "./filter.ts"
import type { Host } from "./host.ts"
import { saveImage } from "./image-save.ts"
import {
  LEAF_HEADER_BYTES,
  LEAF_KEY_MASK,
  LEAF_REVISION,
  LEAF_VALUE_BYTES,
  RECORD_COMPLETE,
  RECORD_DIGEST,
  RECORD_PAYLOAD,
  RECORD_REACH,
  RECORD_ROOT,
  RECORD_SIZE,
  RECORD_VERSION,
} from "./layout.ts"
import {
  checkVersion,
  type DeltaSlice,
  entriesOf,
  type WalkRequest,
  type WalkResult,
  walkDeltas,
  walkRaw,
  walkWire,
} from "./walk.ts"

/** A request for a walk of a snapshot: `WalkRequest`, with the filter as a handle. */
export interface SnapshotWalk extends Omit<WalkRequest, "filter"> {
  readonly filter?: Filter | undefined
}

/**
 * One committed version of a trie, immutable. A handle: dispose of it, or what the trie has
 * replaced since stays in memory.
 *
 * Taking one is O(1) whatever the size; so is `dispose`, which leaves the freeing to
 * `Trie.reclaim`.
 *
 * @throws {DisposedError} from every member, after `dispose`.
 */
export class Snapshot implements Disposable {
  /** The trie's edit counter at this commit; private to one engine. */
  readonly version: number
  #host: Host
  #record: number
  #root: number

  /** Takes over one holder of `record`. For `Trie.commit`, which makes snapshots. */
  constructor(host: Host, record: number) {
    host.refresh()
    this.#host = host
    this.#record = record
    this.#root = host.u32[(record + RECORD_ROOT) >> 2]!
    this.version = host.readInteger(record + RECORD_VERSION)
    host.leaks?.watch(this, `snapshot of version ${this.version}`)
  }

  /** Highest revision that any commit up to this version carries. */
  get reach(): Revision {
    return this.#open().f64[(this.#record + RECORD_REACH) >> 3]!
  }

  /** True if everything at its reach was applied. */
  get complete(): boolean {
    return this.#open().u32[(this.#record + RECORD_COMPLETE) >> 2] === 1
  }

  /** Live entries. */
  get size(): number {
    return this.#open().u32[(this.#record + RECORD_SIZE) >> 2]!
  }

  /** Key and value bytes of the live entries. */
  get bytes(): number {
    return this.#open().f64[(this.#record + RECORD_PAYLOAD) >> 3]!
  }

  /** Sum of H64(key, revision) over the live entries, mod 2⁶⁴: 16 hex digits. */
  get digest(): string {
    return this.#open().readHex(this.#record + RECORD_DIGEST)
  }

  /** The value of a key, copied; `undefined` when it is absent. */
  get(key: string): Uint8Array | undefined {
    const host = this.#open()
    const leaf = host.abi.find(this.#root, host.key, host.writeKey(key))
    return leaf === 0 ? undefined : valueAt(host, leaf)
  }

  /** The entry of a key, its value copied; `undefined` when it is absent. */
  getEntry(key: string): Entry | undefined {
    const host = this.#open()
    const leaf = host.abi.find(this.#root, host.key, host.writeKey(key))
    if (leaf === 0) return undefined
    return { key, value: valueAt(host, leaf), revision: revisionAt(host, leaf) }
  }

  /** Returns true if a key is live. */
  has(key: string): boolean {
    const host = this.#open()
    return host.abi.find(this.#root, host.key, host.writeKey(key)) !== 0
  }

  /**
   * Live entries in the order of their hashes, which is the same for all versions of one engine,
   * and of no meaning. Read in slices of 64 KiB. The snapshot must not be disposed of meanwhile.
   */
  entries(filter?: Filter): IterableIterator<Entry> {
    return entriesOf(walkRaw(this.#open(), this.#root, this.version, 0, filter?.address ?? 0))
  }

  /**
   * Reads the changes after `version`: one delta for each key, its newest. For `version` 0, all
   * that is live, as puts.
   *
   * A delete may name a key that did not exist at `version`. A touch means that the value is the
   * one that the key had at `version`. Cost: proportional to the changes.
   *
   * `version` must not be below the trie's horizon, which is the caller's to check: below it,
   * deletes are forgotten. Source: `zfs send -i`.
   */
  changesSince(version: number, filter?: Filter): IterableIterator<Delta> {
    checkVersion(version)
    return walkRaw(this.#open(), this.#root, this.version, version, filter?.address ?? 0)
  }

  /**
   * One slice of a walk as wire JSON: comma-joined entries, or changes when `since` is above 0. One
   * crossing. See `WalkRequest`, `WalkResult`.
   */
  walk(request: SnapshotWalk): WalkResult {
    const { filter, ...rest } = request
    const address = filter?.address ?? 0
    return walkWire(this.#open(), this.#root, this.version, { ...rest, filter: address })
  }

  /**
   * One slice of `changesSince`, or of `entries` as puts when `since` is 0, with the place where it
   * stopped. One crossing. For a reader that must hold nothing between two slices.
   */
  slice(request: Omit<SnapshotWalk, "values">): DeltaSlice {
    const { filter, ...rest } = request
    const address = filter?.address ?? 0
    return walkDeltas(this.#open(), this.#root, this.version, { ...rest, filter: address })
  }

  /**
   * Reads the differences to another snapshot of this engine, in either order of versions: for each
   * key that one of them has and the other does not, or that has another leaf, one difference.
   *
   * Skips what both share, so the cost is that of the differences. Works below the horizon too.
   * Both snapshots must not be disposed of meanwhile.
   */
  diff(older: Snapshot, filter?: Filter): IterableIterator<Difference> {
    const roots = { root: this.#root, oldRoot: older.root, version: this.version }
    return diffRoots(this.#open(), roots, filter?.address ?? 0)
  }

  /**
   * This version as bytes, in pieces, to be brought back by `loadEngine`: see there. `opaque` are
   * bytes of the caller's own that come back with it.
   */
  save(opaque: Uint8Array = new Uint8Array(0)): Generator<Uint8Array> {
    return saveImage(this.#open(), this, this.#record, checkBytes(opaque, "the opaque part"))
  }

  /** Another handle on the same version. */
  retain(): Snapshot {
    const host = this.#open()
    host.abi.retainRecord(this.#record)
    return new Snapshot(host, this.#record)
  }

  /** Asserts every invariant of this version. Does nothing in the release build. */
  verify(): void {
    const host = this.#open()
    host.abi.verify(this.#record, host.scratch)
  }

  /** Address of the root. For the engine's own use. */
  get root(): number {
    this.#open()
    return this.#root
  }

  get disposed(): boolean {
    return this.#record === 0
  }

  /** Lets go of the version. Calling it again does nothing. */
  dispose(): void {
    if (this.#record === 0) return
    const record = this.#record
    this.#record = 0
    this.#host.leaks?.forget(this)
    if (!this.#host.isDisposed) this.#host.abi.releaseRecord(record)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #open(): Host {
    if (this.#record === 0) {
      throw new DisposedError(`the snapshot of version ${this.version} is disposed of`)
    }
    this.#host.refresh()
    return this.#host
  }
}

/** The value of a leaf, copied out. */
export function valueAt(host: Host, leaf: number): Uint8Array {
  const from = leaf + LEAF_HEADER_BYTES + (host.u32[leaf >> 2]! & LEAF_KEY_MASK)
  return host.copyOut(from, from + host.u32[(leaf + LEAF_VALUE_BYTES) >> 2]!)
}

/** The revision of a leaf. */
export function revisionAt(host: Host, leaf: number): Revision {
  return host.f64[(leaf + LEAF_REVISION) >> 3]!
}
