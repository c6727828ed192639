import { encodeBase64, isWellFormed, KEY_BYTES_MAX, KeyError } from "@headwater/core"
import { checkKey } from "../check-write.ts"

/** A key of etcd that no topic can show. */
export interface InvalidKey {
  /** The key as text; bytes that are not UTF-8 become U+FFFD. */
  readonly key: string
  readonly reason: string
  /** Base64 of all of it. */
  readonly id: string
}

/** A key of etcd as a topic sees it. */
export type SeenKey =
  | { readonly type: "key"; readonly key: string }
  | ({ readonly type: "invalid" } & InvalidKey)
  /** One of Headwater's own, which no topic shows. */
  | { readonly type: "hidden" }

/**
 * The keys under one prefix of etcd, as a topic names them: without the prefix, as text.
 *
 * Keys under `/headwater/epoch/` are Headwater's own marks: never shown, never written by a topic.
 */
export class KeySpace {
  /** Base64: where the range begins and where it ends, as etcd wants them. */
  readonly rangeStart: string
  readonly rangeEnd: string
  readonly #prefix: Uint8Array

  /** @throws {KeyError} the prefix has half of a surrogate pair. */
  constructor(prefix: string) {
    if (!isWellFormed(prefix)) {
      throw new KeyError("the prefix has half of a surrogate pair; pass well-formed Unicode")
    }
    this.#prefix = utf8.encode(prefix)
    this.rangeStart = encodeBase64(this.#prefix.length > 0 ? this.#prefix : ZERO)
    this.rangeEnd = encodeBase64(endOf(this.#prefix))
  }

  /** Reads a key of etcd. */
  see(bytes: Uint8Array): SeenKey {
    if (startsWith(bytes, HIDDEN)) return { type: "hidden" }
    const own = bytes.subarray(this.#prefix.length)
    if (own.length === 0) return invalid(own, "empty after the prefix")
    if (own.length > KEY_BYTES_MAX) return invalid(own, `longer than ${KEY_BYTES_MAX} bytes`)
    try {
      return { type: "key", key: strict.decode(own) }
    } catch {
      return invalid(own, "not UTF-8")
    }
  }

  /** Writes a key of the topic as etcd's, base64. */
  name(key: string): string {
    checkKey(key)
    const own = utf8.encode(key)
    const bytes = new Uint8Array(this.#prefix.length + own.length)
    bytes.set(this.#prefix)
    bytes.set(own, this.#prefix.length)
    if (startsWith(bytes, HIDDEN)) throw new KeyError("the key is Headwater's own")
    return encodeBase64(bytes)
  }

  /** The first key after a key of etcd, in base64: where the next page begins. */
  after(bytes: Uint8Array): string {
    const next = new Uint8Array(bytes.length + 1)
    next.set(bytes)
    return encodeBase64(next)
  }
}

const utf8 = new TextEncoder()
// Not to take a byte order mark for one: to a key it is a letter like others.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder("utf-8", { ignoreBOM: true })
const HIDDEN = utf8.encode("/headwater/epoch/")
const SHOWN_BYTES = 200
/** As a start the first key that there can be, as an end "no end". */
const ZERO = Uint8Array.of(0)

function invalid(own: Uint8Array, reason: string): SeenKey {
  const key = lenient.decode(own.subarray(0, SHOWN_BYTES))
  return { type: "invalid", key, reason, id: encodeBase64(own) }
}

/** The least bytes above everything that begins with the prefix. */
function endOf(prefix: Uint8Array): Uint8Array {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1
  if (length === 0) return ZERO
  const end = prefix.slice(0, length)
  end[length - 1]! += 1
  return end
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  if (bytes.length < start.length) return false
  for (let at = 0; at < start.length; at++) if (bytes[at] !== start[at]) return false
  return true
}
