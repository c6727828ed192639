import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"
import { describe, expect, test } from "vitest"

/** What the client may weigh in a page, with its parser: bytes, minified and gzipped. */
const BUNDLE_BYTES_MAX = 6_000

// Runtimes bring different gzips, which differ by some percent: Node's zlib is the measure.
const isNode = !("Deno" in globalThis || "Bun" in globalThis)

describe("the bundle", () => {
  test.skipIf(!isNode)(
    "of connect() with its parser is small, and has no WebAssembly",
    async () => {
      const bundle = await rolldown({
        input: fileURLToPath(new URL("../src/index.ts", import.meta.url)),
        resolve: { conditionNames: ["@headwater/source", "import"] },
        platform: "browser",
        logLevel: "silent",
      })
      const { output } = await bundle.generate({ format: "esm", minify: true, comments: false })
      await bundle.close()
      const [{ code }] = output
      const bytes = gzipSync(code, { level: 9 }).length
      console.log(`client bundle: ${code.length} bytes minified, ${bytes} gzipped`)

      expect(output.length).toBe(1)
      expect(code.includes("WebAssembly")).toBe(false)
      expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES_MAX)
    },
  )
})
