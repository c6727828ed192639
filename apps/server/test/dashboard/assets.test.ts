import { describe, expect, test } from "vitest"
import { assetsFrom } from "../../src/dashboard/assets.ts"

const files: Record<string, string> = {
  "file:///m/client/dist/index.js": "client",
  "file:///m/client/dist/a/b.js": "b",
  "file:///m/client/package.json": "secret",
  "file:///etc/passwd.js": "secret",
}
const assets = assetsFrom({
  resolve: (specifier) => {
    if (specifier === "@headwater/client") return "file:///m/client/dist/index.js"
    if (specifier === "@headwater/core") return "file:///m/core/src/index.ts"
    throw new Error("not installed")
  },
  readText: async (url) => {
    const text = files[url.href]
    if (text === undefined) throw new Error("no such file")
    return text
  },
})

describe("assetsFrom()", () => {
  test("maps the packages that are installed and built", () => {
    expect(assets.importMap).toEqual({ "@headwater/client": "/assets/headwater-client/index.js" })
  })

  test("serves the modules below a package's entry", async () => {
    expect(await assets.read("headwater-client/index.js")).toBe("client")
    expect(await assets.read("headwater-client/a/b.js")).toBe("b")
    expect(await assets.read("headwater-client/none.js")).toBeUndefined()
  })

  test.each([
    "headwater-client/../package.json",
    "headwater-client/../../../etc/passwd.js",
    "headwater-client//etc/passwd.js",
    "headwater-client/%2e%2e/x.js",
    "headwater-client/file:/etc/passwd.js",
    "headwater-client/.hidden.js",
    "headwater-client/index.js?x.js",
    "headwater-core/index.js",
    "headwater-client",
    "",
    "constructor/index.js",
  ])("serves nothing else: %s", async (path) => {
    expect(await assets.read(path)).toBeUndefined()
  })
})
