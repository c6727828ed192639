import { checkBytes } from "../bytes.ts"
import { ImageError, ValueError } from "../errors.ts"
import { Engine, type EngineOptions } from "./engine.ts"
import type { Host } from "./host.ts"
import {
  ByteReader,
  HEADER_BYTES,
  LEAVES,
  MAGIC_HI,
  MAGIC_LO,
  OPAQUE_BYTES_MAX,
} from "./image-bytes.ts"
import {
  ABI_VERSION,
  FULL,
  LEAF_HASH,
  LEAF_HEADER_BYTES,
  LEAF_KEY_MASK,
  LEAF_TOMBSTONE,
  LEAF_VALUE_BYTES,
  OK,
} from "./layout.ts"
import type { Snapshot } from "./snapshot.ts"

const SECTION_BYTES_MAX = 33_554_432
const QUEUE_ENTRIES = 4_096

/** An engine that was loaded from an image. */
export interface LoadedEngine {
  readonly engine: Engine
  /** The version that was saved. Dispose of it. */
  readonly snapshot: Snapshot
  /** The caller's own bytes, as they were given to `Snapshot.save`. */
  readonly opaque: Uint8Array
}

/**
 * An engine with the state of an image: entries, tombstones, versions, births and horizon as they
 * were, so that changes since earlier versions can be read, and places of cut walks stay valid.
 *
 * @param image the bytes of `Snapshot.save`, whole or in any pieces.
 * @param options as for `createEngine`; the seed is the image's.
 * @throws {ImageError} it is cut, changed, of another format, or not an image. Nothing is left
 * open.
 * @throws {MemoryFullError} it does not fit within `bytesMax`.
 * @throws {ValueError} it is neither bytes nor pieces of bytes.
 */
export function loadEngine(
  image: Uint8Array | Iterable<Uint8Array>,
  options: EngineOptions = {},
): LoadedEngine {
  const reader = new ByteReader(piecesOf(image))
  const head = reader.read(HEADER_BYTES)
  const u32 = new Uint32Array(head.buffer, 0, HEADER_BYTES >> 2)
  const f64 = new Float64Array(head.buffer, 0, HEADER_BYTES >> 3)
  if (u32[0] !== MAGIC_LO || u32[1] !== MAGIC_HI)
    throw new ImageError("the bytes are not an image of an engine; start without it")
  if (u32[2] !== ABI_VERSION)
    throw new ImageError(`the image has ABI ${u32[2]}, not ${ABI_VERSION}; start without it`)
  const [version, horizon, reach] = [f64[3]!, f64[4]!, f64[5]!]
  const opaqueBytes = u32[17]!
  if (!isVersion(version) || !isVersion(horizon) || horizon > version || !isVersion(reach)) {
    throw new ImageError("the image has impossible versions; start without it")
  }
  if (opaqueBytes > OPAQUE_BYTES_MAX)
    throw new ImageError(`the opaque part takes ${opaqueBytes} bytes, over ${OPAQUE_BYTES_MAX}`)
  const opaque = reader.read((opaqueBytes + 7) & ~7).subarray(0, opaqueBytes)
  const engine = new Engine({ ...options, seed: [u32[4]!, u32[5]!], hashMask: u32[3]! })
  try {
    const snapshot = engine.load((host) => {
      host.abi.beginImage(version, horizon)
      readLeaves(host, reader)
      host.abi.endImage()
      return { reach, complete: u32[16] === 1 }
    })
    check(snapshot, engine, u32)
    return { engine, snapshot, opaque }
  } catch (error) {
    engine.dispose()
    throw error
  }
}

function piecesOf(image: Uint8Array | Iterable<Uint8Array>): Iterable<Uint8Array> {
  if (ArrayBuffer.isView(image)) return [checkBytes(image)]
  if (typeof image === "object" && image !== null && Symbol.iterator in image) return image
  throw new ValueError(
    `an image is of type ${typeof image}; pass a Uint8Array or an iterable of them`,
  )
}

function isVersion(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** The sections of leaves, the checksum, and then the queue of tombstones. */
function readLeaves(host: Host, reader: ByteReader): void {
  const births: number[] = []
  const hashes: number[] = []
  for (;;) {
    const [kind, bytes] = new Uint32Array(reader.read(8).buffer, 0, 2)
    if (kind === 0 && bytes === 0) break
    if (kind !== LEAVES || bytes! % 8 !== 0 || bytes! > SECTION_BYTES_MAX) {
      throw new ImageError("the image has a part of an unknown kind; start without it")
    }
    const section = reader.read(bytes!)
    host.makeOutRoom(bytes!)
    host.refresh()
    host.u8.set(section, host.out.address)
    const status = host.abi.restore(host.out.address, bytes!, host.scratch)
    if (status === FULL) throw host.memoryFull()
    if (status !== OK) throw new ImageError("the image has an impossible entry; start without it")
    collect(section, births, hashes)
  }
  reader.end()
  restoreQueue(host, births, hashes)
}

/** Births and hashes of the tombstones of a section, which the core has found well-formed. */
function collect(section: Uint8Array, births: number[], hashes: number[]): void {
  const words = new Uint32Array(section.buffer, section.byteOffset, section.byteLength >> 2)
  for (let at = 0; at < words.length; ) {
    const lo = words[at]!
    if ((lo & LEAF_TOMBSTONE) !== 0) {
      births.push((lo >>> 16) + words[at + 1]! * 65_536)
      hashes.push(words[at + (LEAF_HASH >> 2)]!)
    }
    const bytes = (lo & LEAF_KEY_MASK) + words[at + (LEAF_VALUE_BYTES >> 2)]!
    at += (LEAF_HEADER_BYTES + ((bytes + 7) & ~7)) >> 2
  }
}

function restoreQueue(host: Host, births: number[], hashes: number[]): void {
  const order = Array.from(births.keys()).sort((a, b) => births[a]! - births[b]!)
  for (let from = 0; from < order.length; from += QUEUE_ENTRIES) {
    const piece = order.slice(from, from + QUEUE_ENTRIES)
    host.makeOutRoom(QUEUE_ENTRIES * 16)
    host.refresh()
    let word = host.out.address >> 2
    for (const index of piece) {
      host.u32[word] = hashes[index]!
      host.u32[word + 2] = births[index]! >>> 0
      host.u32[word + 3] = Math.floor(births[index]! / 4_294_967_296)
      word += 4
    }
    const status = host.abi.restoreQueue(host.out.address, piece.length)
    if (status === FULL) throw host.memoryFull()
    if (status !== OK) throw new ImageError("the image has impossible tombstones; start without it")
  }
}

/** The sums that the header promises are those of what came in. */
function check(snapshot: Snapshot, engine: Engine, u32: Uint32Array): void {
  const hex = (word: number) => u32[word]!.toString(16).padStart(8, "0")
  const digest = hex(13) + hex(12)
  if (snapshot.size === u32[14] && snapshot.digest === digest) {
    if (engine.trie().tombstones === u32[15]) return
  }
  throw new ImageError("the sums of the image do not fit its entries; start without it")
}
