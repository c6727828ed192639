/**
 * Returns whether two values are deeply equal: primitives, arrays, bytes, dates, maps, sets of
 * primitives, and plain objects. Anything else is equal to itself alone. Values without rings.
 */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (Array.isArray(a)) return isSameList(a, b as unknown[])
  if (a instanceof Uint8Array) return isSameList(a, b as Uint8Array)
  if (a instanceof Date) return a.getTime() === (b as Date).getTime()
  if (a instanceof Map) return isSameMap(a, b as Map<unknown, unknown>)
  if (a instanceof Set)
    return a.size === (b as Set<unknown>).size && [...a].every((x) => (b as Set<unknown>).has(x))
  const prototype = Object.getPrototypeOf(a)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return false
  return isSameMap(new Map(Object.entries(a)), new Map(Object.entries(b)))
}

function isSameList(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (!isSameValue(a[at], b[at])) return false
  return true
}

function isSameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (!b.has(key) || !isSameValue(value, b.get(key))) return false
  return true
}
