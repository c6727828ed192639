/** Bytes that a row of a hex dump shows. */
export const HEX_ROW_BYTES = 16

/** Formats bytes as rows of a hex dump: offset, bytes, and their printable ASCII. */
export function hexRow(bytes: Uint8Array, row: number): string {
  const part = bytes.subarray(row * HEX_ROW_BYTES, (row + 1) * HEX_ROW_BYTES)
  const hex = Array.from(part, hexOf)
  const left = hex.slice(0, 8).join(" ").padEnd(23)
  const right = hex.slice(8).join(" ").padEnd(23)
  const ascii = Array.from(part, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·",
  )
  const offset = (row * HEX_ROW_BYTES).toString(16).padStart(6, "0")
  return `${offset}  ${left}  ${right}  ${ascii.join("")}`
}

/** Encodes bytes in base64, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = ""
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  }
  return btoa(text)
}

/** Decodes base64, white space aside; undefined where it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text.replace(/\s/g, "")), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** Returns the text that bytes are in UTF-8; undefined where they are none. */
export function toText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Returns true for the same bytes. */
export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0")
}
