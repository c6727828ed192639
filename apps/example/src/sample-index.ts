import type { PackageRecord } from "./package-index.ts"

/**
 * Makes up an index, for machines that have none: records that look like packages, the same ones
 * for the same numbers drawn.
 */
export function sampleIndex(count: number, random: () => number): readonly PackageRecord[] {
  const draw = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
  return Array.from({ length: count }, (_, index) => {
    const [subject, section] = draw(SUBJECTS)
    const [form, described] = draw(FORMS)
    return {
      name: `${form}${subject}${index}`,
      version: `${1 + Math.floor(random() * 9)}.${Math.floor(random() * 30)}-1`,
      section,
      architecture: random() < 0.3 ? "all" : "amd64",
      installedKb: Math.ceil(random() ** 4 * 100_000),
      description: `${described} ${subject}`,
    }
  })
}

const SUBJECTS = [
  ["river", "science"],
  ["ledger", "database"],
  ["lantern", "graphics"],
  ["harbour", "net"],
  ["orchard", "misc"],
  ["quill", "editors"],
  ["drum", "sound"],
  ["maze", "games"],
] as const

const FORMS = [
  ["", "program for"],
  ["lib", "shared library for"],
  ["python3-", "Python module for"],
  ["golang-", "Go package for"],
  ["node-", "Node.js module for"],
] as const
