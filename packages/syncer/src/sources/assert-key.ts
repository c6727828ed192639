import { KEY_BYTES_MAX, KeyError } from "@headwater/core"

const utf8 = new TextEncoder()
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * What a source that we write ourselves takes for a key.
 *
 * @throws {KeyError} it is empty, too long, or not Unicode.
 */
export function assertKey(key: string): void {
  const bytes = utf8.encode(key).byteLength
  if (bytes === 0) throw new KeyError("a key is not empty")
  if (LONE_SURROGATE.test(key)) throw new KeyError("a key is whole Unicode")
  if (bytes > KEY_BYTES_MAX) throw new KeyError(`a key has at most ${KEY_BYTES_MAX} bytes`)
}
