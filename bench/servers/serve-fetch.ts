import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

// Only what this file calls.
declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    fetch(request: Request): Response | Promise<Response>
  }): { port: number }
}
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen(at: { port: number }): void },
    handler: (request: Request) => Response | Promise<Response>,
  ): unknown
}

const HOSTNAME = "127.0.0.1"

/** Answers requests in the way of the web, by the runtime's own server. Bun or Deno. */
export function serveFetch(
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<string> {
  if ("Bun" in globalThis) {
    const { port } = Bun.serve({ hostname: HOSTNAME, port: 0, idleTimeout: 0, fetch })
    return Promise.resolve(urlOf(port))
  }
  return new Promise((resolve) => {
    const onListen = ({ port }: { port: number }) => resolve(urlOf(port))
    Deno.serve({ hostname: HOSTNAME, port: 0, onListen }, (request) => fetch(request))
  })
}

/** Answers requests in the way of `node:http`. */
export function serveNode(
  handler: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer(handler).listen(0, HOSTNAME, () => {
      const address = server.address()
      resolve(urlOf(typeof address === "object" && address ? address.port : 0))
    })
  })
}

/** The body of a request of `node:http` as text. */
export async function bodyOfRequest(request: IncomingMessage): Promise<string> {
  request.setEncoding("utf8")
  let body = ""
  for await (const part of request) body += part
  return body
}

/** True on Node itself, and not on a runtime that looks like it. */
export function isNode(): boolean {
  return !("Bun" in globalThis) && !("Deno" in globalThis)
}

function urlOf(port: number): string {
  return `http://${HOSTNAME}:${port}`
}
