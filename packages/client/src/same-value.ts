/**
 * Compares two values of entries: bytes by content, JSON as `JSON.stringify` writes it, so that
 * another order of members is another value, and other white space is not.
 *
 * Cost: O(size), about as much as parsing them. A value that nests deeper than the stack differs
 * from every other.
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
