import { Agent, request } from "node:https"
import { Readable } from "node:stream"
import type { TlsMaterial } from "./runtime.ts"

/**
 * A `fetch` for Node that trusts a CA and shows a certificate: Node's own takes neither without the
 * package that it is built from.
 *
 * Does what talking to etcd takes: `https:`, a method, headers, a text, a signal. A redirect is an
 * answer like another.
 */
export function httpsFetch(tls: TlsMaterial): typeof fetch {
  const agent = new Agent({ ...tls, keepAlive: true })
  return (input, { method = "GET", headers = {}, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const options = { agent, method, headers: Object.fromEntries(new Headers(headers)) }
      const outgoing = request(String(input), { ...options, ...(signal && { signal }) })
      outgoing.once("response", (incoming) => {
        const answered = new Headers()
        for (const [name, value] of Object.entries(incoming.headers)) {
          for (const one of [value ?? []].flat()) answered.append(name, one)
        }
        const stream = Readable.toWeb(incoming) as unknown as ReadableStream<Uint8Array>
        const status = incoming.statusCode ?? 500
        resolve(new Response(stream, { status, headers: answered }))
      })
      outgoing.once("error", (error) => reject(signal?.aborted ? signal.reason : error))
      outgoing.end(body)
    })
}
