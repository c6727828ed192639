// A resync by list: which entries were seen, so that the others can be deleted at its end.
//
// An entry that the list brings is either new or newer, and then its leaf was born since the resync
// began; or it is what the trie has already, and then its leaf is marked, in a bitmap beside the
// pages (a committed leaf is never written). What is neither was deleted at the source.
//
// Source: libcalico's mark and sweep; stale entries lose against newer ones, tombstones included,
// as its high-water marks have it.
//
// Decision: docs/decisions/core.md, “The trie merges a resync”.

import {
  FULL,
  STATE_CURRENT,
  STATE_RESYNC,
  STATE_RESYNC_VERSION,
  STATE_ROOT,
  STATE_WRITES,
  WALK_HASH,
  WALK_STARTED,
} from "../layout"
import { clearMarks, isMarked, mark, reserve } from "../memory/arena"
import { find } from "./find"
import { isAfter } from "./hash"
import { birthOf, isTombstone, keyBytesOf, keyOf, Leaf } from "./leaf"
import { bitOf, childSlot, entrySlot, isCollision, Node, slotAt } from "./node"
import { upsert, Write } from "./put"
import { Record } from "./snapshot"
import { enqueue } from "./tombstones"

export function begin(): void {
  clearMarks()
  store<u32>(STATE_RESYNC, 1)
  store<u64>(STATE_RESYNC_VERSION, load<Record>(STATE_CURRENT).version)
}

export function end(): void {
  clearMarks()
  store<u32>(STATE_RESYNC, 0)
}

/**
 * Marks the leaf that a listed entry would not change, because it is as new, as seen. False when
 * the entry has to be written.
 */
export function markIfHeld(write: Write): bool {
  const leaf = find(load<Node>(STATE_ROOT), write.hash, write.key, write.keyBytes)
  if (changetype<usize>(leaf) == 0 || leaf.revision < write.revision) return false
  mark(changetype<usize>(leaf))
  return true
}

/**
 * Deletes unseen entries, at `revision`. Goes on after the place in the request, and leaves the
 * place there. Looks at so many slots at most; answers 1 at the end, 0 before, -1 when there is no
 * room.
 */
export function sweepUnseen(
  request: usize,
  revision: f64,
  visitsMax: u32,
  write: Write,
  scratch: usize,
): i32 {
  for (let budget = visitsMax; budget > 0; budget--) {
    const leaf = following(request)
    if (changetype<usize>(leaf) == 0) return 1
    if (isUnseen(leaf)) {
      if (reserve(0) == FULL) return -1
      write.key = keyOf(leaf)
      write.keyBytes = keyBytesOf(leaf)
      write.value = 0
      write.valueBytes = 0
      write.revision = revision
      write.hash = leaf.hash
      write.tombstone = 1
      upsert(write, scratch)
      enqueue(leaf.hash)
      store<u32>(STATE_WRITES, load<u32>(STATE_WRITES) + 1)
      continue // at the same place: a collision node may hold another one
    }
    store<u32>(request, leaf.hash, WALK_HASH)
    store<u32>(request, 1, WALK_STARTED)
  }
  return 0
}

/** A leaf is unseen when it is live, older than the resync, and not marked. */
function isUnseen(leaf: Leaf): bool {
  if (isTombstone(leaf) || birthOf(leaf) > load<u64>(STATE_RESYNC_VERSION)) return false
  return !isMarked(changetype<usize>(leaf))
}

/** The next leaf after the place; of a collision node, the first unseen one, or its last. */
function following(request: usize): Leaf {
  const started = load<u32>(request, WALK_STARTED) != 0
  const place = load<u32>(request, WALK_HASH)
  const none = changetype<Leaf>(0)
  const root = load<Node>(STATE_ROOT)
  if (changetype<usize>(root) == 0) return none
  // The way down along the place; where it ends without a later leaf, the nearest turn to the
  // right.
  let node = root
  let turn = changetype<Node>(0)
  let isOn = started
  for (let shift: u32 = 0; shift < 35; shift += 5) {
    const all = node.entries | node.children
    const bit = isOn ? bitOf(place, shift) : all & (0 - all)
    if (isOn) {
      const later = all & ~(bit | (bit - 1))
      if (later != 0) turn = node
      if ((node.entries & bit) != 0) {
        const leaf = load<Leaf>(entrySlot(node, bit))
        if (isAfter(leaf.hash, place)) return leaf
        return turnRight(root, turn, place)
      }
      if ((node.children & bit) == 0) return turnRight(root, turn, place)
      node = load<Node>(childSlot(node, bit))
      continue
    }
    if ((node.entries & bit) != 0) return load<Leaf>(entrySlot(node, bit))
    node = load<Node>(childSlot(node, bit))
  }
  assert(isCollision(node))
  const first = load<Leaf>(slotAt(node, 0))
  if (!isOn || isAfter(first.hash, place)) return unseenOf(node)
  return turnRight(root, turn, place)
}

/** The first leaf of the next slot after the place's own in the node where the path turns. */
function turnRight(root: Node, turn: Node, place: u32): Leaf {
  if (changetype<usize>(turn) == 0) return changetype<Leaf>(0)
  let node = root
  let shift: u32 = 0
  while (node != turn) {
    node = load<Node>(childSlot(node, bitOf(place, shift)))
    shift += 5
  }
  let own = bitOf(place, shift)
  while (true) {
    // Below the turn nothing is passed yet: the first slot is next.
    const passed = own == 0 ? 0 : own | (own - 1)
    const later = (node.entries | node.children) & ~passed
    const bit = later & (0 - later)
    if ((node.entries & bit) != 0) return load<Leaf>(entrySlot(node, bit))
    node = load<Node>(childSlot(node, bit))
    if (isCollision(node)) return unseenOf(node)
    own = 0
  }
}

function unseenOf(node: Node): Leaf {
  for (let index: u32 = 0; index < node.entries; index++) {
    const leaf = load<Leaf>(slotAt(node, index))
    if (isUnseen(leaf)) return leaf
  }
  return load<Leaf>(slotAt(node, node.entries - 1))
}
