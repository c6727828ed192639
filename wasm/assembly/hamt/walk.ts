// The walk: leaves in the order of their hashes, low slots first, in slices.
//
// Entries and children of a node are merged by slot, so the order is that of the hashes alone,
// whatever the shape of the trie. That makes a place (a hash: everything up to it is done) good at
// any other root too, also after a sweep has moved leaves up. Leaves of one hash stand in one
// collision node and are never split by a place; a frame may split them, and then `skip`
// counts those already written, which is good at the same root only.
//
// With `since`, only nodes and leaves whose birth is above it are entered: a node's birth bounds
// the newest change beneath it, so the cost is that of the changes. This is `zfs send -i`.
//
//   request: layout.ts, WALK_…; frames of the stack, at WALK_STACK, one a level:
//   +0  node   Node
//   +4  slots  u32   bitmap of slots still to visit
//   +8  isOn   u32   1 when the place's own path goes through this node
//
// A slice ends by bytes written, by nodes and leaves looked at, or at the end. Reads only: any
// number of walks may stand open, each with a request of its own.

import {
  LEAF_HEADER_BYTES,
  MODE_IMAGE,
  MODE_RAW,
  MODE_SUMS,
  OP_DELETE,
  OP_PUT,
  OP_TOUCH,
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
  WALK_SCRATCH,
  WALK_SINCE,
  WALK_SKIP,
  WALK_STACK,
  WALK_STARTED,
  WALK_SUM_DIGEST,
  WALK_SUM_ENTRIES,
  WALK_VISITS_MAX,
  WALK_WRITTEN,
} from "../layout"
import { copy, fetch } from "../memory/bytes"
import { entryBytesMax, writeEntry } from "../wire/entry"
import { passes } from "./filter"
import { find } from "./find"
import { digestOf, isAfter } from "./hash"
import {
  fetchLeaf,
  isTombstone,
  keyBytesOf,
  keyOf,
  Leaf,
  birthOf as leafBirthOf,
  valueBirthOf,
} from "./leaf"
import { birthOf, childSlot, entrySlot, isCollision, Node, slotAt } from "./node"

@unmanaged
class Frame {
  node: Node
  slots: u32
  isOn: u32
  unused: u32
}

/** Walks one slice. Reads and answers in the request; its outputs start from nothing. */
export function walk(request: usize): void {
  store<u32>(request, 0, WALK_WRITTEN)
  store<u32>(request, 0, WALK_ENTRIES)
  store<u32>(request, 0, WALK_ENDED)
  store<u32>(request, 0, WALK_NEED)
  store<i32>(request, 0, WALK_SUM_ENTRIES)
  store<u64>(request, 0, WALK_SUM_DIGEST)
  const root = load<Node>(request, WALK_ROOT)
  const since = load<u64>(request, WALK_SINCE)
  let depth: i32 = -1
  if (changetype<usize>(root) != 0 && birthOf(root) > since) {
    depth = 0
    enter(request, 0, root, load<u32>(request, WALK_STARTED) != 0)
  }
  let visits = load<u32>(request, WALK_VISITS_MAX)
  while (depth >= 0) {
    const frame = frameAt(request, depth)
    const slots = frame.slots
    if (slots == 0) {
      depth -= 1
      continue
    }
    const bit = slots & (0 - slots)
    const node = frame.node
    const isOn = frame.isOn != 0 && <u32>ctz(bit) == placeSlot(request, depth)
    frame.slots = slots ^ bit
    if ((node.entries & bit) != 0) {
      if (visits == 0) return
      visits -= 1
      const leaf = load<Leaf>(entrySlot(node, bit))
      if (isOn && !isAfter(leaf.hash, load<u32>(request, WALK_HASH))) continue
      if (!emit(request, leaf, since)) return
      passed(request, leaf.hash)
      continue
    }
    const child = load<Node>(childSlot(node, bit))
    if (birthOf(child) <= since) continue
    if (visits > 0) visits -= 1
    if (isCollision(child)) {
      if (!walkCollision(request, child, since, isOn)) return
    } else {
      depth += 1
      enter(request, depth, child, isOn)
    }
  }
  store<u32>(request, 1, WALK_ENDED)
}

function frameAt(request: usize, depth: i32): Frame {
  return changetype<Frame>(request + WALK_STACK + ((<u32>depth) << 4))
}

/** Slot that the place has at a level. */
function placeSlot(request: usize, depth: i32): u32 {
  return (load<u32>(request, WALK_HASH) >> (<u32>depth * 5)) & 31
}

function enter(request: usize, depth: i32, node: Node, isOn: bool): void {
  const frame = frameAt(request, depth)
  frame.node = node
  frame.slots = node.entries | node.children
  frame.isOn = isOn ? 1 : 0
  if (isOn) frame.slots &= ~((1 << placeSlot(request, depth)) - 1)
  if (load<u64>(request, WALK_SINCE) == 0) fetchSlots(node)
}

/**
 * Fetches each line that a node's slots point to, side by side; one after the other, as the walk
 * reaches them, it would wait for each. For walks of everything.
 */
function fetchSlots(node: Node): void {
  const entries = popcnt(node.entries)
  const slots = entries + popcnt(node.children)
  for (let index: u32 = 0; index < slots; index++) {
    const at = load<usize>(slotAt(node, index))
    fetch(at)
    if (index < entries) fetchLeaf(changetype<Leaf>(at))
  }
}

function passed(request: usize, hash: u32): void {
  store<u32>(request, hash, WALK_HASH)
  store<u32>(request, 1, WALK_STARTED)
  store<u32>(request, 0, WALK_SKIP)
}

function walkCollision(request: usize, node: Node, since: u64, isOn: bool): bool {
  const hash = load<Leaf>(slotAt(node, 0)).hash
  if (isOn && !isAfter(hash, load<u32>(request, WALK_HASH))) return true
  for (let index = load<u32>(request, WALK_SKIP); index < node.entries; index++) {
    store<u32>(request, index, WALK_SKIP)
    if (!emit(request, load<Leaf>(slotAt(node, index)), since)) return false
  }
  passed(request, hash)
  return true
}

/** Writes one leaf, if the walk covers it. False when it does not fit any more. */
function emit(request: usize, leaf: Leaf, since: u64): bool {
  if (leafBirthOf(leaf) <= since) return true
  const isGone = isTombstone(leaf)
  const mode = load<u32>(request, WALK_MODE)
  if (isGone && since == 0 && mode != MODE_SUMS && mode != MODE_IMAGE) return true
  if (!passes(load<usize>(request, WALK_FILTER), keyOf(leaf), keyBytesOf(leaf))) return true
  if (mode == MODE_SUMS) {
    sum(request, leaf, isGone)
    return true
  }
  const op = isGone ? OP_DELETE : since > 0 && valueBirthOf(leaf) <= since ? OP_TOUCH : OP_PUT
  const entries = load<u32>(request, WALK_ENTRIES)
  const written = load<u32>(request, WALK_WRITTEN)
  const need = roomFor(leaf, mode)
  if (written + need > load<u32>(request, WALK_OUT_BYTES)) {
    if (entries == 0) store<u32>(request, need, WALK_NEED)
    return false
  }
  const from = load<usize>(request, WALK_OUT) + written
  const end = write(from, leaf, mode, op, since, entries)
  const total = written + <u32>(end - from)
  if (entries > 0 && total > load<u32>(request, WALK_BYTES_MAX)) return false
  store<u32>(request, total, WALK_WRITTEN)
  store<u32>(request, entries + 1, WALK_ENTRIES)
  return true
}

function roomFor(leaf: Leaf, mode: u32): u32 {
  if (mode == MODE_RAW) return rawBytes(leaf)
  if (mode == MODE_IMAGE) return imageBytes(leaf)
  return entryBytesMax(leaf, mode) + 1
}

function write(to: usize, leaf: Leaf, mode: u32, op: u32, since: u64, entries: u32): usize {
  if (mode == MODE_RAW) return writeRaw(to, leaf, op, op == OP_PUT)
  if (mode == MODE_IMAGE) return writeImage(to, leaf)
  return writeJson(to, leaf, mode, op, since, entries)
}

function writeJson(to: usize, leaf: Leaf, mode: u32, op: u32, since: u64, entries: u32): usize {
  let out = to
  if (entries > 0) {
    store<u8>(out, 44) // ,
    out += 1
  }
  return writeEntry(out, leaf, mode, op, since > 0)
}

/** Bytes of a record with its value. */
export function rawBytes(leaf: Leaf): u32 {
  return (24 + keyBytesOf(leaf) + leaf.valueBytes + 7) & ~7
}

/** Writes a record, and answers the address after it. */
export function writeRaw(to: usize, leaf: Leaf, op: u32, hasValue: bool): usize {
  const valueBytes = hasValue ? leaf.valueBytes : 0
  const bytes = keyBytesOf(leaf) + valueBytes
  store<u32>(to, op)
  store<u32>(to, keyBytesOf(leaf), 4)
  store<u32>(to, valueBytes, 8)
  store<u32>(to, leaf.hash, 12)
  store<f64>(to, leaf.revision, 16)
  copy(to + 24, keyOf(leaf), bytes)
  return to + ((24 + bytes + 7) & ~7)
}

/** Writes a leaf as it stands, births and all, and answers the address after it. */
function writeImage(to: usize, leaf: Leaf): usize {
  const bytes = imageBytes(leaf)
  copy(to, changetype<usize>(leaf), LEAF_HEADER_BYTES + keyBytesOf(leaf) + leaf.valueBytes)
  return to + bytes
}

function imageBytes(leaf: Leaf): u32 {
  return (LEAF_HEADER_BYTES + keyBytesOf(leaf) + leaf.valueBytes + 7) & ~7
}

function sum(request: usize, leaf: Leaf, isGone: bool): void {
  const scratch = request + WALK_SCRATCH
  let entries = load<i32>(request, WALK_SUM_ENTRIES)
  let digest = load<u64>(request, WALK_SUM_DIGEST)
  const keyBytes = keyBytesOf(leaf)
  const old = find(load<Node>(request, WALK_OLD_ROOT), leaf.hash, keyOf(leaf), keyBytes)
  if (changetype<usize>(old) != 0 && !isTombstone(old)) {
    entries -= 1
    digest -= digestOf(keyOf(old), keyBytes, old.revision, scratch)
  }
  if (!isGone) {
    entries += 1
    digest += digestOf(keyOf(leaf), keyBytes, leaf.revision, scratch)
  }
  store<i32>(request, entries, WALK_SUM_ENTRIES)
  store<u64>(request, digest, WALK_SUM_DIGEST)
}
