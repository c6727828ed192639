import { checkOptions, functionRule, type OptionRules, required } from "@headwater/core"

/** Modules of the page: the paths of packages, and the text at a path. */
export interface Assets {
  /** Package name → path on this hub, for `<script type="importmap">`. */
  readonly importMap: Readonly<Record<string, string>>

  /** Reads a module by its path below `/assets/`; `undefined` when there is none. */
  read(path: string): Promise<string | undefined>
}

/** Packages that the page imports, by the names under which they are installed. */
const PACKAGES = ["@headwater/client", "@headwater/protocol", "@headwater/core"] as const

/** A path of a module that stays inside its folder. */
const MODULE_PATH = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\.js$/

/** Access of `assetsFrom` to installed files. */
export interface AssetsContext {
  /** Returns the `file:` URL that an import of `specifier` leads to. Throws when there is none. */
  resolve(specifier: string): string
  /** Reads a file. Rejects when it cannot be read. */
  readText(url: URL): Promise<string>
}

const RULES: OptionRules<AssetsContext> = {
  resolve: required(functionRule),
  readText: required(functionRule),
}

/**
 * Returns the modules of the page as they are installed: there is no bundle, so that the page runs
 * the published code. Only files in the folder of a package's entry are served.
 *
 * Before the first build there are none, and the page says so.
 */
export function assetsFrom(context: AssetsContext): Assets {
  checkOptions("assetsFrom", context, RULES)
  const folders = new Map<string, URL>([["page", new URL("./", import.meta.url)]])
  const importMap: Record<string, string> = {}
  for (const specifier of PACKAGES) {
    let entry: URL
    try {
      entry = new URL(context.resolve(specifier))
    } catch {
      continue
    }
    const file = entry.pathname.slice(entry.pathname.lastIndexOf("/") + 1)
    if (!MODULE_PATH.test(file)) continue // TypeScript: the package is not built.
    const folder = specifier.replace(/^@/, "").replaceAll("/", "-")
    folders.set(folder, new URL("./", entry))
    importMap[specifier] = `/assets/${folder}/${file}`
  }
  return {
    importMap,
    async read(path) {
      const [folder = "", ...rest] = path.split("/")
      const base = folders.get(folder)
      const file = rest.join("/")
      if (base === undefined || !MODULE_PATH.test(file)) return undefined
      try {
        return await context.readText(new URL(file, base))
      } catch {
        return undefined
      }
    },
  }
}
