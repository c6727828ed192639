// Decoders keep a leading U+FEFF: it is a character of the key or value, not a mark. One that takes
// `new TextDecoder()` for text of this system loses it.
const encoder = /* @__PURE__ */ new TextEncoder()
const lenient = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true })
const strict = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true, fatal: true })

/** Encodes a text as UTF-8. Half of a surrogate pair becomes U+FFFD: see `isWellFormed`. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text)
}

/** Decodes UTF-8. A leading U+FEFF stays; bytes that are not UTF-8 become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return lenient.decode(bytes)
}

/** Decodes UTF-8; `undefined` when the bytes are anything else. A leading U+FEFF stays. */
export function readUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** A decoder for UTF-8 that arrives in pieces: `decode(piece, { stream: true })`. */
export function utf8Decoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true })
}

/** True when a text has no lone surrogate, so that UTF-8 keeps it as it is. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text)
}

const LONE_SURROGATE = /\p{Surrogate}/u

/** True when a text takes more than `bytesMax` bytes of UTF-8. */
export function isLongerThan(text: string, bytesMax: number): boolean {
  // A code unit takes 1 to 3 bytes.
  if (text.length > bytesMax) return true
  return text.length * 3 > bytesMax && encoder.encode(text).length > bytesMax
}
