import type { Delta, Entry } from "../entry.ts"
import { badOption } from "../errors.ts"
import { isRevision } from "../revision.ts"
import type { Host } from "./host.ts"
import {
  MODE_BINARY,
  MODE_JSON,
  MODE_RAW,
  MODE_TEXT,
  OP_DELETE,
  OP_PUT,
  WALK_BYTES_MAX,
  WALK_ENDED,
  WALK_ENTRIES,
  WALK_FILTER,
  WALK_HASH,
  WALK_MODE,
  WALK_NEED,
  WALK_OLD_ROOT,
  WALK_OUT,
  WALK_OUT_BYTES,
  WALK_ROOT,
  WALK_SINCE,
  WALK_SKIP,
  WALK_STARTED,
  WALK_VISITS_MAX,
  WALK_WRITTEN,
} from "./layout.ts"

/**
 * The place where a walk stopped: everything up to and including the hash is done, and `skip`
 * leaves of the next one. A place is good at any root; `skip` only at the version it was made at.
 */
export interface Place {
  readonly started: boolean
  /** A full 32-bit hash. */
  readonly hash: number
  readonly skip: number
  /** Version of the root that was walked. */
  readonly version: number
}

/** The form of values on the wire: inline, as a JSON string, or as base64. */
export type WireValues = "json" | "text" | "binary"

/** A request for one slice of a walk. */
export interface WalkRequest {
  /** 0: all that is live, as entries. Above 0: what was written after this version, as changes. */
  readonly since: number
  /** The place where an earlier slice stopped; absent: from the start. */
  readonly after?: Place | undefined
  /** Address of a filter block, or 0. */
  readonly filter?: number
  readonly values: WireValues
  /** Bytes after which to stop; one entry that is larger comes alone. */
  readonly bytesMax: number
  /** Nodes and leaves to look at before stopping: about 20 ns each. 20,000 by default. */
  readonly visitsMax?: number | undefined
}

/** One slice of a walk. */
export interface WalkResult {
  /** Comma-joined JSON objects. A view of the engine's memory, good until the next call on it. */
  readonly body: Uint8Array
  readonly entries: number
  readonly ended: boolean
  readonly place: Place
}

const MODES: Record<WireValues, number> = {
  json: MODE_JSON,
  text: MODE_TEXT,
  binary: MODE_BINARY,
}

const VISITS_MAX = 20_000
const SLICE_BYTES = 65_536

/** One slice as wire JSON. */
export function walkWire(
  host: Host,
  root: number,
  version: number,
  request: WalkRequest,
): WalkResult {
  const mode = modeOf(request.values)
  checkWalk(request)
  const { entries, ended, place, bytes } = walkSlice(host, root, version, {
    mode,
    since: request.since,
    after: request.after,
    filter: request.filter ?? 0,
    bytesMax: request.bytesMax,
    visitsMax: request.visitsMax ?? VISITS_MAX,
    oldRoot: 0,
  })
  const { address } = host.out
  return { body: host.u8.subarray(address, address + bytes), entries, ended, place }
}

/** Refuses a number that cannot be a version. */
export function checkVersion(version: number): void {
  if (!isRevision(version)) throw badOption("a version", version, "an integer ≥ 0")
}

// Numbers go to the core as they are: one that makes no sense there would be another one.
function checkWalk(request: Omit<WalkRequest, "values">): void {
  const { since, bytesMax, visitsMax = VISITS_MAX } = request
  checkVersion(since)
  if (!isRevision(bytesMax)) throw badOption("walk: bytesMax", bytesMax, "an integer ≥ 0")
  if (!isRevision(visitsMax)) throw badOption("walk: visitsMax", visitsMax, "an integer ≥ 0")
}

function modeOf(values: WireValues): number {
  if (Object.hasOwn(MODES, values)) return MODES[values]
  throw badOption("walk: values", values, "json, text or binary")
}

/** One slice of a walk as deltas: puts alone when it is `since` 0. */
export interface DeltaSlice {
  readonly deltas: readonly Delta[]
  readonly ended: boolean
  readonly place: Place
}

/** One slice, decoded. */
export function walkDeltas(
  host: Host,
  root: number,
  version: number,
  request: Omit<WalkRequest, "values">,
): DeltaSlice {
  checkWalk(request)
  const { entries, ended, place } = walkSlice(host, root, version, {
    mode: MODE_RAW,
    since: request.since,
    after: request.after,
    filter: request.filter ?? 0,
    bytesMax: request.bytesMax,
    visitsMax: request.visitsMax ?? VISITS_MAX,
    oldRoot: 0,
  })
  return { deltas: decode(host, entries), ended, place }
}

/** Every entry or change, decoded slice by slice. */
export function* walkRaw(
  host: Host,
  root: number,
  version: number,
  since: number,
  filter: number,
): Generator<Delta> {
  let after: Place | undefined
  for (;;) {
    const request = { since, after, filter, bytesMax: SLICE_BYTES }
    const { deltas, ended, place } = walkDeltas(host, root, version, request)
    yield* deltas
    if (ended) return
    after = place
  }
}

/**
 * A request for a slice in numbers. `mode` is one of the layout's, or `diff` to compare two roots.
 */
interface SliceRequest {
  readonly mode: number | "diff"
  readonly since: number
  readonly after: Place | undefined
  readonly filter: number
  readonly bytesMax: number
  readonly visitsMax: number
  readonly oldRoot: number
}

interface WalkedSlice {
  readonly entries: number
  readonly ended: boolean
  readonly place: Place
  readonly bytes: number
}

/** One crossing, or two when one entry needs more room than there is. */
export function walkSlice(
  host: Host,
  root: number,
  version: number,
  slice: SliceRequest,
): WalkedSlice {
  host.makeOutRoom(slice.bytesMax + (slice.bytesMax >> 1))
  for (;;) {
    host.refresh()
    write(host, root, version, slice)
    if (slice.mode === "diff") host.abi.diff(host.request)
    else host.abi.walk(host.request)
    const at = host.request >> 2
    const need = host.u32[at + (WALK_NEED >> 2)]!
    if (need > 0) {
      host.makeOutRoom(need)
      continue
    }
    return {
      entries: host.u32[at + (WALK_ENTRIES >> 2)]!,
      ended: host.u32[at + (WALK_ENDED >> 2)] === 1,
      bytes: host.u32[at + (WALK_WRITTEN >> 2)]!,
      place: {
        started: host.u32[at + (WALK_STARTED >> 2)] === 1,
        hash: host.u32[at + (WALK_HASH >> 2)]!,
        skip: host.u32[at + (WALK_SKIP >> 2)]!,
        version,
      },
    }
  }
}

function write(host: Host, root: number, version: number, slice: SliceRequest): void {
  const { u32 } = host
  const at = host.request >> 2
  const { after } = slice
  u32[at + (WALK_ROOT >> 2)] = root
  u32[at + (WALK_MODE >> 2)] = slice.mode === "diff" ? MODE_RAW : slice.mode
  u32[at + (WALK_SINCE >> 2)] = slice.since >>> 0
  u32[at + (WALK_SINCE >> 2) + 1] = Math.floor(slice.since / 4_294_967_296)
  u32[at + (WALK_FILTER >> 2)] = slice.filter
  u32[at + (WALK_OUT >> 2)] = host.out.address
  u32[at + (WALK_OUT_BYTES >> 2)] = host.out.bytes
  u32[at + (WALK_BYTES_MAX >> 2)] = slice.bytesMax
  u32[at + (WALK_VISITS_MAX >> 2)] = Math.max(256, slice.visitsMax)
  u32[at + (WALK_STARTED >> 2)] = after?.started ? 1 : 0
  u32[at + (WALK_HASH >> 2)] = after?.hash ?? 0
  u32[at + (WALK_SKIP >> 2)] = after !== undefined && after.version === version ? after.skip : 0
  u32[at + (WALK_OLD_ROOT >> 2)] = slice.oldRoot
}

/** A record of `MODE_RAW`. */
interface RawRecord {
  readonly op: number
  readonly key: string
  readonly value: Uint8Array
  readonly revision: number
}

/** Reads the records of a slice, to be used up at once: the next call writes over them. */
export function* readRecords(host: Host, entries: number): Generator<RawRecord> {
  let at = host.out.address
  for (let index = 0; index < entries; index++) {
    const word = at >> 2
    const keyBytes = host.u32[word + 1]!
    const from = at + 24 + keyBytes
    const to = from + host.u32[word + 2]!
    yield {
      op: host.u32[word]!,
      key: host.readText(at + 24, keyBytes),
      value: host.copyOut(from, to),
      revision: host.f64[(at >> 3) + 2]!,
    }
    at = (to + 7) & ~7
  }
}

/** The records of a slice as deltas. */
function decode(host: Host, entries: number): Delta[] {
  const deltas: Delta[] = []
  for (const { op, key, value, revision } of readRecords(host, entries)) {
    if (op === OP_PUT) deltas.push({ op: "put", key, value, revision })
    else deltas.push({ op: op === OP_DELETE ? "delete" : "touch", key, revision })
  }
  return deltas
}

/** The entries of a walk from version 0, which has puts alone. */
export function* entriesOf(deltas: Iterable<Delta>): Generator<Entry> {
  for (const delta of deltas) {
    if (delta.op === "put") {
      yield { key: delta.key, value: delta.value, revision: delta.revision }
    }
  }
}
