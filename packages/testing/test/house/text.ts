import { holdsTests } from "./units.ts"

/** Two files side by side. */
export const COLUMNS_MAX = 100

/** Files are meant to have 60 to 200 lines, and are looked at again at 300. */
export const FILE_LINES_MAX = 400

/** Names that say nothing of what is inside. */
const BANNED_NAMES = new Set(["utils", "util", "helpers", "helper", "common", "types", "misc"])

/** What is wrong with a file's name: ours are in kebab-case and say what is inside. */
export function findBadNames(path: string): string[] {
  const parts = path.split("/").filter((part) => !part.startsWith("."))
  return parts.flatMap((part) => {
    const name = part.replace(/\..*$/, "")
    if (BANNED_NAMES.has(name)) return [`${path}: ${name} says nothing of what is inside`]
    return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? [] : [`${path}: ${part} is not kebab-case`]
  })
}

/** Lines and files that are too long. */
export function findLongText(path: string, text: string): string[] {
  const lines = text.split("\n")
  const wide = lines.flatMap((line, index) =>
    [...line].length > COLUMNS_MAX ? [`${path}:${index + 1}: ${[...line].length} columns`] : [],
  )
  const isLong = !holdsTests(path) && lines.length > FILE_LINES_MAX
  return isLong ? [...wide, `${path}: ${lines.length} lines`] : wide
}

/** Marks of unfinished work. A TODO may stay when it says what it waits for. */
export function findUnfinished(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const isVague = /\bTODO\b/.test(line) && !/\b(when|once|until|after|as soon as)\b/i.test(line)
    return isVague || /\b(FIXME|XXX|HACK)\b/.test(line)
      ? [`${path}:${index + 1}: ${line.trim()}`]
      : []
  })
}

/**
 * Limits in a test below which a loaded machine may fail it: what a test waits for at most is a
 * matter of minutes.
 */
export function findTightLimits(path: string, text: string): string[] {
  if (!path.endsWith(".test.ts") && !path.includes("/test/support/")) return []
  return text.split("\n").flatMap((line, index) => {
    const limit = LIMITS.map((pattern) => pattern.exec(line)?.[1]).find((found) => found)
    if (limit === undefined || Number(limit.replaceAll("_", "")) >= TEST_LIMIT_MS_MIN) return []
    return [`${path}:${index + 1}: ${limit} ms is less than ${TEST_LIMIT_MS_MIN}`]
  })
}

/** The shortest time after which a test may give up. */
const TEST_LIMIT_MS_MIN = 60_000

const LIMITS = [
  /\bperformance\.now\(\) \+ ([\d_]+)/,
  /\bAbortSignal\.timeout\(([\d_]+)\)/,
  /\b(?:PATIENCE_MS|TEST_MS|testTimeout|hookTimeout)(?: =|:) ([\d_]+)/,
  /\bperformance\.now\(\) - \w+\)\.toBeLessThan\(([\d_]+)/,
]

/** Paths of somebody's machine, and hosts that a lock or a script should not name. */
export function findMachinery(path: string, text: string): string[] {
  const found: string[] = []
  text.split("\n").forEach((line, index) => {
    for (const pattern of MACHINERY) {
      const match = pattern.exec(line)
      if (match) found.push(`${path}:${index + 1}: ${match[0].trim()}`)
    }
  })
  return found
}

const MACHINERY = [
  /(?<![\w.$}/-])\/(work|farm|root|home|Users)\/[\w.-]+/,
  /(?<![\w.$}/-])\/tmp\/[a-z]\w*/,
  /\b(registry\.[a-z0-9-]+\.[a-z]+|npm\.pkg\.\w+|deb\.[a-z]+\.org)\b/,
  /"resolved": "https?:/,
]
