import { execFile } from "node:child_process"
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { extname, join } from "node:path"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { freePort } from "@headwater/testing/etcd"
import { chromium } from "playwright-core"
import { build } from "vite"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
// @ts-expect-error: a tool without types.
import { findRuntime, findWorkerd } from "../runtimes.mjs"
import { pause } from "./hub-process.ts"

// The engine loads wherever JavaScript runs: synchronously, with the wasm inside, from what is
// built.

const run = promisify(execFile)
const modules = join(import.meta.dirname, "../../node_modules")
const DIGEST = "dbf0de55cfba06ee"
const use = `
  const trie = createEngine().trie()
  trie.put("a", new TextEncoder().encode("1"), 7)
  const { digest } = trie.commit({ reach: 7, complete: true })`

describe("loading @headwater/core/engine", () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "headwater-loading-"))
    symlinkSync(modules, join(folder, "node_modules"))
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`)
    const load = `import { createEngine } from "@headwater/core/engine"`
    writeFileSync(join(folder, "load.mjs"), `${load}\n${use}\nconsole.log(digest)`)
    const required = `const { createEngine } = require("@headwater/core/engine")`
    writeFileSync(join(folder, "load.cjs"), `${required}\n${use}\nconsole.log(digest)`)
    writeFileSync(join(folder, "page.js"), `${load}\n${use}\ndocument.title = digest`)
    const worker = `${load}\nexport default { fetch() {${use}\n return new Response(digest) } }`
    writeFileSync(join(folder, "worker.js"), worker)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each(["node", "node22", "node24", "bun", "deno"])("import on %s", async (name) => {
    const { binary, args } =
      name === "node" ? { binary: "node", args: [] } : await findRuntime(name)
    const { stdout } = await run(binary, [...args, join(folder, "load.mjs")], { cwd: folder })

    expect(stdout.trim()).toBe(DIGEST)
  })

  test.each(["node", "node22", "node24"])("require() on %s", async (name) => {
    const { binary } = name === "node" ? { binary: "node" } : await findRuntime(name)
    const { stdout } = await run(binary, [join(folder, "load.cjs")], { cwd: folder })

    expect(stdout.trim()).toBe(DIGEST)
  })

  test("a page bundled by Vite, in Chromium", async () => {
    writeFileSync(join(folder, "index.html"), `<script type="module" src="/page.js"></script>`)
    await build({ root: folder, logLevel: "silent", build: { outDir: "out", minify: true } })
    const server = createServer((request, response) => {
      const path = request.url === "/" ? "/index.html" : request.url!
      if (!existsSync(join(folder, "out", path))) {
        response.writeHead(404).end()
        return
      }
      const type = extname(path) === ".js" ? "text/javascript" : "text/html"
      response.setHeader("content-type", type).end(readFileSync(join(folder, "out", path)))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const browser = await chromium.launch({
      executablePath: process.env["HEADWATER_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    })
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      await page.waitForFunction(() => document.title !== "")

      expect(await page.title()).toBe(DIGEST)
    } finally {
      await browser.close()
      server.close()
    }
  })

  // As an application is built: a library build of Vite keeps the spaces of a module.
  test("all of it is at most 20 kB gzipped in an application, wasm included", async () => {
    const all = `import * as all from "@headwater/core/engine"\nglobalThis.all = all`
    writeFileSync(join(folder, "all.js"), all)
    const options = { outDir: "all", minify: true, rolldownOptions: { input: "all.js" } }
    await build({ root: folder, logLevel: "silent", build: options })
    const [name] = readdirSync(join(folder, "all/assets"))
    const bytes = gzipSync(readFileSync(join(folder, "all/assets", name!))).byteLength

    console.log(`@headwater/core/engine: ${bytes} bytes gzipped`)
    expect(bytes).toBeLessThanOrEqual(20_000)
  })

  test("a worker in workerd, whose bundle has the compiled module", async () => {
    await build({
      root: folder,
      logLevel: "silent",
      resolve: { conditions: ["workerd"] },
      plugins: [
        {
          name: "wasm-as-module",
          enforce: "pre",
          resolveId: (id) => (id.endsWith(".wasm") ? { id: "release.wasm", external: true } : null),
        },
      ],
      build: { outDir: "worker", lib: { entry: "worker.js", formats: ["es"], fileName: "worker" } },
    })
    const port = await freePort()
    const wasm = readFileSync(join(modules, "@headwater/core/dist/engine/release.wasm"))
    writeFileSync(join(folder, "worker/release.wasm"), wasm)
    writeFileSync(join(folder, "worker/config.capnp"), configOf(port))
    const { binary } = await findWorkerd()
    const child = execFile(binary, ["serve", join(folder, "worker/config.capnp")])
    try {
      let answer: string | undefined
      for (let tries = 0; answer === undefined && tries < 200; tries++) {
        await pause(50)
        answer = await fetch(`http://127.0.0.1:${port}/`).then(
          (response) => response.text(),
          () => undefined,
        )
      }
      expect(answer).toBe(DIGEST)
    } finally {
      child.kill("SIGKILL")
    }
  })
})

function configOf(port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const main :Workerd.Worker = (
  modules = [
    (name = "worker", esModule = embed "worker.js"),
    (name = "release.wasm", wasm = embed "release.wasm")
  ],
  compatibilityDate = "2026-01-01",
);
`
}
