import { KeyError } from "@headwater/core"
import { RequestError } from "../errors.ts"

/**
 * Checks the target of a request, as it stands in its first line.
 *
 * `URL` and the servers of some runtimes repair a target before a handler sees it: they take `\`
 * for `/`, resolve dot segments and replace bytes that are not UTF-8. Then a request writes another
 * entry than the one it names. What would be repaired is refused instead.
 *
 * @throws {KeyError | RequestError} 400, with what to send instead.
 */
export function checkTarget(raw: string): void {
  if (!/^(?:\/|https?:\/\/[^/?#\\]+\/)/i.test(raw)) {
    throw invalid("a request target is a path that begins with /, or a URL of http")
  }
  if (!/^[!-~]*$/.test(raw)) throw invalid("a request target is ASCII: percent-encode its bytes")
  if (raw.includes("#")) throw invalid("a request target has no fragment: write %23 for #")
  const [path = ""] = raw.split("?", 1)
  if (path.includes("\\")) throw invalid("a path has no backslash: write %5C")
  if (path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) {
    throw new KeyError("a path cannot carry this key: use entry?key=")
  }
}

/**
 * Checks that a request names one host at most: HTTP/2 has `:authority` in place of `Host`, and may
 * have both. @throws {RequestError} 400.
 */
export function checkHost(rawHeaders: readonly string[]): void {
  const hosts: string[] = []
  let authority: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (name === "host") hosts.push(rawHeaders[at + 1]!)
    if (name === ":authority") authority = rawHeaders[at + 1]
  }
  if (hosts.length > 1) throw invalid("a request has one Host")
  if (authority !== undefined && hosts.length === 1 && hosts[0] !== authority) {
    throw invalid("Host and :authority of a request are the same")
  }
}

function invalid(message: string): RequestError {
  return new RequestError("ERR_REQUEST_INVALID", message)
}
