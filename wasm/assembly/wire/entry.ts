// One leaf as the object that stands for it in a `snapshot` or `delta` frame (PROTOCOL.md,
// "Frames").
//
// Decision: docs/decisions/core.md, “The core writes the JSON of the wire”.

import { keyBytesOf, keyOf, Leaf, valueOf } from "../hamt/leaf"
import { MODE_BINARY, MODE_JSON, OP_DELETE, OP_PUT } from "../layout"
import { copy } from "../memory/bytes"
import { SLACK_BYTES, writeBase64, writeInline, writeRevision, writeString } from "./json"

// biome-ignore-start format: a text a line.
// {"op":"put","key":
const PUT = memory.data<u8>([
  123, 34, 111, 112, 34, 58, 34, 112, 117, 116, 34, 44, 34, 107, 101, 121, 34, 58,
])
// {"op":"delete","key":
const DELETE = memory.data<u8>([
  123, 34, 111, 112, 34, 58, 34, 100, 101, 108, 101, 116, 101, 34, 44, 34, 107, 101, 121, 34, 58,
])
// {"op":"touch","key":
const TOUCH = memory.data<u8>([
  123, 34, 111, 112, 34, 58, 34, 116, 111, 117, 99, 104, 34, 44, 34, 107, 101, 121, 34, 58,
])
// {"key":
const ENTRY = memory.data<u8>([123, 34, 107, 101, 121, 34, 58])
// ,"value":
const VALUE = memory.data<u8>([44, 34, 118, 97, 108, 117, 101, 34, 58])
// ,"revision":
const REVISION = memory.data<u8>([44, 34, 114, 101, 118, 105, 115, 105, 111, 110, 34, 58])
// biome-ignore-end format: up to here.

const FIXED_BYTES: u32 = 80

/** Bytes that `writeEntry` needs at most, slack included. */
export function entryBytesMax(leaf: Leaf, mode: u32): u32 {
  const value = leaf.valueBytes
  const text = mode == MODE_JSON ? value : mode == MODE_BINARY ? (value / 3 + 1) * 4 : value * 6
  return FIXED_BYTES + keyBytesOf(leaf) * 6 + text + SLACK_BYTES
}

/** Writes a leaf as an entry (`isDelta` false) or as a change, and answers the address after it. */
export function writeEntry(to: usize, leaf: Leaf, mode: u32, op: u32, isDelta: bool): usize {
  let out = to
  if (!isDelta) out = put(out, ENTRY, 7)
  else if (op == OP_PUT) out = put(out, PUT, 18)
  else if (op == OP_DELETE) out = put(out, DELETE, 21)
  else out = put(out, TOUCH, 20)
  out = writeString(out, keyOf(leaf), keyBytesOf(leaf))
  if (op == OP_PUT) out = writeValue(put(out, VALUE, 9), leaf, mode)
  out = writeRevision(put(out, REVISION, 12), leaf.revision)
  store<u8>(out, 125) // }
  return out + 1
}

function writeValue(to: usize, leaf: Leaf, mode: u32): usize {
  if (mode == MODE_JSON) return writeInline(to, valueOf(leaf), leaf.valueBytes)
  if (mode == MODE_BINARY) return writeBase64(to, valueOf(leaf), leaf.valueBytes)
  return writeString(to, valueOf(leaf), leaf.valueBytes)
}

function put(to: usize, text: usize, bytes: u32): usize {
  copy(to, text, bytes)
  return to + bytes
}
