/**
 * Returns true for the origin of the hub's own pages, as far as `Host` tells. The scheme may
 * differ: a proxy may have ended TLS.
 */
export function isOwnOrigin(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === host.toLowerCase()
  } catch {
    return false
  }
}
