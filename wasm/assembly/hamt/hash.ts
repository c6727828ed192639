// Two hashes, which never meet.
//
// `placeOf` is a key's place in the trie: 32 bits of SipHash-1-3, keyed per engine, so that a
// writer that picks keys cannot pick collisions. `digestOf` is H64 of the protocol: xxHash32 twice,
// of (key ‖ revision as 8 bytes little-endian). Hubs and readers must compute the same sum, so its
// seeds are fixed.
//
// Source: Aumasson and Bernstein, SipHash; the xxHash specification.
//
// Decision: docs/decisions/core.md, “SipHash-1-3 decides the place of a key”.

import {
  DIGEST_SEED_HI,
  DIGEST_SEED_LO,
  STATE_HASH_MASK,
  STATE_SEED_0,
  STATE_SEED_1,
} from "../layout"
import { copy } from "../memory/bytes"

/** Place of a key: 32 bits, taken 5 at a time, low bits first. */
export function placeOf(key: usize, bytes: u32): u32 {
  const k0 = load<u64>(STATE_SEED_0)
  const k1 = load<u64>(STATE_SEED_1)
  let v0 = k0 ^ 0x736f6d6570736575
  let v1 = k1 ^ 0x646f72616e646f6d
  let v2 = k0 ^ 0x6c7967656e657261
  let v3 = k1 ^ 0x7465646279746573
  const end = key + (bytes & ~7)
  let at = key
  let word: u64 = 0
  // The rounds are written out: as a function they would need four results.
  // biome-ignore format: a round is four lines.
  while (at <= end) {
    word = at < end ? load<u64>(at) : lastWord(at, bytes)
    v3 ^= word
    v0 += v1; v1 = rotl(v1, 13); v1 ^= v0; v0 = rotl(v0, 32)
    v2 += v3; v3 = rotl(v3, 16); v3 ^= v2
    v0 += v3; v3 = rotl(v3, 21); v3 ^= v0
    v2 += v1; v1 = rotl(v1, 17); v1 ^= v2; v2 = rotl(v2, 32)
    v0 ^= word
    at += 8
  }
  v2 ^= 0xff
  // biome-ignore format: as above.
  for (let round = 0; round < 3; round++) {
    v0 += v1; v1 = rotl(v1, 13); v1 ^= v0; v0 = rotl(v0, 32)
    v2 += v3; v3 = rotl(v3, 16); v3 ^= v2
    v0 += v3; v3 = rotl(v3, 21); v3 ^= v0
    v2 += v1; v1 = rotl(v1, 17); v1 ^= v2; v2 = rotl(v2, 32)
  }
  const hash = v0 ^ v1 ^ v2 ^ v3
  return <u32>hash & load<u32>(STATE_HASH_MASK)
}

/** The bytes after the last whole word, and the length in the highest byte. */
function lastWord(at: usize, bytes: u32): u64 {
  const left = bytes & 7
  const length = (<u64>bytes) << 56
  if (left == 0) return length
  // Reads past the key stay inside memory: a key is never at its very end.
  return (load<u64>(at) & (((<u64>1) << (left << 3)) - 1)) | length
}

/** True when place `a` comes after place `b` in the order of a walk: low slots first. */
export function isAfter(a: u32, b: u32): bool {
  const differing = a ^ b
  if (differing == 0) return false
  const shift = (ctz(differing) / 5) * 5
  return ((a >> shift) & 31) > ((b >> shift) & 31)
}

const P1: u32 = 2654435761
const P2: u32 = 2246822519
const P3: u32 = 3266489917
const P4: u32 = 668265263
const P5: u32 = 374761393

/**
 * H64 of a key and its revision. `scratch` are 32 bytes of the caller's.
 *
 * Both halves are made in one pass; the four lanes of an xxHash32 stripe are one vector.
 */
export function digestOf(key: usize, bytes: u32, revision: f64, scratch: usize): u64 {
  const stripes = bytes & ~15
  const left = bytes & 15
  copy(scratch, key + stripes, left)
  store<u64>(scratch + left, <u64>revision)
  let tail = left + 8
  let at = scratch
  let lo: u32
  let hi: u32
  const total = bytes + 8
  if (total >= 16) {
    let a = lanes(DIGEST_SEED_LO)
    let b = lanes(DIGEST_SEED_HI)
    for (let from = key, end = key + stripes; from < end; from += 16) {
      const stripe = i32x4.mul(v128.load(from), i32x4.splat(P2))
      a = stir(a, stripe)
      b = stir(b, stripe)
    }
    if (tail >= 16) {
      const stripe = i32x4.mul(v128.load(at), i32x4.splat(P2))
      a = stir(a, stripe)
      b = stir(b, stripe)
      at += 16
      tail -= 16
    }
    lo = merge(a)
    hi = merge(b)
  } else {
    lo = DIGEST_SEED_LO + P5
    hi = DIGEST_SEED_HI + P5
  }
  lo += total
  hi += total
  while (tail >= 4) {
    const word = load<u32>(at) * P3
    lo = rotl(lo + word, 17) * P4
    hi = rotl(hi + word, 17) * P4
    at += 4
    tail -= 4
  }
  while (tail > 0) {
    const byte = <u32>load<u8>(at) * P5
    lo = rotl(lo + byte, 11) * P1
    hi = rotl(hi + byte, 11) * P1
    at += 1
    tail -= 1
  }
  return ((<u64>avalanche(hi)) << 32) | <u64>avalanche(lo)
}

function lanes(seed: u32): v128 {
  let all = i32x4.splat(seed)
  all = i32x4.replace_lane(all, 0, seed + P1 + P2)
  all = i32x4.replace_lane(all, 1, seed + P2)
  return i32x4.replace_lane(all, 3, seed - P1)
}

function stir(all: v128, stripe: v128): v128 {
  const sum = i32x4.add(all, stripe)
  const turned = v128.or(i32x4.shl(sum, 13), i32x4.shr_u(sum, 19))
  return i32x4.mul(turned, i32x4.splat(P1))
}

function merge(all: v128): u32 {
  return (
    rotl<u32>(i32x4.extract_lane(all, 0), 1) +
    rotl<u32>(i32x4.extract_lane(all, 1), 7) +
    rotl<u32>(i32x4.extract_lane(all, 2), 12) +
    rotl<u32>(i32x4.extract_lane(all, 3), 18)
  )
}

function avalanche(hash: u32): u32 {
  hash ^= hash >> 15
  hash *= P2
  hash ^= hash >> 13
  hash *= P3
  return hash ^ (hash >> 16)
}
