import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { runtime } from "#runtime"
import { digestOf, newToken } from "../../src/access/token.ts"
import type { TokenTable } from "../../src/access/token-file.ts"
import { TokenFile } from "../../src/command/token-file.ts"

describe("TokenFile", () => {
  let folder: string
  let file: TokenFile | undefined
  let tables: TokenTable[]
  let lines: string[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "headwater-tokens-"))
    tables = []
    lines = []
  })

  afterEach(async () => {
    file?.close()
    await rm(folder, { recursive: true })
  })

  const at = (name: string) => join(folder, name)
  const textOf = (name: string, more = {}) =>
    JSON.stringify({
      identities: [{ name, sha256: [digestOf(newToken())], topics: {} }],
      ...more,
    })
  const names = ({ byDigest }: TokenTable) => [...byDigest.values()].map(({ name }) => name)

  async function open(path: string, anonymous?: "read"): Promise<TokenTable> {
    const config = { tokens: path, anonymous, jwt: undefined }
    file = new TokenFile(runtime, config, (line) => lines.push(line))
    const table = await file.read()
    file.watch(async (next) => {
      tables.push(next)
    })
    return table
  }

  async function until(isReached: () => boolean): Promise<void> {
    while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  test("is read, and read again when it is written, renamed over or linked anew", async () => {
    await mkdir(at("1"))
    await mkdir(at("2"))
    await writeFile(at("1/tokens"), textOf("first"))
    await writeFile(at("2/tokens"), textOf("fourth"))
    await symlink("1", at("data"))

    expect(names(await open(at("data/tokens")))).toEqual(["first"])
    await writeFile(at("1/tokens"), textOf("second"))
    await until(() => tables.length === 1)
    await writeFile(at("next"), textOf("third"))
    await rename(at("next"), at("1/tokens"))
    await until(() => tables.length === 2)
    await symlink("2", at("swap"))
    await rename(at("swap"), at("data"))
    await until(() => tables.length === 3)

    expect(tables.flatMap(names)).toEqual(["second", "third", "fourth"])
  })

  test("keeps the grants while it is half written, away or invalid, and says so once", async () => {
    await writeFile(at("tokens"), textOf("first"))
    await open(at("tokens"))
    await writeFile(at("tokens"), '{ "identities": [')
    await until(() => lines.length === 1)
    await rm(at("tokens"))
    await until(() => lines.length === 2)
    await writeFile(at("tokens"), textOf("second"))
    await until(() => tables.length === 1)

    expect(tables.flatMap(names)).toEqual(["second"])
    expect(lines.map((line) => line.replaceAll(folder, ""))).toEqual([
      "the grants stay as they are: --tokens /tokens: line 1: not JSON (CloseBracketExpected)",
      expect.stringMatching(/^the grants stay as they are: --tokens \/tokens: .*tokens/),
      "the grants are those that /tokens has now",
    ])
  })

  test("with anonymous beside --allow-anonymous is refused, at the start and later", async () => {
    const both = textOf("a", { anonymous: { topics: {} } })
    await writeFile(at("tokens"), both)
    await expect(open(at("tokens"), "read")).rejects.toThrow("exclude each other")
    await writeFile(at("tokens"), textOf("a"))
    await open(at("tokens"), "read")
    await writeFile(at("tokens"), both)
    await until(() => lines.length === 1)

    expect(tables).toEqual([])
  })
})
