// Several writes in one crossing, in order.
//
// Each write waits for memory twice or three times: for the nodes at the end of its path, then for
// the leaf that stands there. So the paths of all writes are followed first, a level at a time and
// side by side: one wait then covers sixteen writes, and each write finds its lines in the cache.
//
//   updates: Write[UPDATES_MAX], filled by the host, except the hash and the births
//
// Decision: docs/decisions/core.md, “Writes cross the boundary one by one or by sixteen”.

import {
  FULL,
  LEAF_HEADER_BYTES,
  LISTED,
  OK,
  STATE_ROOT,
  STATE_SIZE,
  STATE_WRITES,
} from "../layout"
import { reserve, reserveForPut } from "../memory/arena"
import { fetch } from "../memory/bytes"
import { placeOf } from "./hash"
import { fetchLeaf, Leaf } from "./leaf"
import { bitOf, childSlot, entrySlot, Node } from "./node"
import { upsert, Write } from "./put"
import { markIfHeld } from "./resync"
import { enqueue } from "./tombstones"

/** A trie of so many entries is in the processor's cache: following paths first gains nothing. */
const CACHED: u32 = 8_192

/**
 * Writes `count` updates. `FULL` leaves out the update that found no room, and those after it.
 */
export function writeAll(updates: usize, count: u32, mode: i32, scratch: usize): i32 {
  for (let index: u32 = 0; index < count; index++) {
    const write = writeAt(updates, index)
    write.hash = placeOf(write.key, write.keyBytes)
    write.birth = 0
  }
  if (count > 1 && load<u32>(STATE_SIZE) > CACHED) fetchPaths(updates, count, scratch)
  for (let index: u32 = 0; index < count; index++) {
    if (writeOne(writeAt(updates, index), mode, scratch + 64) == FULL) return FULL
  }
  return OK
}

function writeAt(updates: usize, index: u32): Write {
  return changetype<Write>(updates + index * offsetof<Write>())
}

function writeOne(write: Write, mode: i32, scratch: usize): i32 {
  if (write.tombstone != 0) return writeDelete(write, scratch)
  if (mode == LISTED) {
    if (reserve(0) == FULL) return FULL
    if (markIfHeld(write)) return OK
  }
  return writePut(write, scratch)
}

/** Writes a value. `FULL`: nothing has changed. `scratch` as in `digestOf`. */
export function writePut(write: Write, scratch: usize): i32 {
  if (reserveForPut(LEAF_HEADER_BYTES + write.keyBytes + write.valueBytes) == FULL) return FULL
  upsert(write, scratch)
  store<u32>(STATE_WRITES, load<u32>(STATE_WRITES) + 1)
  return OK
}

/** Writes a tombstone. `FULL`: nothing has changed. */
export function writeDelete(write: Write, scratch: usize): i32 {
  if (reserve(LEAF_HEADER_BYTES + write.keyBytes) == FULL) return FULL
  upsert(write, scratch)
  enqueue(write.hash)
  store<u32>(STATE_WRITES, load<u32>(STATE_WRITES) + 1)
  return OK
}

/**
 * Fetches the lines of every path, and of the leaf at its end. `nodes`: 4 bytes for each update.
 */
function fetchPaths(updates: usize, count: u32, nodes: usize): void {
  const root = load<Node>(STATE_ROOT)
  if (changetype<usize>(root) == 0) return
  for (let index: u32 = 0; index < count; index++) store<Node>(nodes + (index << 2), root)
  let left = count
  for (let shift: u32 = 0; shift < 35 && left > 0; shift += 5) {
    left = 0
    for (let index: u32 = 0; index < count; index++) {
      const node = load<Node>(nodes + (index << 2))
      if (changetype<usize>(node) == 0) continue
      const bit = bitOf(writeAt(updates, index).hash, shift)
      let child = changetype<Node>(0)
      if ((node.children & bit) != 0) {
        child = load<Node>(childSlot(node, bit))
        fetch(changetype<usize>(child))
        fetch(changetype<usize>(child) + 64)
        left += 1
      } else if ((node.entries & bit) != 0) {
        const leaf = load<Leaf>(entrySlot(node, bit))
        fetch(changetype<usize>(leaf))
        fetchLeaf(leaf)
      }
      store<Node>(nodes + (index << 2), child)
    }
  }
}
