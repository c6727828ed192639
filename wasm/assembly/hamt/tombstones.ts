// Tombstones in the order of their births, so that those below the horizon are found without a
// walk.
//
//   chunk, 1,024 bytes
//   offset  size  field    type   meaning
//   +0      4     next     Chunk  the chunk after it, newer; or 0
//   +4      4     count    u32    entries written, 0…63
//   +16     1008  entries  16 bytes each: u32 hash, u32 unused, u64 birth
//
// An entry whose tombstone was written over, or dropped with its edit, finds nothing and is passed.
// The queue belongs to the open edit and to all versions at once: committed leaves are never looked
// up by it except to be taken out of the newest state.

import {
  FULL,
  STATE_EDIT,
  STATE_HORIZON,
  STATE_QUEUE_FIRST,
  STATE_QUEUE_LAST,
  STATE_QUEUE_MARK,
  STATE_QUEUE_MARK_COUNT,
  STATE_QUEUE_TAKEN,
  STATE_ROOT,
  STATE_TOMBSTONE_BYTES,
  STATE_WRITES,
} from "../layout"
import { allocate, free, reserve } from "../memory/arena"
import { birthOf, isTombstone, Leaf } from "./leaf"
import { bitOf, childSlot, entrySlot, isCollision, Node, slotAt } from "./node"
import { remove } from "./remove"

const CHUNK_BYTES: u32 = 1024
const CHUNK_ENTRIES: u32 = 63

@unmanaged
class Chunk {
  next: Chunk
  count: u32
}

const NO_CHUNK = changetype<Chunk>(0)

/** Puts a tombstone of the open edit at the end of the queue. Allocates at most one chunk. */
export function enqueue(hash: u32): void {
  put(hash, load<u64>(STATE_EDIT))
}

/** Puts a tombstone of an image at the end of the queue. They come in the order of their births. */
export function put(hash: u32, birth: u64): void {
  let last = load<Chunk>(STATE_QUEUE_LAST)
  if (changetype<usize>(last) == 0 || last.count == CHUNK_ENTRIES) {
    const fresh = changetype<Chunk>(allocate(CHUNK_BYTES))
    fresh.next = NO_CHUNK
    fresh.count = 0
    if (changetype<usize>(last) == 0) store<Chunk>(STATE_QUEUE_FIRST, fresh)
    else last.next = fresh
    store<Chunk>(STATE_QUEUE_LAST, fresh)
    last = fresh
  }
  const entry = changetype<usize>(last) + 16 + (last.count << 4)
  store<u32>(entry, hash)
  store<u64>(entry, birth, 8)
  last.count += 1
}

/** A commit: an abort comes back to here. */
export function settle(): void {
  const last = load<Chunk>(STATE_QUEUE_LAST)
  store<Chunk>(STATE_QUEUE_MARK, last)
  store<u32>(STATE_QUEUE_MARK_COUNT, changetype<usize>(last) == 0 ? 0 : last.count)
}

/** An abort: takes off what was put on since the last commit. */
export function rewind(): void {
  const mark = load<Chunk>(STATE_QUEUE_MARK)
  let chunk = load<Chunk>(STATE_QUEUE_FIRST)
  if (changetype<usize>(mark) == 0) {
    store<u32>(STATE_QUEUE_FIRST, 0)
    store<u32>(STATE_QUEUE_TAKEN, 0)
  } else {
    mark.count = load<u32>(STATE_QUEUE_MARK_COUNT)
    chunk = mark.next
    mark.next = NO_CHUNK
  }
  store<Chunk>(STATE_QUEUE_LAST, mark)
  while (changetype<usize>(chunk) != 0) {
    const next = chunk.next
    free(changetype<usize>(chunk))
    chunk = next
  }
}

/**
 * Takes out committed tombstones that were born at or before `horizon`, and older ones first as
 * long as all of them weigh more than `bytesMax`. The horizon moves before anything is taken, so
 * that no reader is served from a state that forgot a delete. Looks at so many at most; answers 1
 * when none is left to take, 0 when some are, and -1 when there is no room to copy a path.
 */
export function sweep(
  horizon: u64,
  bytesMax: f64,
  entriesMax: u32,
  path: usize,
  scratch: usize,
): i32 {
  if (horizon > load<u64>(STATE_HORIZON)) store<u64>(STATE_HORIZON, horizon)
  const edit = load<u64>(STATE_EDIT)
  for (let budget = entriesMax; budget > 0; budget--) {
    const entry = first()
    if (entry == 0) return 1
    const birth = load<u64>(entry, 8)
    if (birth >= edit) return 1
    if (birth > load<u64>(STATE_HORIZON)) {
      if (load<f64>(STATE_TOMBSTONE_BYTES) <= bytesMax) return 1
      store<u64>(STATE_HORIZON, birth)
    }
    while (true) {
      const leaf = findBorn(load<u32>(entry), birth)
      if (changetype<usize>(leaf) == 0) break
      if (reserve(0) == FULL) return -1
      remove(leaf, path, scratch)
      store<u32>(STATE_WRITES, load<u32>(STATE_WRITES) + 1)
    }
    dequeue()
  }
  return 0
}

function first(): usize {
  const chunk = load<Chunk>(STATE_QUEUE_FIRST)
  if (changetype<usize>(chunk) == 0) return 0
  const taken = load<u32>(STATE_QUEUE_TAKEN)
  return taken == chunk.count ? 0 : changetype<usize>(chunk) + 16 + (taken << 4)
}

function dequeue(): void {
  const chunk = load<Chunk>(STATE_QUEUE_FIRST)
  const taken = load<u32>(STATE_QUEUE_TAKEN) + 1
  store<u32>(STATE_QUEUE_TAKEN, taken)
  if (taken < chunk.count) return
  const next = chunk.next
  store<Chunk>(STATE_QUEUE_FIRST, next)
  store<u32>(STATE_QUEUE_TAKEN, 0)
  if (changetype<usize>(next) == 0) store<u32>(STATE_QUEUE_LAST, 0)
  if (load<Chunk>(STATE_QUEUE_MARK) == chunk) store<u32>(STATE_QUEUE_MARK, 0)
  free(changetype<usize>(chunk))
}

/** A tombstone of the open edit's state with this hash and birth, or 0. */
function findBorn(hash: u32, birth: u64): Leaf {
  let node = load<Node>(STATE_ROOT)
  const none = changetype<Leaf>(0)
  if (changetype<usize>(node) == 0) return none
  for (let shift: u32 = 0; shift < 35; shift += 5) {
    const bit = bitOf(hash, shift)
    if ((node.children & bit) != 0) {
      node = load<Node>(childSlot(node, bit))
      continue
    }
    if ((node.entries & bit) == 0) return none
    const leaf = load<Leaf>(entrySlot(node, bit))
    return isBorn(leaf, hash, birth) ? leaf : none
  }
  assert(isCollision(node))
  for (let index: u32 = 0; index < node.entries; index++) {
    const leaf = load<Leaf>(slotAt(node, index))
    if (isBorn(leaf, hash, birth)) return leaf
  }
  return none
}

function isBorn(leaf: Leaf, hash: u32, birth: u64): bool {
  return leaf.hash == hash && isTombstone(leaf) && birthOf(leaf) == birth
}
