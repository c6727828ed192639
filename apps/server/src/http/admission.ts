import type { MiddlewareHandler } from "hono"
import { RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import { clientAddress } from "./client-address.ts"
import type { IpRange } from "./ip-range.ts"
import { type PeerBindings, peerOf } from "./peer.ts"
import { RequestRate } from "./request-rate.ts"

const addresses = new WeakMap<Request, string>()

/** Returns the address that a request counts for; `undefined` where it is exempt, or not known. */
export function countedAddress(request: Request): string | undefined {
  return addresses.get(request)
}

/**
 * The first look at a request, before any work: finds the address of its client, which then stands
 * in for the peer's everywhere, and bounds the requests of that address per second.
 *
 * @throws {RequestError} 429, with the seconds to wait.
 */
export function admission(hub: Hub, trusted: readonly IpRange[]): MiddlewareHandler {
  const rate = new RequestRate(hub.clock, hub.limits)
  return async (context, next) => {
    const env = context.env as PeerBindings | undefined
    if (trusted.length > 0) {
      const peerAddress = clientAddress(env?.peerAddress, context.req.raw.headers, trusted)
      context.env = { ...env, peerAddress }
    }
    const address = peerOf(context.env as PeerBindings | undefined)
    if (address !== undefined) {
      const waitSeconds = rate.take(address)
      if (waitSeconds !== undefined) throw tooMany(address, waitSeconds, hub)
      addresses.set(context.req.raw, address)
    }
    await next()
  }
}

function tooMany(address: string, waitSeconds: number, { limits }: Hub): RequestError {
  return new RequestError(
    "ERR_TOO_MANY",
    `more than ${limits.requestsPerSecondMax} requests per second come from ${address}: send ` +
      "changes in batches, or ask less often",
    { headers: { "retry-after": String(waitSeconds) } },
  )
}
