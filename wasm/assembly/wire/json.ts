// JSON and base64, written straight into a frame: each function writes at `to` and answers the
// address after what it wrote. Vectors of 16 bytes are read and written whole, also the last one:
// up to 15 bytes after the end are overwritten, for which the caller leaves `SLACK_BYTES` of room;
// and read, which stays in memory, as the arena's last page is never used.
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
    const vector = v128.load(at)
    v128.store(out, vector)
    // Up to the first byte that is to be escaped, or the end, it is right as it stands.
    const left = <u32>min<usize>(end - at, 16)
    const plain = <u32>ctz(i8x16.bitmask(special(vector)) | (1 << left))
    at += plain
    out += plain
    if (plain < left) {
      out = writeEscaped(out, load<u8>(at))
      at += 1
    }
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
  const space = i8x16.splat(0x20)
  for (let at: u32 = 0; at < bytes; at += 16) {
    const vector = v128.load(from + at)
    const breaks = v128.or(i8x16.eq(vector, i8x16.splat(0x0a)), i8x16.eq(vector, i8x16.splat(0x0d)))
    v128.store(to + at, v128.bitselect(space, vector, breaks))
  }
  return to + bytes
}

/** Bytes as base64 with padding, in quotes. */
export function writeBase64(to: usize, from: usize, bytes: u32): usize {
  store<u8>(to, QUOTE)
  for (let at: u32 = 0; at < bytes; at += 12) {
    let twelve = v128.load(from + at)
    // Past the end there are zeros, or a last letter would have bits of what follows.
    if (bytes - at < 12) twelve = v128.and(twelve, firstBytes(bytes - at))
    v128.store(to + 1 + (at / 12) * 16, letters(twelve))
  }
  const out = to + 1 + ((bytes + 2) / 3) * 4
  const left = bytes % 3
  if (left > 0) store<u8>(out - 1, 0x3d)
  if (left == 1) store<u8>(out - 2, 0x3d)
  store<u8>(out, QUOTE)
  return out + 1
}

/** Ones in so many bytes, then zeros. */
function firstBytes(count: u32): v128 {
  return i8x16.lt_u(
    i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    i8x16.splat(<u8>count),
  )
}

/**
 * Twelve bytes as sixteen letters. Three bytes go into each 32-bit lane, as b1 b0 b2 b1: so that
 * each of their four sextets comes to its own byte by one shift of 16-bit lanes.
 *
 * Source: Muła and Lemire, Faster Base64 Encoding and Decoding Using AVX2 Instructions (2018).
 */
function letters(bytes: v128): v128 {
  const lanes = i8x16.shuffle(bytes, bytes, 1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10)
  const first = v128.and(i16x8.shr_u(lanes, 10), i32x4.splat(0x0000003f))
  const second = v128.and(i16x8.shl(lanes, 4), i32x4.splat(0x00003f00))
  const third = v128.and(i16x8.shr_u(lanes, 6), i32x4.splat(0x003f0000))
  const fourth = v128.and(i16x8.shl(lanes, 8), i32x4.splat(0x3f000000))
  const sextets = v128.or(v128.or(first, second), v128.or(third, fourth))
  // Which range it is of: 13 for A…Z, 0 for a…z, 1…10 for 0…9, 11 for +, 12 for /.
  const capitals = v128.and(i8x16.lt_u(sextets, i8x16.splat(26)), i8x16.splat(13))
  const range = v128.or(i8x16.sub_sat_u(sextets, i8x16.splat(51)), capitals)
  const shifts = i8x16(71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 65, 0, 0)
  return i8x16.add(sextets, i8x16.swizzle(shifts, range))
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
