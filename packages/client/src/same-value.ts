/**
 * Tells whether two values of entries are the same: bytes by content, JSON as `JSON.stringify`
 * writes it, so that another order of members counts as another value, but not another white space.
 *
 * Cost: O(size), about what it cost to parse them. What nests deeper than the stack is another
 * value.
 */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, index) => byte === b[index])
  }
  try {
    return JSON.stringify(a) === JSON.stringify(b)
  } catch {
    return false
  }
}
