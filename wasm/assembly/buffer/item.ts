// An item: one batch of events, and the link to the batch after it.
//
//   offset  size  field     type   meaning
//   +0      4     holders   u32    cursors, buffers whose head it is, the link before it
//   +4      4     next      Item   the item after it: written once, 0 in the head
//   +8      4     kind      u32    0 events, 1 error, 2 empty
//   +12     4     length    u32    bytes of the payload
//   +16     8     version   f64    the caller's
//   +24     8     revision  f64    of the batch; 0 in the sentinel
//   +32     n     payload   u8[]
//
// An item is reachable from its holders alone: no table of items exists. The link is what makes a
// snapshot and what is live one list.
//
// Source: Consul `stream.bufferItem`.

import { ITEM_HEADER_BYTES, STATE_ITEMS } from "../layout"
import { allocate, free } from "../memory/arena"

@unmanaged
export class Item {
  holders: u32
  next: Item
  kind: u32
  length: u32
  version: f64
  revision: f64
}

export const EMPTY: u32 = 2

/**
 * Creates an item with one holder, the caller. The caller has reserved room, and fills the payload.
 */
export function create(kind: u32, length: u32, version: f64, revision: f64): Item {
  const item = changetype<Item>(allocate(ITEM_HEADER_BYTES + length))
  item.holders = 1
  item.next = changetype<Item>(0)
  item.kind = kind
  item.length = length
  item.version = version
  item.revision = revision
  store<u32>(STATE_ITEMS, load<u32>(STATE_ITEMS) + 1)
  return item
}

export function retain(item: Item): Item {
  assert(item.holders > 0)
  item.holders += 1
  return item
}

/**
 * Drops a holder, and frees every item that this leaves without one. A freed item lets go of the
 * one after it, and so on. A loop, not a recursion: a trail can be a million items long. It looks
 * at so many items at most, and answers the item it would have gone on with, whose holder it still
 * is.
 */
export function release(item: Item, itemsMax: u32): Item {
  let current = item
  let budget = itemsMax
  while (changetype<usize>(current) != 0) {
    assert(current.holders > 0)
    if (budget == 0) return current
    budget -= 1
    current.holders -= 1
    if (current.holders > 0) break
    const next = current.next
    free(changetype<usize>(current))
    store<u32>(STATE_ITEMS, load<u32>(STATE_ITEMS) - 1)
    current = next
  }
  return changetype<Item>(0)
}
