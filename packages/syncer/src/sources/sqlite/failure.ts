/**
 * A failure of sqlite, by the next step that it needs.
 *
 *   busy   another process holds the lock: try again
 *   full   no room on the disk, or the disk's quota: nothing was written
 *   file   no sqlite file, or a damaged one
 *   other  everything else, such as a failing disk
 */
export type Failure = "busy" | "full" | "file" | "other"

const CODES: Readonly<Record<number, Failure>> = {
  5: "busy",
  6: "busy",
  11: "file",
  13: "full",
  26: "file",
}

/** Deno's errors have no code, and sqlite's texts are the same since 2004. */
const WORDS: readonly (readonly [RegExp, Failure])[] = [
  [/database (table )?is locked/, "busy"],
  [/database or disk is full/, "full"],
  [/file is not a database|disk image is malformed/, "file"],
]

/** Reads what an engine threw: each has a field of its own for sqlite's result code. */
export function failureOf(error: unknown): Failure {
  const { errcode, rawCode, errno, message } = (error ?? {}) as Record<string, unknown>
  for (const code of [errcode, rawCode, errno]) {
    // The low byte is the code, the rest says more of it.
    if (typeof code === "number") return CODES[code & 255] ?? "other"
  }
  return WORDS.find(([pattern]) => pattern.test(String(message)))?.[1] ?? "other"
}

/** Rolls back after a failure, which is the one to report: sqlite may have rolled back already. */
export function quietly(rollback: () => void): void {
  try {
    rollback()
  } catch {
    // The failure that led here is reported.
  }
}
