import type { Context } from "hono"
import { RequestError, UnauthenticatedError } from "../errors.ts"
import { sessionOf } from "./authenticate.ts"
import { forwardingHeaderIn } from "./forwarding.ts"
import { isLoopback } from "./host.ts"
import { isLoopbackPeer, type PeerBindings } from "./peer.ts"

/**
 * Returns true if the request may use the resources for operators: readers with their addresses,
 * draining, metrics.
 *
 * Where access is configured, an identity with `admin` may. Else only a peer on this machine may,
 * under a `Host` of loopback and without a header of a proxy: either of the latter shows that a
 * proxy on this machine passed the request on, and its client may be anywhere. A mounted app does
 * not know its peer, so it refuses.
 */
export function mayAdminister({ req, env }: Context): boolean {
  const { admin, isUnguarded } = sessionOf(req.raw)
  if (!isUnguarded) return admin
  const host = req.header("host") ?? new URL(req.url).host
  return (
    isLoopbackPeer(env as PeerBindings | undefined) &&
    isLoopback(host.replace(/:\d+$/, "")) &&
    forwardingHeaderIn(req.raw.headers) === undefined
  )
}

/** @throws {UnauthenticatedError | RequestError} the resources for operators are not for it. */
export function requireAdmin(context: Context): void {
  if (mayAdminister(context)) return
  const { isUnguarded, isAnonymous } = sessionOf(context.req.raw)
  if (!isUnguarded && isAnonymous) {
    throw new UnauthenticatedError("this resource is for operators: it needs a token", false)
  }
  if (!isUnguarded) {
    throw new RequestError("ERR_FORBIDDEN", "this resource is for operators: admin is not granted")
  }
  throw new RequestError(
    "ERR_FORBIDDEN",
    "this resource is for operators: ask for it on the hub's own machine, by a loopback address " +
      "and without a proxy",
  )
}
