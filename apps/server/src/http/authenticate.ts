import { assert } from "@headwater/core"
import type { MiddlewareHandler } from "hono"
import type { Access } from "../access/access.ts"
import type { Session } from "../access/session.ts"
import { NotReadyError } from "../errors.ts"
import { faultStream } from "../event-stream/fault-stream.ts"
import type { Hub } from "../hub.ts"
import { credentialOf } from "./credential.ts"

// Not a variable of Hono's context: a mounted app shares those with the app around it.
const sessions = new WeakMap<Request, Session>()

/** Returns the session of a request; every route for which `authenticate` runs has one. */
export function sessionOf(request: Request): Session {
  const session = sessions.get(request)
  assert(session !== undefined, "a route that looks at grants is authenticated")
  return session
}

/** Returns the session of a request; `undefined` where it was refused, or none was looked for. */
export function knownSessionOf(request: Request): Session | undefined {
  return sessions.get(request)
}

/**
 * Finds the session of each request, or refuses the request. When the hub cannot decide now, an
 * event stream is told so by a frame: a browser's `EventSource` would never come back after a 503.
 *
 * @param origins listed beside the hub's own; see `credentialOf`.
 */
export function authenticate(
  hub: Hub,
  access: Access,
  origins: readonly string[],
): MiddlewareHandler {
  return async ({ req }, next) => {
    const request = req.raw
    try {
      const credential = access.takesTokens ? credentialOf(request, origins) : undefined
      const found = access.authenticate(request, credential)
      sessions.set(request, found instanceof Promise ? await found : found)
    } catch (error) {
      if (!(error instanceof NotReadyError) || !isStream(request)) throw error
      hub.rareLog("a request could not be authenticated", { error })
      return faultStream(error, hub.random)
    }
    return next()
  }
}

function isStream({ method, url }: Request): boolean {
  return method === "GET" && /\/stream$/.test(url.split(/[?#]/, 1)[0]!)
}
