// A dead list: blocks that an edit replaced while an older snapshot still needs them.
//
//   chunk, 256 bytes
//   offset  size  field   type         meaning
//   +0      4     next    Chunk        an older chunk, full; or 0
//   +4      4     count   u32          blocks in this one, 0…62
//   +8      248   blocks  usize[62]
//
// A list is its newest chunk, the only one that may be part-filled: handing a list over moves the
// part-filled chunk's blocks into the receiver's, or chunks of one block each would pile up.
//
// Owned by the open edit, then by the record that its commit makes.

import { allocate, free } from "./arena"

const CHUNK_BYTES: u32 = 256
const CHUNK_BLOCKS: u32 = 62

@unmanaged
export class Chunk {
  next: Chunk
  count: u32
}

const NO_CHUNK = changetype<Chunk>(0)

function blockAt(chunk: Chunk, index: u32): usize {
  return changetype<usize>(chunk) + 8 + (index << 2)
}

/** Adds a block to the list at `list`. Allocates at most one chunk. */
export function push(list: usize, block: usize): void {
  let chunk = load<Chunk>(list)
  if (changetype<usize>(chunk) == 0 || chunk.count == CHUNK_BLOCKS) {
    const fresh = changetype<Chunk>(allocate(CHUNK_BYTES))
    fresh.next = chunk
    fresh.count = 0
    store<Chunk>(list, fresh)
    chunk = fresh
  }
  store<usize>(blockAt(chunk, chunk.count), block)
  chunk.count += 1
}

/** Takes a block off the list at `list`; 0 when it is empty. Frees chunks as they empty. */
export function pop(list: usize): usize {
  const chunk = load<Chunk>(list)
  if (changetype<usize>(chunk) == 0) return 0
  const left = chunk.count - 1
  const block = load<usize>(blockAt(chunk, left))
  chunk.count = left
  if (left == 0) {
    store<Chunk>(list, chunk.next)
    free(changetype<usize>(chunk))
  }
  return block
}

/**
 * Moves every block of the list at `from` to the list at `to`. Cost: one chunk's blocks, and a walk
 * over the full chunks of `from`. Allocates nothing: the two part-filled chunks become at most two,
 * one of them full.
 */
export function handOver(from: usize, to: usize): void {
  const source = load<Chunk>(from)
  if (changetype<usize>(source) == 0) return
  store<Chunk>(from, NO_CHUNK)
  const target = load<Chunk>(to)
  if (changetype<usize>(target) == 0) {
    store<Chunk>(to, source)
    return
  }
  let open = source
  let other = target
  if (open.count < other.count) {
    open = target
    other = source
  }
  const older = other.next
  fill(open, other)
  const first = other.count > 0 ? link(other, open) : open
  if (other.count == 0) free(changetype<usize>(other))
  append(first, older)
  store<Chunk>(to, first)
}

/** Frees the chunks, not the blocks. */
export function drop(list: usize): void {
  let chunk = load<Chunk>(list)
  while (changetype<usize>(chunk) != 0) {
    const next = chunk.next
    free(changetype<usize>(chunk))
    chunk = next
  }
  store<Chunk>(list, NO_CHUNK)
}

function fill(open: Chunk, from: Chunk): void {
  while (open.count < CHUNK_BLOCKS && from.count > 0) {
    from.count -= 1
    store<usize>(blockAt(open, open.count), load<usize>(blockAt(from, from.count)))
    open.count += 1
  }
}

/** Makes `chunk` the newest, part-filled one, before `full`, which has no room left. */
function link(chunk: Chunk, full: Chunk): Chunk {
  chunk.next = full
  return chunk
}

/** Hangs a list of full chunks after the last chunk of another. */
function append(first: Chunk, older: Chunk): void {
  if (changetype<usize>(older) == 0) return
  let last = first
  while (changetype<usize>(last.next) != 0) last = last.next
  last.next = older
}
