import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { runtime } from "#runtime"
import { CertificateFiles } from "../../src/command/certificate-files.ts"
import type { Certificate } from "../../src/runtime/runtime.ts"
import { FIRST, SECOND } from "../support/certificates.ts"

describe("the files of a certificate", () => {
  let folder: string
  let files: CertificateFiles
  let shown: Certificate[]
  let lines: string[]

  const at = (name: string) => join(folder, name)

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "headwater-certificate-"))
    shown = []
    lines = []
  })

  afterEach(async () => {
    files.close()
    await rm(folder, { recursive: true })
  })

  async function write(pair: Certificate, where = folder): Promise<void> {
    await mkdir(where, { recursive: true })
    await writeFile(join(where, "tls.crt"), pair.cert)
    await writeFile(join(where, "tls.key"), pair.key)
  }

  function open(under = folder): Promise<Certificate> {
    const paths = { cert: join(under, "tls.crt"), key: join(under, "tls.key") }
    files = new CertificateFiles(runtime, paths, (line) => lines.push(line))
    return files.read()
  }

  async function watch(): Promise<void> {
    files.watch(async (certificate) => {
      shown.push(certificate)
    })
  }

  async function until(isReached: () => boolean): Promise<void> {
    while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  test("are read, and read again when both are replaced by rename", async () => {
    await write(FIRST)
    expect(await open()).toEqual(FIRST)
    await watch()
    await write(SECOND, at("new"))
    await rename(join(at("new"), "tls.crt"), at("tls.crt"))
    await rename(join(at("new"), "tls.key"), at("tls.key"))
    await until(() => shown.length > 0)

    expect(shown).toEqual([SECOND])
  })

  test("are read again when the link of a volume is swapped", async () => {
    await write(FIRST, at("one"))
    await write(SECOND, at("two"))
    await symlink("one", at("data"))
    await open(at("data"))
    await watch()
    await symlink("two", at("data.new"))
    await rename(at("data.new"), at("data"))
    await until(() => shown.length > 0)

    expect(shown).toEqual([SECOND])
  })

  test("keep the pair that is shown while the new one does not fit, and say it once", async () => {
    await write(FIRST)
    await open()
    await writeFile(at("tls.key"), SECOND.key)
    await watch()
    await until(() => lines.length > 0)
    await files.reload()
    await files.reload()
    expect(lines).toEqual([
      `the certificate stays as it is: --tls-cert ${at("tls.crt")}, --tls-key ${at("tls.key")}: ` +
        "the key does not belong to the certificate",
    ])
    expect(shown).toEqual([])

    await writeFile(at("tls.crt"), SECOND.cert)
    await until(() => shown.length > 0)
    expect(shown).toEqual([SECOND])
  })

  test("keep the pair that is shown when a file is cut off, or gone", async () => {
    await write(FIRST)
    await open()
    await writeFile(at("tls.crt"), SECOND.cert.slice(0, 100))
    await files.reload()
    await rm(at("tls.key"))
    await files.reload()

    expect(lines.map((line) => line.slice(0, 31))).toEqual([
      "the certificate stays as it is:",
      "the certificate stays as it is:",
    ])
  })

  test.each([
    ["a key of another certificate", { cert: FIRST.cert, key: SECOND.key }, /does not belong/],
    ["a text that is no PEM", { cert: "hello", key: FIRST.key }, /certificate cannot be read/],
    ["a certificate in place of the key", { cert: FIRST.cert, key: FIRST.cert }, /key cannot be/],
  ])("are refused at the start with %s", async (_, pair, message) => {
    await write(pair)
    await expect(open()).rejects.toThrow(message)
  })

  test("are refused at the start when one cannot be read", async () => {
    await expect(open()).rejects.toThrow(/^--tls-cert \S+tls.crt cannot be read: /)
  })
})
