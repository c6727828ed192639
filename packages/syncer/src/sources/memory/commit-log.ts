import { assert, type Change, type Commit, decodeUtf8, type Revision } from "@headwater/core"

/** A change with what its key held before: the value, and its revision, which is 0 for absent. */
export interface LoggedChange {
  readonly change: Change
  readonly revisionBefore: Revision
  readonly valueBefore: Uint8Array
}

/** Commits in one array, one after the other. */
interface Segment {
  readonly bytes: Uint8Array
  readonly first: Revision
  /** The offset of each commit, from the first on. */
  readonly starts: number[]
  used: number
}

/** A segment is a sixteenth of the bound, so that no more than that is kept beyond it. */
const SEGMENTS = 16
const SEGMENT_BYTES_MIN = 1_024
const SEGMENT_BYTES_MAX = 1 << 20

/** A change beside its key and values: op, lengths, and the revision before. */
const CHANGE_BYTES = 1 + 4 + 4 + 8 + 4
/** A UTF-16 code unit takes at most so many bytes of UTF-8. */
const UNIT_BYTES_MAX = 3

/**
 * The last commits and the values that they replaced, as bytes in a few large arrays. A bound in
 * bytes is therefore a bound on the memory in use (see `ValueStore`).
 *
 *   commit   number of changes u32 | changes
 *   change   op u8 | key length u32 | value length u32 | revision before f64 | length before u32 |
 *            key | value | value before
 */
export class CommitLog {
  readonly #bytesMax: number
  readonly #segmentBytes: number
  #segments: Segment[] = []
  #bytes = 0
  #oldest: Revision
  #next: Revision

  /** @param next the revision of the first commit. */
  constructor(next: Revision, bytesMax: number) {
    const share = Math.floor(bytesMax / SEGMENTS)
    this.#bytesMax = bytesMax
    this.#segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_MIN, share))
    this.#oldest = next
    this.#next = next
  }

  /** The oldest commit that is kept; the next one when there is none. */
  get oldest(): Revision {
    return this.#oldest
  }

  /** The revision of the next commit. */
  get next(): Revision {
    return this.#next
  }

  /** Bytes of all arrays. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds the next commit, and forgets the oldest beyond the bound; never this one. */
  append(changes: readonly LoggedChange[]): void {
    const size = changes.reduce((sum, one) => sum + sizeMaxOf(one), 4)
    const segment = this.#segmentFor(size)
    segment.starts.push(segment.used)
    segment.used = write(segment.bytes, segment.used, changes)
    this.#next += 1
    while (this.#bytes > this.#bytesMax && this.#segments.length > 1) this.#dropSegment()
  }

  /** Forgets the commits before `oldest`; their arrays go as soon as all in them is forgotten. */
  forget(oldest: Revision): void {
    this.#oldest = Math.max(this.#oldest, Math.min(oldest, this.#next))
    for (;;) {
      const second = this.#segments[1]?.first ?? (this.#oldest === this.#next ? this.#next : 0)
      if (this.#segments.length === 0 || second === 0 || second > this.#oldest) return
      this.#dropSegment()
    }
  }

  /** A commit that is kept, with values of its own. */
  commitAt(revision: Revision): Commit {
    return { revision, changes: this.read(revision).map(({ change }) => change) }
  }

  /** A commit that is kept, with what it replaced. */
  read(revision: Revision): readonly LoggedChange[] {
    assert(this.#oldest <= revision && revision < this.#next, "a commit that is read is kept")
    const at = this.#segments.findLastIndex(({ first }) => first <= revision)
    const segment = this.#segments[at] as Segment
    return read(segment.bytes, segment.starts[revision - segment.first] as number)
  }

  #segmentFor(size: number): Segment {
    const last = this.#segments.at(-1)
    if (last !== undefined && last.used + size <= last.bytes.byteLength) return last
    const bytes = new Uint8Array(Math.max(size, this.#segmentBytes))
    const segment = { bytes, first: this.#next, starts: [], used: 0 }
    this.#segments.push(segment)
    this.#bytes += bytes.byteLength
    return segment
  }

  #dropSegment(): void {
    const [dropped] = this.#segments.splice(0, 1)
    this.#bytes -= dropped?.bytes.byteLength ?? 0
    this.#oldest = Math.max(this.#oldest, this.#segments[0]?.first ?? this.#next)
  }
}

const encoder = new TextEncoder()

function sizeMaxOf({ change, valueBefore }: LoggedChange): number {
  const value = change.op === "put" ? change.value.byteLength : 0
  return CHANGE_BYTES + UNIT_BYTES_MAX * change.key.length + value + valueBefore.byteLength
}

function write(bytes: Uint8Array, from: number, changes: readonly LoggedChange[]): number {
  const view = new DataView(bytes.buffer)
  view.setUint32(from, changes.length)
  let at = from + 4
  for (const { change, revisionBefore, valueBefore } of changes) {
    const body = at + CHANGE_BYTES
    const { written: keyBytes } = encoder.encodeInto(change.key, bytes.subarray(body))
    const value = change.op === "put" ? change.value : EMPTY
    view.setUint8(at, change.op === "put" ? 1 : 0)
    view.setUint32(at + 1, keyBytes)
    view.setUint32(at + 5, value.byteLength)
    view.setFloat64(at + 9, revisionBefore)
    view.setUint32(at + 17, valueBefore.byteLength)
    bytes.set(value, body + keyBytes)
    bytes.set(valueBefore, body + keyBytes + value.byteLength)
    at = body + keyBytes + value.byteLength + valueBefore.byteLength
  }
  return at
}

function read(bytes: Uint8Array, from: number): readonly LoggedChange[] {
  const view = new DataView(bytes.buffer)
  let at = from + 4
  return Array.from({ length: view.getUint32(from) }, () => {
    const isPut = view.getUint8(at) === 1
    const revisionBefore = view.getFloat64(at + 9)
    const keyEnd = at + CHANGE_BYTES + view.getUint32(at + 1)
    const valueEnd = keyEnd + view.getUint32(at + 5)
    const end = valueEnd + view.getUint32(at + 17)
    const key = decodeUtf8(bytes.subarray(at + CHANGE_BYTES, keyEnd))
    const change: Change = isPut
      ? { op: "put", key, value: bytes.slice(keyEnd, valueEnd) }
      : { op: "delete", key }
    at = end
    return { change, revisionBefore, valueBefore: bytes.slice(valueEnd, end) }
  })
}

const EMPTY = new Uint8Array(0)
