import { RequestError, UnauthenticatedError } from "../errors.ts"
import { isLoopback } from "./host.ts"
import { isOwnOrigin } from "./origin.ts"

/** The cookie that is accepted on any listener: TLS may end at a proxy. */
const SECURE_COOKIE = "__Secure-headwater"

/** The cookie that is accepted where `Host` is loopback. Other local servers get it, too. */
const LOOPBACK_COOKIE = "headwater"

const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"]

/**
 * Returns the token of a request: that of `Authorization: Bearer`, else that of a cookie, else
 * none. A token never stands in a URL.
 *
 * A browser sends cookies for any page, so a cookie counts only for requests of the hub's own pages
 * or of a listed origin; for others it is as if there were none.
 *
 * @param origins listed beside the hub's own.
 * @throws {UnauthenticatedError} `Authorization` has another scheme, or there are two cookies.
 * @throws {RequestError} 403: a write by cookie has no `Origin`.
 */
export function credentialOf(
  { method, headers, url }: Request,
  origins: readonly string[],
): string | undefined {
  const authorization = headers.get("authorization")
  if (authorization !== null) {
    const token = /^bearer +([^\s]+)$/i.exec(authorization)?.[1]
    if (token !== undefined) return token
    throw new UnauthenticatedError("this hub takes Authorization: Bearer, with a token")
  }
  const cookies = headers.get("cookie")
  if (cookies === null) return undefined
  const host = headers.get("host") ?? new URL(url).host
  const token = cookieIn(cookies, isLoopback(host.replace(/:\d+$/, "")))
  if (token === undefined) return undefined
  const origin = headers.get("origin")
  if (origin !== null) {
    return isOwnOrigin(origin, host) || origins.includes(origin) ? token : undefined
  }
  const site = headers.get("sec-fetch-site")
  if (site !== "same-origin" && site !== "none") return undefined
  if (SAFE_METHODS.includes(method)) return token
  throw new RequestError("ERR_FORBIDDEN", "a write by cookie needs the header Origin")
}

// A cookie that a neighbouring subdomain set has the same name, and must not win.
function cookieIn(header: string, isOnLoopback: boolean): string | undefined {
  const found = { [SECURE_COOKIE]: new Set<string>(), [LOOPBACK_COOKIE]: new Set<string>() }
  for (const part of header.split(";")) {
    const at = part.indexOf("=")
    const name = part.slice(0, at).trim()
    if (name !== SECURE_COOKIE && name !== LOOPBACK_COOKIE) continue
    found[name].add(part.slice(at + 1).trim())
  }
  for (const name of [SECURE_COOKIE, LOOPBACK_COOKIE] as const) {
    if (name === LOOPBACK_COOKIE && !isOnLoopback) continue
    const [token, another] = found[name]
    if (another !== undefined) {
      throw new UnauthenticatedError(`the request has two different cookies ${name}`)
    }
    if (token !== undefined) return token
  }
  return undefined
}
