import type { HelpRow } from "@headwater/core"
import type { Command } from "commander"
import type { Runtime } from "../../runtime/runtime.ts"

/**
 * A word of the command, such as `serve` in `headwater serve`.
 *
 * A file of a verb is read at every start of the command. So it imports little, and `run` imports
 * the code that does the work: `const { serve } = await import("../serve.ts")`.
 */
export interface Verb {
  readonly name: string
  /** One line of help; it begins with a lower-case letter and ends without a full stop. */
  readonly summary: string
  /** The heading of help that lists it; `Commands` unless given. */
  readonly group?: string
  /** Variables that it reads, for help; an unknown `HEADWATER_…` is warned of. */
  readonly variables?: readonly HelpRow[]
  /** Adds arguments, options and examples. It is called for help and completion, too. */
  define?(command: Command): void
  /** Words below this one: `hash` in `headwater token hash`. */
  readonly verbs?: readonly Verb[]
  /**
   * Runs it, and returns the exit code: 0 done, 1 failed, 2 wrong arguments. A `ConfigError` is
   * printed as one line and exits with 2, any other error as one line with 1. A verb without it
   * prints its help.
   */
  run?(call: VerbCall): Promise<number>
}

/** The arguments of one call of a verb, and the machine under it. */
export interface VerbCall {
  readonly runtime: Runtime
  /** The arguments that the verb defined, in order; `undefined` for one that is absent. */
  readonly args: readonly (string | readonly string[] | undefined)[]
  /** Its options, as commander names them: `--dry-run` is `dryRun`. */
  readonly options: Readonly<Record<string, unknown>>
  /** Every word of the command. */
  readonly verbs: readonly Verb[]
  /** Prints a line to standard output. */
  print(line: string): void
  /** Prints a line to standard error. */
  complain(line: string): void
}
