import { systemClock } from "@headwater/core"
import picocolors from "picocolors"
import type { Runtime } from "../../runtime/runtime.ts"
import { PipeClosedError, processTerminal, type Terminal } from "../../runtime/terminal.ts"
import { sourceContext } from "../source-context.ts"
import type { VerbCall } from "../verbs/verb.ts"
import { say, type Task, type TaskContext } from "./task-context.ts"
import { EndedError, EXIT, lineOf, TaskError } from "./task-error.ts"
import { TaskInput } from "./task-input.ts"

/** The time that an interrupted task has to say how far it came. */
const LAST_WORDS_MS = 300

/**
 * Runs the work of a verb on a terminal, this process's by default: with its signals, its
 * `--timeout`, and its errors as one line. Returns the exit code.
 */
export async function runTask(
  task: Task,
  { runtime, args, options }: Pick<VerbCall, "runtime" | "args" | "options">,
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const ending = new AbortController()
  let stopTimer = () => {}
  let stopLast = () => {}
  runtime.onStop(() => {
    // A second signal does not wait.
    if (ending.signal.aborted) runtime.exit(EXIT.interrupted)
    ending.abort(new EndedError("interrupted", EXIT.interrupted))
    stopLast = systemClock.after(LAST_WORDS_MS, () => runtime.exit(EXIT.interrupted))
  })
  const context: TaskContext = {
    terminal,
    colors: picocolors.createColors(hasColors(terminal.output.isTerminal, runtime)),
    env: runtime.env,
    readText: runtime.readText,
    fetch: globalThis.fetch,
    clock: systemClock,
    random: Math.random,
    signal: ending.signal,
  }
  try {
    const input = new TaskInput(args, options)
    const timeoutMs = input.durationMs("timeout")
    if (timeoutMs !== undefined) {
      stopTimer = systemClock.after(timeoutMs, () => {
        ending.abort(new EndedError(`not done within ${input.text("timeout")}`, EXIT.timeout))
      })
    }
    const secure = await sourceContext(runtime, "json", () => {}).fetchWith("HEADWATER")
    return await task(input, secure ? { ...context, fetch: withCa(secure) } : context)
  } catch (error) {
    if (error instanceof PipeClosedError) return EXIT.done
    const isInterrupt = error instanceof EndedError && error.exitCode === EXIT.interrupted
    if (!isInterrupt || error.message !== "interrupted") {
      await say(context, lineOf(error)).catch(() => {})
    }
    if (error instanceof TaskError) return error.exitCode
    return EXIT.failed
  } finally {
    stopTimer()
    stopLast()
  }
}

// A `fetch` with a CA is for TLS alone.
function withCa(secure: typeof fetch): typeof fetch {
  return (input, init) =>
    String(input).startsWith("https:") ? secure(input, init) : fetch(input, init)
}

// https://no-color.org, and FORCE_COLOR as many programs have it.
function hasColors(isTerminal: boolean, { env }: Runtime): boolean {
  if (env("NO_COLOR")) return false
  return isTerminal ? env("TERM") !== "dumb" : Boolean(env("FORCE_COLOR"))
}
