import { describe, expect, test } from "vitest"
import { findBadOpenings } from "./comments.ts"
import { findCycles } from "./cycles.ts"
import { findBannedComments, findBannedText, findForeignWords, readGlossary } from "./glossary.ts"
import {
  findExportFaults,
  findManifestFaults,
  findUndeclared,
  findUnused,
  indexPathsOf,
  type Manifest,
} from "./manifest.ts"
import { findForbiddenGlobals } from "./platform.ts"
import { findLostPromises } from "./promises.ts"
import { findUndocumented } from "./public-names.ts"
import { findUpwardImports } from "./rooms.ts"
import { toSourceFile } from "./source-file.ts"
import { findForbiddenSyntax, findLongFunctions } from "./syntax.ts"
import {
  findBadNames,
  findLongText,
  findMachinery,
  findTightLimits,
  findUnfinished,
} from "./text.ts"
import { findSharedNames } from "./type-names.ts"
import { findForbiddenImports, reachOf, unitOf } from "./units.ts"

// Each rule finds what it is there to find, and passes what it looks like.

describe("imports", () => {
  const forbidden = (path: string, text: string) => findForbiddenImports(toSourceFile(path, text))

  test("reachOf() follows the arrows to their end", () => {
    expect([...reachOf("client")].sort()).toEqual(["core", "protocol"])
    expect([...reachOf("cache")].sort()).toEqual(["core", "core/engine", "stream"])
    expect(reachOf("core").size).toBe(0)
  })

  test("unitOf() tells the engine from the rest of core", () => {
    expect(unitOf("packages/core/src/engine/trie.ts")).toBe("core/engine")
    expect(unitOf("packages/core/src/clock.ts")).toBe("core")
    expect(unitOf("apps/server/src/app.ts")).toBe("server")
    expect(unitOf("tools/start.mjs")).toBeUndefined()
  })

  test("an arrow the wrong way is found, whatever its spelling", () => {
    const path = "packages/protocol/src/encode.ts"
    const spellings = [
      'import { Trie } from "@headwater/core/engine"',
      'import type { Trie } from "@headwater/core/engine"',
      'export { Trie } from "@headwater/core/engine"',
      'export const load = () => import("@headwater/core/engine")',
      'export type Held = import("@headwater/core/engine").Trie',
    ]
    expect(spellings.map((text) => forbidden(path, text))).toEqual(
      spellings.map(() => [
        `${path}:1: protocol may not import core/engine (@headwater/core/engine)`,
      ]),
    )
  })

  test("core does not import its engine, and the engine imports core", () => {
    expect(
      forbidden("packages/core/src/index.ts", 'export { Trie } from "./engine/trie.ts"'),
    ).toEqual(["packages/core/src/index.ts:1: core may not import core/engine (./engine/trie.ts)"])
    expect(
      forbidden("packages/core/src/engine/trie.ts", 'import { toRevision } from "../revision.ts"'),
    ).toEqual([])
  })

  test("another package is not entered by a path", () => {
    const path = "packages/cache/src/follow.ts"
    expect(forbidden(path, 'import { Policy } from "../../stream/src/policy.ts"')).toEqual([
      `${path}:1: cache reaches into stream by a path (../../stream/src/policy.ts)`,
    ])
  })

  test("testing is for tests", () => {
    const text = 'import { ManualClock } from "@headwater/testing"'
    expect(forbidden("packages/cache/test/follow.test.ts", text)).toEqual([])
    expect(forbidden("packages/cache/src/follow.ts", text)).toEqual([
      "packages/cache/src/follow.ts:1: cache may not import testing (@headwater/testing)",
    ])
  })

  test("findCycles() finds a ring of three, of types too, and passes a diamond", () => {
    const ring = findCycles([
      toSourceFile("a/one.ts", 'import { two } from "./two.ts"'),
      toSourceFile("a/two.ts", 'import type { Three } from "./deep/three.ts"'),
      toSourceFile("a/deep/three.ts", 'export { one } from "../one.ts"'),
    ])
    const diamond = findCycles([
      toSourceFile(
        "a/one.ts",
        'import { two } from "./two.ts"; import { three } from "./three.ts"',
      ),
      toSourceFile("a/two.ts", 'import { four } from "./four.ts"'),
      toSourceFile("a/three.ts", 'import { four } from "./four.ts"'),
      toSourceFile("a/four.ts", "export const four = 4"),
    ])
    expect(ring).toEqual(["a/one.ts → a/two.ts → a/deep/three.ts → a/one.ts"])
    expect(diamond).toEqual([])
  })
})

describe("globals", () => {
  const forbidden = (path: string, text: string) => findForbiddenGlobals(toSourceFile(path, text))

  test("timers, fetch and WebAssembly are not for core", () => {
    const path = "packages/core/src/waiters.ts"
    const text = "setTimeout(f, 1)\nglobalThis.fetch(url)\nnew WebAssembly.Module(bytes)"
    expect(forbidden(path, text)).toEqual([
      `${path}:1: setTimeout`,
      `${path}:2: fetch`,
      `${path}:3: WebAssembly`,
    ])
    expect(forbidden("packages/core/src/clock.ts", "setTimeout(f, 1)")).toEqual([])
    expect(forbidden("packages/core/src/engine/load.ts", "WebAssembly.Module")).toEqual([])
    expect(forbidden("packages/client/src/client.ts", "fetch(url)")).toEqual([])
  })

  test("runtime names belong to the adapters", () => {
    const text = 'import { createServer } from "node:http"\nprocess.exit(1)\nDeno.exit(1)'
    const path = "apps/server/src/start.ts"
    expect(forbidden(path, text).sort()).toEqual([
      `${path}:1: node:http`,
      `${path}:2: process`,
      `${path}:3: Deno`,
    ])
    expect(forbidden("apps/server/src/runtime/node.ts", text)).toEqual([])
  })

  test("a field or a variable of that name is not the global", () => {
    const text =
      "export function f(process: () => void) { return { fetch: options.fetch(process) } }"
    expect(forbidden("packages/core/src/source.ts", text)).toEqual([])
  })
})

describe("public names", () => {
  test("findUndocumented() follows re-exports to the declaration", () => {
    const files = new Map(
      [
        toSourceFile(
          "p/index.ts",
          '/** @module */\nexport { a, b } from "./a.ts"\nexport type { C } from "./a.ts"',
        ),
        toSourceFile(
          "p/a.ts",
          "/** Told. */\nexport const a = 1\nexport let b\n// Not told.\nexport interface C {}",
        ),
      ].map((file) => [file.path, file] as const),
    )
    const index = files.get("p/index.ts")
    expect(index && findUndocumented(index, files)).toEqual([
      "p/a.ts:3: b has no doc comment",
      "p/a.ts:5: C has no doc comment",
    ])
  })

  test("findUndocumented() asks an index for its module comment", () => {
    expect(findUndocumented(toSourceFile("p/index.ts", "export {}"), new Map())).toEqual([
      "p/index.ts: no @module comment",
    ])
  })
})

describe("manifests", () => {
  const entry = {
    "@headwater/source": "./src/index.ts",
    types: "./dist/index.d.ts",
    default: "./dist/index.js",
  }
  const manifest: Manifest = {
    name: "@headwater/p",
    version: "0.1.0",
    license: "Apache-2.0",
    type: "module",
    engines: { node: ">=20.19" },
    exports: { ".": entry, "./package.json": "./package.json" },
    dependencies: { hono: "4.0.0" },
  }

  test("findExportFaults() finds paths that lead nowhere and files that nothing leads to", () => {
    expect(findExportFaults("p", manifest, new Set(["p/src/index.ts"]))).toEqual([])
    expect(findExportFaults("p", manifest, new Set(["p/src/more/index.ts"]))).toEqual([
      'p/package.json: exports["."]: there is no ./src/index.ts',
      "p/src/more/index.ts is in no map of exports",
    ])
    expect(indexPathsOf("p", manifest)).toEqual(["p/src/index.ts"])
  })

  test("findExportFaults() finds conditions that do not match or come in another order", () => {
    const { types, ...others } = entry
    const turned = { types, ...others }
    const exports = { ".": turned }
    expect(findExportFaults("p", { ...manifest, exports }, new Set(["p/src/index.ts"]))).toEqual([
      `p/package.json: exports["."] should be ${JSON.stringify(entry)}`,
    ])
  })

  test("findManifestFaults() finds loose versions and a foreign licence", () => {
    const loose = { ...manifest, license: "MIT", dependencies: { hono: "^4.0.0" } }
    expect(findManifestFaults("p", manifest)).toEqual([])
    expect(findManifestFaults("p", loose)).toEqual([
      "p/package.json: license",
      "p/package.json: hono is not pinned (^4.0.0)",
    ])
  })

  test("findUndeclared() finds packages that are not named", () => {
    const specifiers = ["hono", "hono/cors", "@hono/node-server", "./a.ts", "node:fs", "#runtime"]
    expect(findUndeclared("p/src/a.ts", manifest, specifiers)).toEqual([
      "p/src/a.ts imports @hono/node-server, which its package.json does not name",
    ])
  })
})

describe("promises", () => {
  const lost = (body: string) =>
    findLostPromises(toSourceFile("packages/a/src/a.ts", `async function f() {\n${body}\n}`))

  test("findLostPromises() finds a union whose promise nothing waits for", () => {
    const found = [
      "packages/a/src/a.ts:2: made may be a promise that is neither awaited nor caught",
    ]
    expect(lost("if (made instanceof Promise) return undefined")).toEqual(found)
    expect(lost("if (made instanceof Promise) made.catch(report)")).toEqual([])
    expect(lost("return made instanceof Promise ? made.then(take) : take(made)")).toEqual([])
    expect(lost("if (made instanceof Promise) await made")).toEqual([])
  })

  test("findLostPromises() finds an arrow function that hides its call behind void", () => {
    expect(lost("on(() => void close())")).toEqual([
      "packages/a/src/a.ts:2: void hides whether a promise is lost; use a statement",
    ])
    expect(lost("void close()\non(() => void 0)")).toEqual([])
  })
})

describe("syntax and text", () => {
  test("findForbiddenSyntax() finds what cannot be erased or found by name", () => {
    const text = [
      "export enum A { b }",
      "namespace N { export const x = 1 }",
      "class P { constructor(private readonly x: number) {} }",
      "export default class D {}",
      'export * from "./a.ts"',
      'import { c } from "./c"',
    ].join("\n")
    expect(findForbiddenSyntax(toSourceFile("a.ts", text))).toEqual([
      "a.ts:1: enum",
      "a.ts:2: namespace",
      "a.ts:3: parameter property",
      "a.ts:4: default export",
      "a.ts:5: star re-export",
      "a.ts:6: ./c has no file extension",
    ])
  })

  test("findLongFunctions() counts lines, also in AssemblyScript, and lets tests be", () => {
    const long = `function f() {\n${"  g()\n".repeat(69)}}\n`
    const short = `function f() {\n${"  g()\n".repeat(68)}}\n`
    expect(findLongFunctions(toSourceFile("a/src/a.ts", long))).toEqual([
      "a/src/a.ts:1: 71 lines in f",
    ])
    expect(findLongFunctions(toSourceFile("wasm/assembly/a.ts", long))).toEqual([
      "wasm/assembly/a.ts:1: 71 lines",
    ])
    expect(findLongFunctions(toSourceFile("a/src/a.ts", short))).toEqual([])
    expect(findLongFunctions(toSourceFile("packages/a/test/a.test.ts", long))).toEqual([])
  })

  test("findLongText() counts columns by character", () => {
    expect(findLongText("a.ts", "é".repeat(100))).toEqual([])
    expect(findLongText("a.ts", "e".repeat(101))).toEqual(["a.ts:1: 101 columns"])
    expect(findLongText("a.ts", "\n".repeat(400))).toEqual(["a.ts: 401 lines"])
  })

  test("findBadNames() finds names that say nothing, and capitals", () => {
    expect(findBadNames("packages/core/src/event-buffer.test.ts")).toEqual([])
    expect(findBadNames("packages/core/src/utils.ts")).toEqual([
      "packages/core/src/utils.ts: utils says nothing of what is inside",
    ])
    expect(findBadNames("packages/core/src/eventBuffer.ts")).toEqual([
      "packages/core/src/eventBuffer.ts: eventBuffer.ts is not kebab-case",
    ])
  })

  test("findUnfinished() passes a TODO that says what it waits for", () => {
    const text = "// TODO drop this when Node 20 is gone.\n// TODO tidy up\n// FIXME"
    expect(findUnfinished("a.ts", text)).toEqual(["a.ts:2: // TODO tidy up", "a.ts:3: // FIXME"])
  })

  test("findMachinery() finds folders of a machine and hosts of registries", () => {
    const text = [
      `see ${"/"}home/ann/notes`,
      `"resolved": "${"https"}://registry.example.org/a.tgz"`,
      "path /v1/topics/default/stream in ./work/plan",
    ].join("\n")
    expect(findMachinery("a.json", text)).toEqual([
      `a.json:1: ${"/"}home/ann`,
      "a.json:2: registry.example.org",
      'a.json:2: "resolved": "https:',
    ])
  })

  test("findTightLimits() finds what a loaded machine would exceed", () => {
    const text = [
      "const until = performance.now() + 5_000",
      "const PATIENCE_MS = 120_000",
      "await ends(AbortSignal.timeout(10_000))",
      "expect(performance.now() - began).toBeLessThan(3_000)",
    ].join("\n")
    expect(findTightLimits("packages/a/test/a.test.ts", text)).toEqual([
      "packages/a/test/a.test.ts:1: 5_000 ms is less than 60000",
      "packages/a/test/a.test.ts:3: 10_000 ms is less than 60000",
      "packages/a/test/a.test.ts:4: 3_000 ms is less than 60000",
    ])
    expect(findTightLimits("packages/a/src/a.ts", text)).toEqual([])
  })

  const glossary = readGlossary(
    "| `bookmark` | position | names |\n| `resourceversion` | revision | names |\n" +
      "| `nobody` | no reader | text |",
  )

  test("findForeignWords() finds another system's word inside a name", () => {
    const text = [
      "const lastBookmark = 1",
      "interface Held { resourceVersion: string; held: number }",
      "class C { constructor() {} }",
    ].join("\n")
    expect(findForeignWords(toSourceFile("a.ts", text), glossary)).toEqual([
      "a.ts:1: lastBookmark; here it is position",
      "a.ts:2: resourceVersion; here it is revision",
    ])
  })

  test("findBannedComments() and findBannedText() find a word, and let code be", () => {
    const text = "// A queue that nobody reads.\nconst nobody = 1"
    expect(findBannedComments(toSourceFile("a.ts", text), glossary)).toEqual([
      "a.ts:1: nobody; use no reader",
    ])
    expect(findBannedText("a.md", "`nobody` is a name.\nNobody reads.", glossary)).toEqual([
      "a.md:2: nobody; use no reader",
    ])
  })

  test("findBadOpenings() reads doc comments alone", () => {
    const doc = (words: string) => `/** ${words} */`
    const text = [doc("Says a line."), doc("Writes a line."), "// What follows.", doc("Whether.")]
    expect(findBadOpenings(toSourceFile("a.ts", text.join("\n")))).toEqual([
      "a.ts:1: opens with Says; open with the thing or its verb",
      "a.ts:4: opens with Whether; open with the thing or its verb",
    ])
  })
})

describe("between packages and rooms", () => {
  test("findSharedNames() finds a type that two units declare", () => {
    const files = [
      toSourceFile("packages/a/src/a.ts", "export interface Held {}\nclass Own {}"),
      toSourceFile("packages/b/src/b.ts", "type Held = string"),
      toSourceFile("packages/b/src/c.ts", "type Held = string\nclass Others {}"),
    ]
    expect(findSharedNames(files)).toEqual(["Held: a, b"])
  })

  test("findUpwardImports() follows the floors of the server", () => {
    const text = 'import { hub } from "../hub.ts"\nimport { packed } from "../runtime/deflate.ts"'
    const upward = (path: string) => findUpwardImports(toSourceFile(path, text))
    expect(upward("apps/server/src/fan-out/view.ts")).toEqual([
      "apps/server/src/fan-out/view.ts:1: fan-out may not import hub (../hub.ts)",
    ])
    expect(upward("apps/server/src/http/app.ts")).toEqual([])
  })

  test("findUnused() finds a dependency that no source imports", () => {
    const manifest = { name: "a", version: "1.0.0", dependencies: { hono: "1.0.0", jose: "1.0.0" } }
    expect(findUnused("packages/a", manifest, ["hono/tiny"])).toEqual([
      "packages/a/package.json names jose, which no source imports",
    ])
  })
})
