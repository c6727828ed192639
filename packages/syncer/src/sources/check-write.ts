import {
  type Change,
  checkBytes,
  isLongerThan,
  isWellFormed,
  KEY_BYTES_MAX,
  KeyError,
  type WriteRequest,
} from "@headwater/core"

/**
 * Checks a write at the edge of a source, before any of it is done: keys that are text of UTF-8,
 * each changed once, and values that are bytes.
 *
 * @returns the write, with every value as a `Uint8Array`.
 * @throws {KeyError} a key is empty, too long, not whole Unicode, or changed twice.
 * @throws {ValueError} a value is not bytes.
 */
export function checkWrite({ conditions, changes }: WriteRequest): WriteRequest {
  for (const { key } of conditions) checkKey(key)
  const keys = new Set<string>()
  const checked = changes.map((change): Change => {
    const { key } = change
    checkKey(key)
    if (keys.has(key)) throw new KeyError(`${JSON.stringify(key)} is changed twice in one write`)
    keys.add(key)
    if (change.op === "delete") return change
    const value = checkBytes(change.value, `the value of ${JSON.stringify(key)}`)
    return value === change.value ? change : { op: "put", key, value }
  })
  return { conditions, changes: checked }
}

/** @throws {KeyError} it is empty, too long, or not whole Unicode. */
export function checkKey(key: string): void {
  if (typeof key !== "string") throw new KeyError(`a key is text, not a ${typeof key}`)
  if (key === "") throw new KeyError("a key is not empty")
  if (!isWellFormed(key))
    throw new KeyError("a key is whole Unicode, without half a surrogate pair")
  if (isLongerThan(key, KEY_BYTES_MAX)) {
    throw new KeyError(`a key has at most ${KEY_BYTES_MAX} bytes`)
  }
}
