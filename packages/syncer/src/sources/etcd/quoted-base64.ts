/** A reading position in a source, and a writing position in a target. */
export interface ByteCursor {
  at: number
  used: number
}

/**
 * Decodes base64 with padding, as it stands in JSON: from its first quote to behind its last.
 *
 * @returns whether it was any. If not, the cursor is where it was.
 */
export function decodeQuotedBase64(
  source: Uint8Array,
  target: Uint8Array,
  cursor: ByteCursor,
): boolean {
  let from = cursor.at + 1
  let at = cursor.used
  // A quote follows the last four.
  for (const last = source.length - 5; from <= last; from += 4) {
    const a = DIGITS[source[from]!]!
    const b = DIGITS[source[from + 1]!]!
    const c = DIGITS[source[from + 2]!]!
    const d = DIGITS[source[from + 3]!]!
    if ((a | b | c | d) > 63) break
    target[at] = (a << 2) | (b >> 4)
    target[at + 1] = (b << 4) | (c >> 2)
    target[at + 2] = (c << 6) | d
    at += 3
  }
  if (source[from] !== QUOTE) {
    const a = DIGITS[source[from] ?? QUOTE]!
    const b = DIGITS[source[from + 1] ?? QUOTE]!
    const c = source[from + 2] === PAD ? 0 : DIGITS[source[from + 2] ?? QUOTE]!
    if ((a | b | c) > 63 || source[from + 3] !== PAD || source[from + 4] !== QUOTE) return false
    target[at++] = (a << 2) | (b >> 4)
    if (source[from + 2] !== PAD) target[at++] = (b << 4) | (c >> 2)
    from += 4
  }
  cursor.at = from + 1
  cursor.used = at
  return true
}

const QUOTE = 0x22
const PAD = 0x3d

/** The value of each character; 64 for a character that is no digit. */
const DIGITS = new Uint8Array(256).fill(64)
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
for (let digit = 0; digit < 64; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit
