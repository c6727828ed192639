import { expect, test } from "vitest"
import { type PackageRecord, parseIndex } from "../src/package-index.ts"

async function parse(text: string): Promise<PackageRecord[]> {
  const records: PackageRecord[] = []
  for await (const record of parseIndex(text.split("\n"))) records.push(record)
  return records
}

test("parseIndex() reads records by their first lines, also the last one", async () => {
  const text = [
    "Package: weir",
    "Version: 1:2.0-3",
    "Installed-Size: 120",
    "Architecture: amd64",
    "Description: measures flow",
    " over a long time: and more",
    "Section: science",
    "",
    "Package: sluice",
    "Version: 0.1",
  ].join("\n")

  expect(await parse(text)).toEqual([
    {
      name: "weir",
      version: "1:2.0-3",
      section: "science",
      architecture: "amd64",
      installedKb: 120,
      description: "measures flow",
    },
    {
      name: "sluice",
      version: "0.1",
      section: "",
      architecture: "",
      installedKb: 0,
      description: "",
    },
  ])
})

test("parseIndex() finds nothing in nothing", async () => {
  expect(await parse("")).toEqual([])
  expect(await parse("Status: install\n\n\n")).toEqual([])
})
