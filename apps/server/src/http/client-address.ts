import { type IpRange, isInside, parseAddress } from "./ip-range.ts"

/** Entries of a header that are looked at, from the right: a chain of proxies is short. */
const HOPS_MAX = 32

/**
 * Returns the address of the client of a request: the peer's, unless the peer is a trusted proxy.
 *
 * A proxy appends the address of its own peer, so the list is read from the right: past each
 * address that is a trusted proxy, to the first that is not. What stands to the left of that is the
 * client's own word. An entry that is no address ends the search at the proxy that wrote it.
 *
 * `X-Forwarded-For` is read if it is there, else `Forwarded` (RFC 7239). A proxy that writes the
 * one must remove the other, or its clients choose their address.
 */
export function clientAddress(
  peer: string | undefined,
  headers: Headers,
  trusted: readonly IpRange[],
): string | undefined {
  if (peer === undefined || trusted.length === 0 || !isInside(trusted, peer)) return peer
  const list = headers.get("x-forwarded-for")
  const hops = list === null ? forwardedFor(headers.get("forwarded") ?? "") : list.split(",")
  let client = peer
  for (const hop of hops.slice(-HOPS_MAX).reverse()) {
    const address = addressIn(hop.trim())
    if (address === undefined) return client
    client = address
    if (!isInside(trusted, address)) return client
  }
  return client
}

/** The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`. */
function addressIn(hop: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1]
  const address = (bracketed ?? hop.replace(/^([\d.]+):\d+$/, "$1")).toLowerCase()
  return parseAddress(address) === undefined ? undefined : address
}

/** The `for` of each element of `Forwarded`; empty text for an element without one. */
function forwardedFor(header: string): string[] {
  return header.split(",").map((element) => {
    const value = /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s]*)/i.exec(element)?.[1] ?? ""
    return value.replace(/^"(.*)"$/, "$1")
  })
}
