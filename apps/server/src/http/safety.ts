import type { MiddlewareHandler } from "hono"
import { RequestError } from "../errors.ts"
import { forwardingHeaderIn } from "./forwarding.ts"
import { isLoopback } from "./host.ts"
import { isOwnOrigin } from "./origin.ts"

/** Methods that change nothing: a request of a foreign page with one of them is harmless. */
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS", "QUERY"]

/** The requests that the guard lets through. */
export interface SafetyOptions {
  /** Names under which this hub may be addressed; any when absent. Loopback's own always are. */
  readonly hosts?: readonly string[] | undefined
  /** Origins beside the hub's own from which a page may write. */
  readonly origins: readonly string[]
  /** Refuses writes whose headers show that a proxy passed them on. */
  readonly refuseForwardedWrites: boolean
}

/**
 * Guards a hub against foreign web pages, and against strangers that a proxy on this
 * machine lets in.
 *
 *   Host        on loopback it must be loopback's or listed: a page can point a name of its own to
 *               this hub (DNS rebinding), and then has the same origin as the hub
 *   Origin      on a write it must be the hub's own or listed: a browser always sends it
 *   Forwarded,  on a write to a hub on loopback whose access was not chosen: refused, as the
 *   Via, …      peer is a proxy, and the client may be anywhere
 */
export function safety(options: SafetyOptions): MiddlewareHandler {
  const hosts = options.hosts?.map((name) => name.toLowerCase())
  return async ({ req }, next) => {
    const host = req.header("host") ?? new URL(req.url).host
    if (hosts !== undefined && !isListed(host, hosts)) {
      throw forbidden(
        `this hub does not answer to Host ${JSON.stringify(host)}: use localhost, or start the ` +
          "hub with --allow-host NAME",
      )
    }
    if (!SAFE_METHODS.includes(req.raw.method)) {
      const origin = req.header("origin")
      if (origin !== undefined && !isOwnOrigin(origin, host) && !options.origins.includes(origin)) {
        throw forbidden(
          `pages of origin ${JSON.stringify(origin)} cannot write here: start the hub with ` +
            "--cors ORIGIN to allow one",
        )
      }
      const isWrite = !/\/v1\/stream$/.test(req.path)
      const proof = isWrite && options.refuseForwardedWrites && forwardingHeaderIn(req.raw.headers)
      if (proof) {
        throw forbidden(
          `this write came through a proxy (it has the header ${proof}), and access to this hub ` +
            "was not chosen: start it with --allow-anonymous read or write",
        )
      }
    }
    await next()
  }
}

function forbidden(message: string): RequestError {
  return new RequestError("ERR_FORBIDDEN", message)
}

function isListed(host: string, hosts: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/:\d+$/, "")
  return isLoopback(name) || hosts.includes(name)
}
