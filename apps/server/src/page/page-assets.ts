import { checkOptions, functionRule, type OptionRules, required } from "@headwater/core"

/** A file of the page at `/`. */
export interface PageFile {
  readonly text: string
  readonly contentType: string
}

/** The files of the page at `/`, by name. */
export interface PageAssets {
  /** `undefined` when the page has no file of that name, or has not been built. */
  read(name: string): Promise<PageFile | undefined>
}

/** Access of `pageAssets` to installed files. */
export interface PageAssetsContext {
  /** Reads a file. Rejects when it cannot be read. */
  readText(url: URL): Promise<string>
}

const RULES: OptionRules<PageAssetsContext> = { readText: required(functionRule) }

/** The files that the build of `apps/page` writes; nothing else is served. */
const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ["index.html", "text/html; charset=utf-8"],
  ["page.js", "text/javascript; charset=utf-8"],
  ["worker.js", "text/javascript; charset=utf-8"],
  ["page.css", "text/css; charset=utf-8"],
  ["icon.svg", "image/svg+xml"],
])

/** Their folder, seen from `src/page/` and from `dist/page/` alike. */
const FOLDER = new URL("../../dist/www/", import.meta.url)

/** Returns the files of the page as they are installed beside this module. */
export function pageAssets(context: PageAssetsContext): PageAssets {
  checkOptions("pageAssets", context, RULES)
  return {
    async read(name) {
      const contentType = CONTENT_TYPES.get(name)
      if (contentType === undefined) return undefined
      try {
        return { text: await context.readText(new URL(name, FOLDER)), contentType }
      } catch {
        return undefined // Before the first build.
      }
    },
  }
}
