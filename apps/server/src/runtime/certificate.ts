import { createPrivateKey, X509Certificate } from "node:crypto"
import type { Certificate } from "./runtime.ts"

/**
 * Checks that a certificate can be shown: both parts are PEM, and the key belongs to the
 * certificate. Returns when it expires, in ms since 1970. Here, since the TLS of one runtime takes
 * a key that does not fit.
 *
 * @throws {TypeError} with the reason.
 */
export function checkCertificate({ cert, key }: Certificate): number {
  const parsed = parse("the certificate", () => new X509Certificate(cert))
  const secret = parse("the key", () => createPrivateKey(key))
  if (!parsed.checkPrivateKey(secret)) {
    throw new TypeError("the key does not belong to the certificate")
  }
  return Date.parse(parsed.validTo)
}

function parse<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new TypeError(`${what} cannot be read as PEM: ${(error as Error).message}`)
  }
}
