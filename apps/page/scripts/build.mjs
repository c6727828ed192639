/**
 * Writes the page's files to `apps/server/dist/www/`, from where the hub serves them: they are a
 * part of the package `@headwater/server`.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { bundle } from "./bundle.mjs"

const folder = fileURLToPath(new URL("../../server/dist/www/", import.meta.url))

const files = await bundle()
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
let bytes = 0
for (const [name, text] of files) {
  writeFileSync(`${folder}${name}`, text)
  bytes += gzipSync(text, { level: 9 }).length
}
console.log(`the page: ${files.size} files, ${bytes} bytes in gzip`)
