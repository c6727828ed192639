import { createHash } from "node:crypto"

/** Bytes of randomness in a token: 256 bits, so that a plain SHA-256 of it needs no salt. */
const TOKEN_BYTES = 32

/** A text shorter than this may be guessed from its digest, and is not hashed. */
export const TOKEN_LENGTH_MIN = 32

/** A longer credential is refused before it is hashed. */
export const TOKEN_BYTES_MAX = 8_192

/** Returns a new token: 43 characters of base64url, from the platform's secure randomness. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")
}

/** Returns the SHA-256 of a token, in lower-case hex, as a token file lists it. */
export function digestOf(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex")
}
