/**
 * Names of hosts, as they stand in a URL or in the `Host` header.
 *
 * @module
 */

/** Returns true if only this machine can reach a name: `localhost`, `127.0.0.0/8` or `::1`. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1")
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(name)
  )
}

/** Returns true for a host without a port: a name, an IPv4 address, or `[IPv6]`. */
export function isHostname(text: unknown): boolean {
  return typeof text === "string" && /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]]+)$/.test(text)
}
