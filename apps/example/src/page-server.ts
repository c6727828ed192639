import { readFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** The routes of the page's server, besides its own files. */
export interface PageHost {
  /** The address of the topic, which the page gets as JSON. */
  readonly settings: () => object
  /** The button: does a round of changes and resolves with what the page shows of it. */
  readonly change: () => Promise<object>
}

/** A server of the page, on loopback. */
export interface PageServer {
  readonly origin: string
  close(): Promise<void>
}

/** Packages that the page imports by name; its import map resolves them to `/modules/`. */
const MODULES = [
  "@headwater/client",
  "@headwater/protocol",
  "@headwater/core",
  "eventsource-parser",
]

const FOLDER = new URL("../page/", import.meta.url)

/** The page's own files, by path. */
const FILES: Readonly<Record<string, URL>> = {
  "/": new URL("index.html", FOLDER),
  "/style.css": new URL("style.css", FOLDER),
  "/follow.js": new URL("page/follow.js", import.meta.url),
  "/rows.js": new URL("page/rows.js", import.meta.url),
  "/stream-count.js": new URL("page/stream-count.js", import.meta.url),
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
}

/** Serves the page. Port 0 takes a free one. Rejects when the port is taken. */
export async function servePage(port: number, host: PageHost): Promise<PageServer> {
  const server = createServer((request, response) => {
    answer(request, response, host).catch((error) => {
      console.error(error)
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  host: PageHost,
): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://page")
  if (pathname === "/settings.json") return sendJson(response, host.settings())
  if (pathname === "/changes" && request.method === "POST") {
    return sendJson(response, await host.change())
  }
  const file = FILES[pathname] ?? moduleAt(pathname)
  const body = file && (await readFile(file).catch(() => undefined))
  if (!file || !body) {
    response.writeHead(404, { "content-type": "text/plain" }).end("not found\n")
    return
  }
  const type = TYPES[file.pathname.split(".").at(-1) ?? ""] ?? "application/octet-stream"
  response.writeHead(200, { "content-type": type, "cache-control": "no-cache" }).end(body)
}

/** The built file of a package: what the page runs is what is published, without a bundler. */
function moduleAt(pathname: string): URL | undefined {
  for (const name of MODULES) {
    const folder = `/modules/${name}/`
    const path = pathname.slice(folder.length)
    if (!pathname.startsWith(folder) || !/^[\w-]+(\/[\w-]+)*\.js$/.test(path)) continue
    return new URL(path, import.meta.resolve(name))
  }
  return undefined
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" })
  response.end(JSON.stringify(value))
}
