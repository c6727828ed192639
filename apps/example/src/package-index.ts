import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

/** The fields of a package that the example keeps. */
export interface PackageRecord {
  readonly name: string
  readonly version: string
  readonly section: string
  readonly architecture: string
  /** Kibibytes on disk. */
  readonly installedKb: number
  readonly description: string
}

/**
 * Reads the package index of this machine: `apt-cache dumpavail`, some 60,000 records.
 *
 * Resolves with one record a name, the first one, in the order of the index; empty where there is
 * no `apt-cache`, or it knows nothing.
 */
export async function readPackageIndex(): Promise<readonly PackageRecord[]> {
  const child = spawn("apt-cache", ["dumpavail"], { stdio: ["ignore", "pipe", "ignore"] })
  const missing = new Promise<void>((resolve) => child.once("error", () => resolve()))
  const records = new Map<string, PackageRecord>()
  const read = async () => {
    for await (const record of parseIndex(createInterface({ input: child.stdout }))) {
      if (!records.has(record.name)) records.set(record.name, record)
    }
  }
  await Promise.race([read(), missing])
  return [...records.values()]
}

/** Reads records in Debian's control format: `Field: value` lines, and an empty one in between. */
export async function* parseIndex(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<PackageRecord> {
  let fields = new Map<string, string>()
  for await (const line of lines) {
    if (line === "") {
      if (fields.has("Package")) yield toRecord(fields)
      fields = new Map()
    } else if (!/^\s/.test(line)) {
      const colon = line.indexOf(":")
      fields.set(line.slice(0, colon), line.slice(colon + 1).trim())
    } // else it goes on with the field before, of which the first line is enough
  }
  if (fields.has("Package")) yield toRecord(fields)
}

function toRecord(fields: ReadonlyMap<string, string>): PackageRecord {
  return {
    name: fields.get("Package") ?? "",
    version: fields.get("Version") ?? "",
    section: fields.get("Section") ?? "",
    architecture: fields.get("Architecture") ?? "",
    installedKb: Number(fields.get("Installed-Size") ?? 0),
    description: fields.get("Description") ?? "",
  }
}
