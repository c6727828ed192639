// JSON and base64, written straight into a frame: each function writes at `to` and answers the
// address after what it wrote. Vectors of 16 bytes are written whole, so that up to 15 bytes after
// the end are overwritten too: the caller leaves `SLACK_BYTES` of room.
//
// Source: RFC 8259 §7, RFC 4648 §4.

export const SLACK_BYTES: u32 = 16

const QUOTE: u8 = 0x22
const BACKSLASH: u8 = 0x5c
const HEX = memory.data<u8>([
  0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66,
])

/** UTF-8 as a JSON string, quotes included. At most 6 bytes for 1, and 2. */
export function writeString(to: usize, from: usize, bytes: u32): usize {
  store<u8>(to, QUOTE)
  let out = to + 1
  let at = from
  const end = from + bytes
  while (at < end) {
    if (at + 16 <= end) {
      const vector = v128.load(at)
      if (!v128.any_true(special(vector))) {
        v128.store(out, vector)
        at += 16
        out += 16
        continue
      }
    }
    out = writeEscaped(out, load<u8>(at))
    at += 1
  }
  store<u8>(out, QUOTE)
  return out + 1
}

/** Lanes that JSON does not take as they are: controls, quote, backslash. */
function special(vector: v128): v128 {
  const controls = i8x16.lt_u(vector, i8x16.splat(0x20))
  const quotes = i8x16.eq(vector, i8x16.splat(QUOTE))
  const backslashes = i8x16.eq(vector, i8x16.splat(BACKSLASH))
  return v128.or(controls, v128.or(quotes, backslashes))
}

function writeEscaped(to: usize, byte: u8): usize {
  if (byte >= 0x20 && byte != QUOTE && byte != BACKSLASH) {
    store<u8>(to, byte)
    return to + 1
  }
  store<u8>(to, BACKSLASH)
  if (byte >= 0x20) {
    store<u8>(to, byte, 1)
    return to + 2
  }
  store<u32>(to, 0x30303075, 1) // u000
  store<u8>(to, load<u8>(HEX + (byte >> 4)), 4)
  store<u8>(to, load<u8>(HEX + (byte & 15)), 5)
  return to + 6
}

/**
 * A JSON text on one line: each CR and LF, which can only stand between its tokens, becomes a
 * space.
 */
export function writeInline(to: usize, from: usize, bytes: u32): usize {
  let at: u32 = 0
  const space = i8x16.splat(0x20)
  for (; at + 16 <= bytes; at += 16) {
    const vector = v128.load(from + at)
    const breaks = v128.or(i8x16.eq(vector, i8x16.splat(0x0a)), i8x16.eq(vector, i8x16.splat(0x0d)))
    v128.store(to + at, v128.bitselect(space, vector, breaks))
  }
  for (; at < bytes; at++) {
    const byte = load<u8>(from + at)
    store<u8>(to + at, byte == 0x0a || byte == 0x0d ? 0x20 : byte)
  }
  return to + bytes
}

/** Bytes as base64 with padding, in quotes. */
export function writeBase64(to: usize, from: usize, bytes: u32): usize {
  store<u8>(to, QUOTE)
  let out = to + 1
  let at = from
  const whole = from + bytes - (bytes % 3)
  for (; at < whole; at += 3) {
    out = writeSextets(
      out,
      ((<u32>load<u8>(at)) << 16) | ((<u32>load<u8>(at, 1)) << 8) | load<u8>(at, 2),
    )
  }
  const left = bytes % 3
  if (left > 0) {
    const second: u32 = left == 2 ? load<u8>(at, 1) : 0
    writeSextets(out, ((<u32>load<u8>(at)) << 16) | (second << 8))
    if (left == 1) store<u8>(out, 0x3d, 2)
    store<u8>(out, 0x3d, 3)
    out += 4
  }
  store<u8>(out, QUOTE)
  return out + 1
}

function writeSextets(to: usize, bits: u32): usize {
  store<u8>(to, letter(bits >> 18))
  store<u8>(to, letter((bits >> 12) & 63), 1)
  store<u8>(to, letter((bits >> 6) & 63), 2)
  store<u8>(to, letter(bits & 63), 3)
  return to + 4
}

function letter(sextet: u32): u8 {
  if (sextet < 26) return <u8>(sextet + 65)
  if (sextet < 52) return <u8>(sextet + 71)
  if (sextet < 62) return <u8>(sextet - 4)
  return sextet == 62 ? 0x2b : 0x2f
}

/** A revision in decimal. At most 16 bytes. */
export function writeRevision(to: usize, revision: f64): usize {
  let left = <u64>revision
  let digits: u32 = 1
  for (let bound: u64 = 10; left >= bound && digits < 16; bound *= 10) digits += 1
  for (let at = to + digits - 1; at >= to; at--) {
    store<u8>(at, <u8>(48 + (left % 10)))
    left /= 10
  }
  return to + digits
}
