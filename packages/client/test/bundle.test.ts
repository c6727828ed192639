import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import * as esbuild from "esbuild"
import { build, type Rolldown } from "vite"
import { describe, expect, test } from "vitest"

/** The size of the client in a page, with its parser: bytes, minified and gzipped. */
const BUNDLE_BYTES_MAX = 7_300

const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url))
const conditions = ["@headwater/source", "import"]

// Runtimes bring different gzips, which differ by some percent: Node's zlib is the measure. The
// bundlers run as Node does.
const isNode = !("Deno" in globalThis || "Bun" in globalThis)

const bundlers: Record<string, () => Promise<string>> = {
  async esbuild() {
    const { outputFiles } = await esbuild.build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      conditions,
      write: false,
    })
    expect(outputFiles.length).toBe(1)
    return outputFiles[0]!.text
  },
  async Vite() {
    const { output } = (await build({
      configFile: false,
      logLevel: "silent",
      resolve: { conditions },
      build: {
        write: false,
        modulePreload: false,
        rolldownOptions: { input: entry, preserveEntrySignatures: "strict" },
      },
    })) as Rolldown.RolldownOutput
    expect(output.length).toBe(1)
    return output[0].code
  },
}

describe("the bundle of connect() with its parser", () => {
  test.skipIf(!isNode).each(Object.entries(bundlers))(
    "by %s is small, and has no WebAssembly",
    async (name, bundle) => {
      const code = await bundle()
      const bytes = gzipSync(code, { level: 9 }).length
      console.log(`client, by ${name}: ${code.length} bytes minified, ${bytes} gzipped`)

      expect(code.includes("WebAssembly")).toBe(false)
      expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES_MAX)
    },
  )
})
