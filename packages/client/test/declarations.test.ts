import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "vitest"

const isNode = !("Deno" in globalThis || "Bun" in globalThis)
const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// The compiler runs on Node, whatever runs the tests.
test.skipIf(!isNode)(
  "the types compile in a project that has ES2022 and the DOM alone",
  async () => {
    const flags = [
      ...["--ignoreConfig", "--noEmit", "--strict", "--types", "", "--target", "ES2022"],
      ...["--lib", "ES2022,DOM,DOM.Iterable,DOM.AsyncIterable", "--module", "NodeNext"],
      ...["--customConditions", "@headwater/source", "--allowImportingTsExtensions"],
    ]
    const entries = ["index", "write", "source", "store", "read-through/index"]
    const files = entries.map((name) => pathOf(`../src/${name}.ts`))
    const tsc = pathOf("../../../node_modules/typescript/bin/tsc")
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, ...flags, ...files]).catch(
      (error: { stdout: string }) => error,
    )

    expect(stdout).toBe("")
  },
)
