// A filter: which keys a walk lets through. Written by the host, never changed.
//
//   offset  size  field   type  meaning
//   +0      4     count   u32   terms
//   then, for each term, from an address that is a multiple of 4:
//   +0      4     kind    u32   0 a prefix, 1 a whole key
//   +4      4     length  u32
//   +8      n     bytes   u8[]
//
// A key passes when one term matches. Cost: one comparison a term; terms are few by the host's
// bound.

import { equal } from "../memory/bytes"

/** True when a key passes. Filter 0 lets everything through. */
export function passes(filter: usize, key: usize, keyBytes: u32): bool {
  if (filter == 0) return true
  let term = filter + 4
  for (let left = load<u32>(filter); left > 0; left--) {
    const length = load<u32>(term, 4)
    const fits = load<u32>(term) == 0 ? length <= keyBytes : length == keyBytes
    if (fits && equal(term + 8, key, length)) return true
    term += 8 + ((length + 3) & ~3)
  }
  return false
}
