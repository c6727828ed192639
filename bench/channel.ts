import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { collectGarbage } from "./garbage.ts"
import type { Measurement } from "./task.ts"

/** A message of a subject's process to the process that started it. */
export type Message =
  | { readonly type: "found"; readonly measurements: readonly Measurement[] }
  | { readonly type: "failed"; readonly reason: string }
  /** It serves, at this URL. */
  | { readonly type: "ready"; readonly url: string }
  /** Resources that the process has used since its start, by its own accounting. */
  | ({ readonly type: "usage" } & Usage)

/** Resources of a process. */
export interface Usage {
  /** Of all its threads, since it started. */
  readonly cpuUs: number
  readonly residentBytes: number
  /** Further numbers that the scenario needs. */
  readonly more: Readonly<Record<string, number>>
}

/** Stands before every message, since a subject may print lines of its own. */
const MARK = "@bench "

/** Sends a message. Synchronous: nothing is lost when the process ends. */
export function say(message: Message): void {
  let rest = Buffer.from(`${MARK}${JSON.stringify(message)}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      // The pipe is full: its reader will read on.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error
    }
  }
}

/** Sends the last message and exits, whatever the subject left open. */
export function exitSaying(message: Message): never {
  say(message)
  process.exit(0)
}

/** The message in a line of output, if it is one. */
export function messageIn(line: string): Message | undefined {
  return line.startsWith(MARK) ? (JSON.parse(line.slice(MARK.length)) as Message) : undefined
}

/**
 * Answers each line of input with the usage so far, and ends the process with its input. When the
 * line says `collected`, garbage is collected before. A line that begins with `do ` is an order.
 *
 * @param more further numbers for each message.
 * @param order is given what stands behind `do `.
 */
export function answerUsage(
  more: () => Readonly<Record<string, number>> = () => ({}),
  order: (what: string) => void = () => {},
): void {
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      if (line.startsWith("do ")) return order(line.slice("do ".length))
      if (line === "collected") collectGarbage()
      const { user, system } = process.cpuUsage()
      const { rss } = process.memoryUsage()
      say({ type: "usage", cpuUs: user + system, residentBytes: rss, more: more() })
    })
    .on("close", () => process.exit(0))
}
