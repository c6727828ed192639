/**
 * Compiles the core, debug and release, and writes what the host embeds:
 *
 *   build/release.wasm  →  packages/core/src/engine/wasm-bytes.ts   in hex, the release build
 *   build/debug.wasm    →  packages/core/src/engine/wasm-bytes-debug.ts
 *   assembly/layout.ts  →  packages/core/src/engine/layout.ts       the numbers of the boundary
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import asc from "assemblyscript/asc"

const wasm = dirname(dirname(fileURLToPath(import.meta.url)))
const engine = join(wasm, "../packages/core/src/engine")

for (const target of ["debug", "release"]) {
  process.chdir(wasm)
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target])
  if (error) {
    process.stderr.write(stderr.toString())
    process.exit(1)
  }
}

mkdirSync(engine, { recursive: true })
for (const [target, file] of [
  ["release", "wasm-bytes.ts"],
  ["debug", "wasm-bytes-debug.ts"],
]) {
  const hex = readFileSync(join(wasm, `build/${target}.wasm`)).toString("hex")
  const text = [
    `// Generated from wasm/build/${target}.wasm. Do not edit.`,
    "",
    `/** The ${target} build of the core, in hex. */`,
    "export const wasmHex: string =",
    `  "${hex}"`,
    "",
  ].join("\n")
  writeFileSync(join(engine, file), text)
}

const layout = readFileSync(join(wasm, "assembly/layout.ts"), "utf8")
const constants = [
  ...layout.matchAll(/^(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export const (\w+): \w+ = (\d+)$/gm),
]
const lines = constants.map(
  ([, comment, name, value]) => `${comment ?? ""}export const ${name} = ${value}`,
)
writeFileSync(
  join(engine, "layout.ts"),
  `// Generated from wasm/assembly/layout.ts. Do not edit.\n\n${lines.join("\n")}\n`,
)
