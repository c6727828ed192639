// A buffer: the newest item of a trail.
//
//   offset  size  field  type  meaning
//   +0      4     head   Item  newest item; never 0, a new buffer stands on a sentinel
//
// One writer appends; any number of cursors follow, each at its own pace. The buffer holds its head
// alone, so without followers nothing older is kept.
//
// Source: Consul `stream.eventBuffer`.

import { allocate, free } from "../memory/arena"
import { create as createItem, EMPTY, Item, release, retain } from "./item"

@unmanaged
export class Buffer {
  head: Item
}

/** Creates a buffer on an empty sentinel, so that followers can wait for the first item. */
export function create(): Buffer {
  const buffer = changetype<Buffer>(allocate(16))
  buffer.head = createItem(EMPTY, 0, 0, 0)
  return buffer
}

/** Drops the buffer. Items that cursors hold stay until those let go. */
export function destroy(buffer: Buffer): void {
  release(buffer.head, u32.MAX_VALUE)
  free(changetype<usize>(buffer))
}

/** Links a new item after the head and makes it the head. The caller fills its payload. */
export function append(buffer: Buffer, kind: u32, length: u32, version: f64, revision: f64): Item {
  const item = createItem(kind, length, version, revision) // held by the link from the head
  link(buffer, item)
  return item
}

/**
 * Links an item of another buffer, and with it all that follows or will follow it, after the head:
 * the splice. The buffer's head is then that item; nothing may be appended to this buffer after it,
 * but to the other one.
 */
export function appendItem(buffer: Buffer, item: Item): void {
  link(buffer, retain(item))
}

function link(buffer: Buffer, item: Item): void {
  const last = buffer.head
  assert(changetype<usize>(last.next) == 0) // a link is written once
  last.next = item
  buffer.head = retain(item)
  release(last, u32.MAX_VALUE)
}
