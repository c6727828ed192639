/** The modules of the page: which name leads to which path, and what is there. */
export interface Assets {
  /** For `<script type="importmap">`: package name → path on this hub. */
  readonly importMap: Readonly<Record<string, string>>

  /** A module by its path below `/assets/`; `undefined` when there is none. */
  read(path: string): Promise<string | undefined>
}

/** What the page imports, each by the name under which it is installed. */
const PACKAGES = ["@headwater/client", "@headwater/protocol", "@headwater/core"] as const

/** A path of a module: nothing that leads out of its folder. */
const MODULE_PATH = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\.js$/

/** What `assetsFrom` needs of the machine. */
export interface AssetsHost {
  /** The `file:` URL that an import of `specifier` leads to. Throws where there is none. */
  resolve(specifier: string): string
  readText(url: URL): Promise<string>
}

/**
 * Serves the modules as they are installed: no bundle, so that what the page runs is what is
 * published. Only files in the folder of a package's entry are served.
 *
 * Before the first build there are none, and the page says so.
 */
export function assetsFrom(host: AssetsHost): Assets {
  const folders = new Map<string, URL>([["page", new URL("./", import.meta.url)]])
  const importMap: Record<string, string> = {}
  for (const specifier of PACKAGES) {
    let entry: URL
    try {
      entry = new URL(host.resolve(specifier))
    } catch {
      continue
    }
    const file = entry.pathname.slice(entry.pathname.lastIndexOf("/") + 1)
    if (!MODULE_PATH.test(file)) continue // TypeScript: nothing has been built.
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
        return await host.readText(new URL(file, base))
      } catch {
        return undefined
      }
    },
  }
}
