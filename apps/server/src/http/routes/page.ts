import { VALUE_HEADERS } from "@headwater/protocol"
import type { Hono } from "hono"
import type { Assets } from "../../dashboard/assets.ts"
import { ICON_SVG, pageHtml } from "../../dashboard/page-html.ts"
import { RequestError } from "../../errors.ts"
import type { Hub } from "../../hub.ts"
import { allow } from "./allow.ts"

/** Options of the page at `/`. */
export interface PageOptions {
  /** Modules that the page loads. */
  readonly assets: Assets
}

/** `GET /`: a page that follows a topic with the client; its modules, and its icon. */
export function pageRoutes(app: Hono, hub: Hub, { assets }: PageOptions): void {
  app.get("/", () => {
    const nonce = crypto.randomUUID()
    return new Response(pageHtml(hub.topics, assets.importMap, nonce), {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy":
          `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
          "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; " +
          "frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      },
    })
  })
  app.all("/", allow("GET", "HEAD"))
  // Browsers ask for the .ico of every other address of a hub, such as a value, by themselves.
  for (const path of ["/favicon.svg", "/favicon.ico"]) {
    app.get(path, () => {
      const headers = { "content-type": "image/svg+xml", "cache-control": "max-age=86400" }
      return new Response(ICON_SVG, { headers: { ...headers, ...VALUE_HEADERS } })
    })
    app.all(path, allow("GET", "HEAD"))
  }
  app.get("/assets/:path{.+}", async ({ req }) => {
    const text = await assets.read(req.param("path"))
    if (text === undefined) throw new RequestError("ERR_NOT_FOUND", "no such resource")
    return new Response(text, {
      headers: {
        "content-type": "text/javascript; charset=utf-8",
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
      },
    })
  })
}
