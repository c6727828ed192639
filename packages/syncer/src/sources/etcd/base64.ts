/** Base64 with padding, as etcd's JSON gateway writes bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = ""
  // In slices: each byte becomes an argument, and a call takes only so many.
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(start, start + SLICE_BYTES))
  }
  return btoa(binary)
}

/**
 * The bytes of well-formed base64 with padding. Not `atob`: it makes a string of them first, and
 * costs thrice as much on the values of a large list.
 */
export function decodeBase64(text: string): Uint8Array {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  for (let from = 0, to = 0; from < text.length; from += 4, to += 3) {
    const bits =
      (digitAt(text, from) << 18) |
      (digitAt(text, from + 1) << 12) |
      (digitAt(text, from + 2) << 6) |
      digitAt(text, from + 3)
    // A write beyond the end of a typed array is ignored: that is what the padding leads to.
    bytes[to] = bits >> 16
    bytes[to + 1] = bits >> 8
    bytes[to + 2] = bits
  }
  return bytes
}

const SLICE_BYTES = 8_192
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
const DIGITS = new Uint8Array(128)
for (let digit = 0; digit < ALPHABET.length; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit

function digitAt(text: string, index: number): number {
  return DIGITS[text.charCodeAt(index)] ?? 0
}
