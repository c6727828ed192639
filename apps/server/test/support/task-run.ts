import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readCommandLine } from "../../src/command/program.ts"
import { runTask } from "../../src/command/tasks/run-task.ts"
import type { TaskVerb } from "../../src/command/verbs/task-verb.ts"
import { VERBS } from "../../src/command/verbs/verbs.ts"
import type { Runtime } from "../../src/runtime/runtime.ts"
import { processTerminal, type TerminalOutput } from "../../src/runtime/terminal.ts"
import { ownRuntime } from "./own-runtime.ts"

/** A run of the command that may still go on. */
export interface TaskRun {
  /** Resolves with the exit code. */
  readonly ended: Promise<number>
  /** The standard output so far. */
  readonly out: string
  /** The error output so far. */
  readonly said: string
  /** Resolves once the standard output, or the error output, has a text. */
  has(text: string | RegExp): Promise<void>
  /** As SIGINT does. */
  interrupt(): void
}

/** The result of a run that ended. */
export interface TaskResult {
  readonly code: number
  readonly out: string
  readonly said: string
}

/** The command in this process: its own parser, runtime and files, with outputs that are kept. */
export class TaskRunner {
  readonly folder = mkdtempSync(join(tmpdir(), "headwater-verbs-"))
  env: Record<string, string>

  constructor(url: string) {
    this.env = { HEADWATER_URL: url, XDG_CONFIG_HOME: this.folder }
  }

  /** The path of a file in a folder of the test's own. */
  file(name: string): string {
    return join(this.folder, name)
  }

  async run(args: readonly string[], input = "", isTerminal = false): Promise<TaskResult> {
    const run = await this.start(args, input, isTerminal)
    const code = await run.ended
    return { code, out: run.out, said: run.said }
  }

  /** Starts the command with arguments; `input` is its standard input. */
  async start(args: readonly string[], input = "", isTerminal = false): Promise<TaskRun> {
    const line = readCommandLine(args, VERBS)
    if (line.type === "wrong") return ended(2, "", `headwater: ${line.line}\n`)
    if (line.type === "print") return ended(0, line.text, "")
    if (line.type !== "run") throw new Error(`${args.join(" ")} is ${line.type}`)
    const task = await (line.verb as unknown as { task: TaskVerb }).task.load()
    const output = new KeptOutput(isTerminal)
    const errors = new KeptOutput(isTerminal)
    let stop = () => {}
    const runtime: Runtime = {
      ...(await ownRuntime()),
      env: (name) => this.env[name],
      onStop: (end) => {
        stop = end
      },
      exit: (code) => {
        throw new Error(`exit ${code}`)
      },
    }
    const terminal = {
      ...processTerminal(),
      output,
      errors,
      isInputTerminal: false,
      async *input() {
        yield new TextEncoder().encode(input)
      },
    }
    const running = runTask(task, { runtime, args: line.args, options: line.options }, terminal)
    return {
      ended: running,
      get out() {
        return output.text
      },
      get said() {
        return errors.text
      },
      async has(text) {
        const isThere = () => [output.text, errors.text].some((found) => matches(found, text))
        const end = running.then(() => true)
        while (!isThere()) {
          const isEnded = await Promise.race([output.changed(), errors.changed(), end])
          if (isEnded === true && !isThere()) {
            throw new Error(`ended without ${text}:\n${output.text}${errors.text}`)
          }
        }
      },
      interrupt: () => stop(),
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function ended(code: number, out: string, said: string): TaskRun {
  return {
    ended: Promise.resolve(code),
    out,
    said,
    has: async () => {},
    interrupt: () => {},
  }
}

function matches(found: string, text: string | RegExp): boolean {
  return typeof text === "string" ? found.includes(text) : text.test(found)
}

class KeptOutput implements TerminalOutput {
  readonly columns = 80
  readonly isTerminal: boolean
  text = ""
  #waiting: (() => void)[] = []

  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal
  }

  async write(chunk: string | Uint8Array): Promise<void> {
    this.text += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  changed(): Promise<undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(undefined))
    })
  }
}
