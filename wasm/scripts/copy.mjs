/** Puts the release build beside the compiled core, for hosts that import `.wasm` files. */
import { copyFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const wasm = dirname(dirname(fileURLToPath(import.meta.url)))
copyFileSync(
  join(wasm, "build/release.wasm"),
  join(wasm, "../packages/core/dist/engine/release.wasm"),
)
