import { readFile } from "node:fs/promises"
import { gzipSync } from "node:zlib"
import { describe, expect, test } from "vitest"
// @ts-expect-error: a script without types.
import { bundle } from "../scripts/bundle.mjs"

/** All files of the page together: bytes, gzipped. */
const PAGE_BYTES_MAX = 60_000

// The bundler runs as Node does, and Node's gzip is the measure.
const isNode = !("Deno" in globalThis || "Bun" in globalThis)

describe.skipIf(!isNode)("the bundle of the page", () => {
  test("is small, and loads nothing from elsewhere", async () => {
    const files: ReadonlyMap<string, string> = await bundle()
    const sizes = [...files.values()].map((text) => gzipSync(text, { level: 9 }).length)
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    console.log(`the page: ${bytes} bytes gzipped`)

    expect([...files.keys()].sort()).toEqual([
      "icon.svg",
      "index.html",
      "page.css",
      "page.js",
      "worker.js",
    ])
    expect(bytes).toBeLessThanOrEqual(PAGE_BYTES_MAX)
    expect(files.get("index.html")).not.toMatch(/https?:|<style|<script>|style=|\bon\w+=/)
    expect(files.get("page.css")).not.toMatch(/url\(|@import|https?:/)
    expect(
      /\beval\(|new Function|\bimport\(|https?:\/\/(?!www\.w3\.org)/.test(files.get("page.js")!),
    ).toBe(false)
  })

  test("is what the build has written for the hub", async () => {
    const files: ReadonlyMap<string, string> = await bundle()
    const folder = new URL("../../server/dist/www/", import.meta.url)
    for (const [name, text] of files) {
      const written = await readFile(new URL(name, folder), "utf8").catch(() => "not built")
      expect([name, written === text]).toEqual([name, true])
    }
  })
})
