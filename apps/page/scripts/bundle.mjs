import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as esbuild from "esbuild"

const source = (name) => fileURLToPath(new URL(`../src/${name}`, import.meta.url))

/**
 * Bundles the page: the files that the hub serves, as name and text, in memory.
 *
 * The client is bundled from its sources, so that the page needs no other build. The query of an
 * address in `index.html` is the hash of the file, so that a new build is a new address.
 */
export async function bundle() {
  const { outputFiles } = await esbuild.build({
    entryPoints: {
      page: source("main.tsx"),
      worker: source("worker.ts"),
      style: source("style/style.css"),
    },
    outdir: "/",
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: ["chrome123", "firefox128", "safari17.5"],
    conditions: ["@headwater/source", "import"],
    jsx: "automatic",
    jsxImportSource: "preact",
    tsconfigRaw: "{}",
    legalComments: "none",
    write: false,
  })
  const files = new Map([["icon.svg", readFileSync(source("icon.svg"), "utf8")]])
  for (const { path, text } of outputFiles) {
    files.set(path.split(/[\\/]/).at(-1).replace("style.css", "page.css"), text)
  }
  const html = readFileSync(source("index.html"), "utf8").replace(
    /(?<=")([\w.]+)(?=\?hash")/g,
    (name) => `{{assets}}${name}`,
  )
  const named = html.replace(/\{\{assets\}\}([\w.]+)\?hash/g, (address, name) =>
    address.replace("?hash", `?${hashOf(files.get(name))}`),
  )
  return files.set("index.html", named)
}

function hashOf(text) {
  return createHash("sha256").update(text).digest("hex").slice(0, 12)
}
