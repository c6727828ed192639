import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { describe, expect, test } from "vitest"

const isNode = !("Deno" in globalThis || "Bun" in globalThis)
const root = fileURLToPath(new URL("../../..", import.meta.url))

/** The packages that name no runtime, and their public files. */
const ENTRIES = {
  core: ["index", "engine/index", "engine/debug-build"],
  stream: ["index"],
  cache: ["index"],
  "read-through": ["index", "view/index"],
  protocol: ["index"],
  client: ["index", "write", "source", "store", "store/indexeddb", "read-through/index"],
}

describe("the types of the packages", () => {
  // The compiler runs on Node, whatever runs the tests.
  test.skipIf(!isNode)("compile in a project that has ES2022 and the DOM alone", async () => {
    const flags = [
      ...["--ignoreConfig", "--noEmit", "--strict", "--types", "", "--target", "ES2022"],
      ...["--lib", "ES2022,DOM,DOM.Iterable,DOM.AsyncIterable", "--module", "NodeNext"],
      ...["--customConditions", "@headwater/source", "--allowImportingTsExtensions"],
    ]
    const files = Object.entries(ENTRIES).flatMap(([name, entries]) =>
      entries.map((entry) => `packages/${name}/src/${entry}.ts`),
    )
    const tsc = "node_modules/typescript/bin/tsc"
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, ...flags, ...files], {
      cwd: root,
    }).catch((error: { stdout: string }) => error)

    expect(stdout).toBe("")
  })

  // Without `preserve` the compiler leaves the reference out of the published declarations.
  test("keep their references to a library when they are published", () => {
    const lost = Object.keys(ENTRIES).flatMap((name) => {
      const folder = `${root}/packages/${name}/src`
      return readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .filter((path) => {
          const text = readFileSync(`${folder}/${path}`, "utf8")
          return /^\/\/\/ <reference lib="[^"]*" *\/>/m.test(text)
        })
        .map((path) => `packages/${name}/src/${path}`)
    })

    expect(lost).toEqual([])
  })
})
