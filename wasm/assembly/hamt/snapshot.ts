// A record: one committed version, and what is kept for it.
//
//   offset  size  field           type    meaning
//   +0      8     version         u64
//   +8      8     digest          u64     sum of H64 over the live entries
//   +16     8     reach           f64     highest revision of any commit up to this version
//   +24     8     payload         f64     key and value bytes of the live entries
//   +32     4     root            Node    0 when there is neither entry nor tombstone
//   +36     4     size            u32     live entries
//   +40     4     tombstones      u32
//   +44     4     complete        u32     everything at its reach has been applied
//   +48     8     tombstoneBytes  f64
//   +56     4     dead            Chunk   blocks of the record before, that this version replaced
//   +60     4     prev            Record  the next older one that is needed, or 0
//   +64     4     next            Record  the next newer one, or 0
//   +68     4     holders         u32     handles, and the trie itself for its base
//   +72     4     queued          Record  the next one to be reclaimed; of the last one, the first
//
// Up to +56 a record is immutable once it is current; below, only the writer's thread looks.
//
// Invariants: the newest record is the base, which the trie holds until a newer one exists · the
// dead list of the oldest record is empty once reclaimed · a block stands on one list at most.
//
// Releasing a snapshot is ZFS's: of the blocks that died with the *next* record, those born after
// the record *before* this one were seen by this one alone, and are freed; the others, and this
// one's own list, are the next one's now. No tracing, no counts. It is done in slices by `reclaim`,
// never where a reader lets go.

import {
  OK,
  STATE_BYTES,
  STATE_CURRENT,
  STATE_DEAD,
  STATE_DIGEST,
  STATE_DYING,
  STATE_DYING_LIST,
  STATE_EDIT,
  STATE_OLDEST,
  STATE_PAGES_FREE,
  STATE_RELEASED,
  STATE_ROOT,
  STATE_SIZE,
  STATE_SNAPSHOTS,
  STATE_TOMBSTONE_BYTES,
  STATE_TOMBSTONES,
  STATE_WRITES,
} from "../layout"
import { allocate, free, reserve } from "../memory/arena"
import { Chunk, drop, handOver, pop, push } from "../memory/dead-list"
import { deadBirth, freeDead, isOwn } from "./edit"
import { destroy as destroyLeaf, Leaf, birthOf as leafBirthOf } from "./leaf"
import { childCount, destroy as destroyNode, entryCount, Node, slotAt } from "./node"
import { rewind, settle } from "./tombstones"

@unmanaged
export class Record {
  version: u64
  digest: u64
  reach: f64
  payload: f64
  root: Node
  size: u32
  tombstones: u32
  complete: u32
  tombstoneBytes: f64
  dead: Chunk
  prev: Record
  next: Record
  holders: u32
  queued: Record
}

const NO_RECORD = changetype<Record>(0)

export function base(): Record {
  return load<Record>(STATE_CURRENT)
}

/** Makes version 0, which is empty. */
export function create(): void {
  store<u64>(STATE_EDIT, 0)
  publish(0, false)
}

/**
 * Ends the open edit: version + 1. The answer is held once for the caller; 0 when there is no room.
 * Cost: O(1), and as many blocks reclaimed as the edit may have replaced.
 */
export function commit(reach: f64, complete: bool): Record {
  if (load<u32>(STATE_PAGES_FREE) < 2 && reserve(0) != OK && load<u32>(STATE_PAGES_FREE) < 2) {
    return NO_RECORD
  }
  const before = base()
  const writes = load<u32>(STATE_WRITES)
  const record = publish(reach, complete)
  record.holders += 1
  before.next = record
  record.prev = before
  settle()
  release(before)
  reclaim(256 + 10 * writes)
  return record
}

function publish(reach: f64, complete: bool): Record {
  const record = changetype<Record>(allocate(offsetof<Record>()))
  record.version = load<u64>(STATE_EDIT)
  record.digest = load<u64>(STATE_DIGEST)
  record.reach = reach
  record.payload = load<f64>(STATE_BYTES)
  record.root = load<Node>(STATE_ROOT)
  record.size = load<u32>(STATE_SIZE)
  record.tombstones = load<u32>(STATE_TOMBSTONES)
  record.complete = complete ? 1 : 0
  record.tombstoneBytes = load<f64>(STATE_TOMBSTONE_BYTES)
  record.dead = load<Chunk>(STATE_DEAD)
  record.prev = NO_RECORD
  record.next = NO_RECORD
  record.holders = 1
  record.queued = NO_RECORD
  if (load<u32>(STATE_OLDEST) == 0) store<Record>(STATE_OLDEST, record)
  store<u32>(STATE_DEAD, 0)
  store<u32>(STATE_WRITES, 0)
  store<u64>(STATE_EDIT, record.version + 1)
  store<u32>(STATE_SNAPSHOTS, load<u32>(STATE_SNAPSHOTS) + 1)
  store<Record>(STATE_CURRENT, record) // last: what is current is whole
  return record
}

/** Drops the open edit: the state is the base's again, and every block of the edit is free. */
export function abort(): void {
  const record = base()
  const root = load<Node>(STATE_ROOT)
  if (changetype<usize>(root) != 0 && isOwn(root)) freeOwn(root)
  drop(STATE_DEAD)
  rewind()
  store<Node>(STATE_ROOT, record.root)
  store<u64>(STATE_DIGEST, record.digest)
  store<f64>(STATE_BYTES, record.payload)
  store<u32>(STATE_SIZE, record.size)
  store<u32>(STATE_TOMBSTONES, record.tombstones)
  store<f64>(STATE_TOMBSTONE_BYTES, record.tombstoneBytes)
  store<u32>(STATE_WRITES, 0)
}

/** Frees the blocks of this edit beneath a node of it. What an edit has made hangs together. */
function freeOwn(node: Node): void {
  const edit = load<u64>(STATE_EDIT)
  const entries = entryCount(node)
  for (let index: u32 = 0; index < entries; index++) {
    const leaf = load<Leaf>(slotAt(node, index))
    if (leafBirthOf(leaf) == edit) destroyLeaf(leaf)
  }
  const slots = entries + childCount(node)
  for (let index = entries; index < slots; index++) {
    const child = load<Node>(slotAt(node, index))
    if (isOwn(child)) freeOwn(child) // at most eight deep
  }
  destroyNode(node)
}

export function retain(record: Record): void {
  assert(record.holders > 0)
  record.holders += 1
}

/** Drops a holder. The last one only puts the record in line for `reclaim`. */
export function release(record: Record): void {
  assert(record.holders > 0)
  record.holders -= 1
  if (record.holders > 0) return
  const last = load<Record>(STATE_RELEASED)
  if (changetype<usize>(last) == 0) {
    record.queued = record
  } else {
    record.queued = last.queued
    last.queued = record
  }
  store<Record>(STATE_RELEASED, record)
}

/**
 * Looks at so many dead blocks of released records at most. True when none is left.
 *
 * In the order of release, which mostly is that of age: the oldest record's blocks are freed, while
 * those of a younger one would be handed on to the next, a long list again and again.
 */
export function reclaim(blocksMax: u32): bool {
  let budget = blocksMax
  while (true) {
    let dying = load<Record>(STATE_DYING)
    if (changetype<usize>(dying) == 0) {
      const last = load<Record>(STATE_RELEASED)
      if (changetype<usize>(last) == 0) return true
      if (budget == 0) return false
      budget -= 1
      dying = last.queued
      begin(dying, last)
    }
    const survivors = changetype<usize>(dying.next) + offsetof<Record>("dead")
    const before = changetype<usize>(dying.prev) == 0 ? 0 : dying.prev.version
    while (true) {
      if (load<u32>(STATE_DYING_LIST) == 0) break
      if (budget == 0) return false
      budget -= 1
      const block = pop(STATE_DYING_LIST)
      if (deadBirth(block) > before) freeDead(block)
      else push(survivors, block)
    }
    end(dying)
  }
}

function begin(dying: Record, last: Record): void {
  const next = dying.next
  assert(changetype<usize>(next) != 0) // the base is held, so a released record has a newer one
  if (dying == last) store<Record>(STATE_RELEASED, NO_RECORD)
  else last.queued = dying.queued
  store<Record>(STATE_DYING, dying)
  store<Chunk>(STATE_DYING_LIST, next.dead)
  next.dead = changetype<Chunk>(0)
}

function end(dying: Record): void {
  const next = dying.next
  const prev = dying.prev
  const field = offsetof<Record>("dead")
  handOver(changetype<usize>(dying) + field, changetype<usize>(next) + field)
  next.prev = prev
  if (changetype<usize>(prev) != 0) prev.next = next
  else store<Record>(STATE_OLDEST, next)
  free(changetype<usize>(dying))
  store<u32>(STATE_SNAPSHOTS, load<u32>(STATE_SNAPSHOTS) - 1)
  store<Record>(STATE_DYING, NO_RECORD)
}
