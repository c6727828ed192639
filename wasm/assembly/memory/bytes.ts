// Copying and comparing runs of bytes, 16 at a time, the last ones overlapping: nothing outside of
// the runs is read or written. Below about 1 kB this beats `memory.copy`, which leaves the module.

const BULK_BYTES: u32 = 1024

/**
 * Asks for the cache line of an address, and goes on before it is there: several lines are then
 * fetched side by side. No compiler drops the load, as it might trap; the arena's last page, which
 * is never used, sees to it that it does not.
 */
export function fetch(address: usize): void {
  load<u8>(address)
}

export function copy(to: usize, from: usize, bytes: u32): void {
  if (bytes < 16) {
    copyFew(to, from, bytes)
    return
  }
  if (bytes > BULK_BYTES) {
    memory.copy(to, from, bytes)
    return
  }
  const last = bytes - 16
  let at: u32 = 0
  for (; at + 16 < last; at += 32) {
    v128.store(to + at, v128.load(from + at))
    v128.store(to + at, v128.load(from + at, 16), 16)
  }
  if (at < last) v128.store(to + at, v128.load(from + at))
  v128.store(to + last, v128.load(from + last))
}

function copyFew(to: usize, from: usize, bytes: u32): void {
  if (bytes >= 8) {
    const tail = load<u64>(from + bytes - 8)
    store<u64>(to, load<u64>(from))
    store<u64>(to + bytes - 8, tail)
  } else if (bytes >= 4) {
    const tail = load<u32>(from + bytes - 4)
    store<u32>(to, load<u32>(from))
    store<u32>(to + bytes - 4, tail)
  } else {
    for (let at: u32 = 0; at < bytes; at++) store<u8>(to + at, load<u8>(from + at))
  }
}

export function equal(a: usize, b: usize, bytes: u32): bool {
  if (bytes < 16) return equalFew(a, b, bytes)
  const last = bytes - 16
  for (let at: u32 = 0; at < last; at += 16) {
    if (v128.any_true(v128.xor(v128.load(a + at), v128.load(b + at)))) return false
  }
  return !v128.any_true(v128.xor(v128.load(a + last), v128.load(b + last)))
}

function equalFew(a: usize, b: usize, bytes: u32): bool {
  if (bytes >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false
    return load<u64>(a + bytes - 8) == load<u64>(b + bytes - 8)
  }
  for (let at: u32 = 0; at < bytes; at++) {
    if (load<u8>(a + at) != load<u8>(b + at)) return false
  }
  return true
}
