// Size classes: what a request is rounded up to.
//
//   class    bytes                         step
//   0…31     16, 32 … 512                  16
//   32…47    640, 768, 896, 1,024 … 8,192  4 per doubling
//   48…54    a page cut in 7, 6 … 1        9,360 … 65,536
//
// Small steps where leaves and nodes are, so that rounding costs 8 bytes on average; from 512 bytes
// on at most a fifth. Larger requests get whole pages.

export const CLASSES: u32 = 55
export const CLASS_BYTES_MAX: u32 = 65536

/** Class of a request of 1 to 65,536 bytes. */
export function classOf(bytes: u32): u32 {
  if (bytes <= 512) return ((bytes + 15) >> 4) - 1
  if (bytes <= 8192) {
    const exponent = 31 - clz<u32>(bytes - 1)
    return 32 + ((exponent - 9) << 2) + ((bytes - 1) >> (exponent - 2)) - 4
  }
  let pieces = CLASS_BYTES_MAX / bytes
  if (((CLASS_BYTES_MAX / pieces) & ~15) < bytes) pieces -= 1
  return CLASSES - pieces
}

/** Bytes of a block of a class. */
export function classBytes(cls: u32): u32 {
  if (cls < 32) return (cls + 1) << 4
  if (cls < 48) {
    const step = cls - 32
    return (5 + (step & 3)) << (7 + (step >> 2))
  }
  return (CLASS_BYTES_MAX / (CLASSES - cls)) & ~15
}
