import type { MiddlewareHandler } from "hono"
import { RequestError } from "../errors.ts"
import { isLoopback } from "../loopback.ts"

/** Methods that change nothing, for which a foreign page may be the cause. */
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"]

/** What the guard lets through. */
export interface SafetyOptions {
  /** Names under which this hub may be addressed; any when absent. Loopback's own always are. */
  readonly hosts?: readonly string[] | undefined
  /** Origins beside the hub's own from which a page may write. */
  readonly origins: readonly string[]
  /** What somebody without a token may do. */
  readonly anonymous: "read" | "write"
}

/**
 * Keeps web pages of others from using a hub that trusts whoever reaches it.
 *
 *   Host     on loopback it must be loopback's or listed: a page can make any name of its own lead
 *            here (DNS rebinding), and then is of the same origin as the hub
 *   Origin   on a write it must be the hub's own or listed: a browser always sends it
 */
export function safety(options: SafetyOptions): MiddlewareHandler {
  return async ({ req }, next) => {
    const host = req.header("host") ?? new URL(req.url).host
    if (options.hosts !== undefined && !isListed(host, options.hosts)) {
      throw new RequestError("ERR_FORBIDDEN", "this hub is not known by that Host")
    }
    if (!SAFE_METHODS.includes(req.raw.method)) {
      const origin = req.header("origin")
      if (origin !== undefined && !isOwn(origin, host) && !options.origins.includes(origin)) {
        throw new RequestError("ERR_FORBIDDEN", "pages of that Origin cannot write here")
      }
      if (options.anonymous === "read") {
        throw new RequestError("ERR_FORBIDDEN", "without a token, this hub can only be read")
      }
    }
    await next()
  }
}

function isListed(host: string, hosts: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/:\d+$/, "")
  return isLoopback(name) || hosts.includes(name)
}

// The scheme may differ from ours, behind something that ends TLS.
function isOwn(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === host.toLowerCase()
  } catch {
    return false
  }
}
