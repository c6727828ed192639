import { checkBytes } from "../bytes.ts"
import { KeyError } from "../errors.ts"
import { isRevision, type Revision } from "../revision.ts"
import { type Host, KEY_ROOM_BYTES } from "./host.ts"
import {
  FULL,
  UPDATE_BYTES,
  UPDATE_DELETE,
  UPDATE_KEY,
  UPDATE_KEY_BYTES,
  UPDATE_REVISION,
  UPDATE_VALUE,
  UPDATE_VALUE_BYTES,
  UPDATES_MAX,
} from "./layout.ts"

/** Writes a value. Errors as `Trie.put`. */
export function writePut(host: Host, key: string, value: Uint8Array, revision: Revision): void {
  checkRevision(revision)
  const stored = bytesOf(key, value)
  const address = host.writeValue(stored, 0)
  const keyBytes = host.writeKey(key)
  const { abi, scratch } = host
  const bytes = stored.byteLength
  if (abi.put(host.key, keyBytes, address, bytes, revision, scratch) === FULL) {
    throw host.memoryFull()
  }
}

/** Writes a deletion. Errors as `Trie.put`. */
export function writeDelete(host: Host, key: string, revision: Revision): void {
  checkRevision(revision)
  const keyBytes = host.writeKey(key)
  if (host.abi.remove(host.key, keyBytes, revision, host.scratch) === FULL) {
    throw host.memoryFull()
  }
}

/** Refuses a number that is not a revision. */
export function checkRevision(revision: Revision): void {
  if (!isRevision(revision))
    throw new KeyError(`${revision} is not a revision; pass an integer from 0 to 2^53 - 1`)
}

// The test comes first: nearly every value is a `Uint8Array`, and needs no name.
function bytesOf(key: string, value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : checkBytes(value, `the value of ${keyName(key)}`)
}

function keyName(key: unknown): string {
  return typeof key === "string" ? JSON.stringify(key.slice(0, 60)) : "a key"
}

/** An update, or an entry of a list. */
export interface Write {
  readonly op?: "put" | "delete"
  readonly key: string
  readonly value?: Uint8Array
  readonly revision: Revision
}

const NO_VALUE = new Uint8Array(0)

/**
 * Writes into the open edit, in order, up to sixteen in one crossing: the core then waits for the
 * memory of all of them at once. `mode` is WRITE or LISTED.
 *
 * @throws {KeyError} {ValueError} one is out of bounds: some before it may be written.
 * @throws {MemoryFullError} there is no room for one: those before it are written.
 */
export function writeAll(host: Host, writes: Iterable<Write>, mode: number): void {
  // Taken first and laid out then: while they are taken, code of the caller's runs, and it may read
  // from this engine, which uses the rooms that they are laid out in.
  const taken: Write[] = []
  for (const write of writes) {
    taken.push(write)
    if (taken.length < UPDATES_MAX) continue
    writeSome(host, taken, mode)
    taken.length = 0
  }
  writeSome(host, taken, mode)
}

function writeSome(host: Host, writes: readonly Write[], mode: number): void {
  let count = 0
  let bytes = 0
  for (const { op, key, value, revision } of writes) {
    const stored = op === "delete" ? NO_VALUE : bytesOf(key, value)
    if (bytes + stored.byteLength > host.valueRoom) {
      call(host, count, mode)
      count = 0
      bytes = 0
    }
    layOut(host, count, op === "delete", key, stored, bytes, revision)
    count += 1
    bytes += stored.byteLength
  }
  call(host, count, mode)
}

function call(host: Host, count: number, mode: number): void {
  if (host.abi.write(host.updates, count, mode, host.scratch) === FULL) throw host.memoryFull()
}

/** `after`: bytes of values that are laid out already. */
function layOut(
  host: Host,
  index: number,
  isDelete: boolean,
  key: string,
  value: Uint8Array,
  after: number,
  revision: Revision,
): void {
  checkRevision(revision)
  const address = host.writeValue(value, after)
  const keyBytes = host.writeKey(key, index)
  const { u32 } = host
  const at = host.updates + index * UPDATE_BYTES
  u32[(at + UPDATE_KEY) >> 2] = host.key + index * KEY_ROOM_BYTES
  u32[(at + UPDATE_KEY_BYTES) >> 2] = keyBytes
  u32[(at + UPDATE_VALUE) >> 2] = address
  u32[(at + UPDATE_VALUE_BYTES) >> 2] = value.byteLength
  host.f64[(at + UPDATE_REVISION) >> 3] = revision
  u32[(at + UPDATE_DELETE) >> 2] = isDelete ? 1 : 0
}
