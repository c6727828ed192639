import { VALUE_HEADERS } from "@headwater/protocol"
import type { Hono } from "hono"
import { RequestError } from "../../errors.ts"
import { acceptsGzip } from "../../event-stream/gzip/accepts-gzip.ts"
import type { PageAssets, PageFile } from "../../page/page-assets.ts"
import { allow } from "./allow.ts"

/** Options of the page at `/`. */
export interface PageOptions {
  /** The files of the page: `pageAssets` returns them as they are installed. */
  readonly assets: PageAssets
}

/** The page runs the hub's own script and style, talks to the hub alone, and is never framed. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
}

/** A script of the page runs under its policy; that of a shared worker has this one. */
const ASSET_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; connect-src 'self'",
  "x-content-type-options": "nosniff",
}

/**
 * `GET /`: the page, and its files at `/assets/{name}`.
 *
 * The page reads every fact from the hub's other resources, so a reader without a grant may have
 * the page, and sees none. Its addresses are relative: it works under any path.
 */
export function pageRoutes(app: Hono, { assets }: PageOptions): void {
  app.get("/", async ({ req }) => {
    const page = await assets.read("index.html")
    if (page === undefined) {
      throw new RequestError(
        "ERR_NOT_IMPLEMENTED",
        "the page has not been built: run npm run build, then load it again; the hub itself works",
      )
    }
    const text = page.text.replaceAll("{{assets}}", assetsPath(req.url))
    return fileResponse({ ...page, text }, req.raw, PAGE_HEADERS)
  })
  app.all("/", allow("GET", "HEAD"))
  app.get("/assets/:name", async ({ req }) => {
    const name = req.param("name")
    const file = name === "index.html" ? undefined : await assets.read(name)
    if (file === undefined) throw new RequestError("ERR_NOT_FOUND", "no such resource")
    return fileResponse(file, req.raw, ASSET_HEADERS)
  })
  app.all("/assets/:name", allow("GET", "HEAD"))
  // Browsers ask for the .ico of every other address of a hub, such as a value, by themselves.
  for (const path of ["/favicon.svg", "/favicon.ico"]) {
    app.get(path, async ({ req }) => {
      const icon = await assets.read("icon.svg")
      if (icon === undefined) throw new RequestError("ERR_NOT_FOUND", "no such resource")
      return fileResponse(icon, req.raw, VALUE_HEADERS)
    })
    app.all(path, allow("GET", "HEAD"))
  }
}

// Seen from `/live`, where an app is mounted, the files are at `live/assets/`.
function assetsPath(url: string): string {
  const last = new URL(url).pathname.split("/").at(-1)
  return last ? `${last}/assets/` : "assets/"
}

async function fileResponse(
  { text, contentType }: PageFile,
  request: Request,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const etag = await etagOf(text)
  const known = {
    ...headers,
    "content-type": contentType,
    "cache-control": "no-cache",
    vary: "accept-encoding",
    etag,
  }
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers: known })
  }
  if (!acceptsGzip(request.headers.get("accept-encoding") ?? undefined)) {
    return new Response(text, { headers: known })
  }
  const body = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))
  return new Response(body, { headers: { ...known, "content-encoding": "gzip" } })
}

async function etagOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"))
  return `W/"${hex.join("").slice(0, 24)}"`
}
