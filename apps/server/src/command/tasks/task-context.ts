import type { Clock } from "@headwater/core"
import type picocolors from "picocolors"
import type { Terminal } from "../../runtime/terminal.ts"
import type { TaskInput } from "./task-input.ts"

/** The work of a verb. Resolves with the exit code. @throws {TaskError} it could not be done. */
export type Task = (input: TaskInput, context: TaskContext) => Promise<number>

/** The machine and the person around a task. */
export interface TaskContext {
  readonly terminal: Terminal
  /** Styles for the standard output: none where that is no terminal, or by `NO_COLOR`. */
  readonly colors: ReturnType<typeof picocolors.createColors>
  readonly env: (name: string) => string | undefined
  readonly readText: (path: string) => Promise<string>
  readonly fetch: typeof fetch
  readonly clock: Clock
  readonly random: () => number
  /** Aborted with an `EndedError`: by SIGINT, SIGTERM or `--timeout`. */
  readonly signal: AbortSignal
}

/** Writes a line to the standard output. */
export function print(context: TaskContext, line: string): Promise<void> {
  return context.terminal.output.write(`${line}\n`)
}

/** Writes a line for the person, not for a pipe: to the error output. */
export function say(context: TaskContext, line: string): Promise<void> {
  return context.terminal.errors.write(`headwater: ${line}\n`)
}
