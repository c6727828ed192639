import type { Hono } from "hono"
import type { Assets } from "../../dashboard/assets.ts"
import { pageHtml } from "../../dashboard/page-html.ts"
import { RequestError } from "../../errors.ts"
import type { Hub } from "../../hub.ts"
import { allow } from "./allow.ts"

/** What the page at `/` is made of. */
export interface PageOptions {
  /** The modules that the page loads. */
  readonly assets: Assets
}

/** `GET /`: a page that follows the first topic with the client, and the modules it is made of. */
export function pageRoutes(app: Hono, hub: Hub, { assets }: PageOptions): void {
  app.get("/", () => {
    const nonce = crypto.randomUUID()
    const names = hub.topics.map(({ name }) => name)
    return new Response(pageHtml(names, assets.importMap, nonce), {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy":
          `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      },
    })
  })
  app.all("/", allow("GET", "HEAD"))
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
