import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { type Message, messageIn, type Usage } from "./channel.ts"
import { garbageArguments } from "./garbage.ts"
import type { Measurement, Task } from "./task.ts"

/** A runtime of this machine. */
export interface RuntimeBinary {
  readonly binary: string
  /** Arguments before the script. */
  readonly args: readonly string[]
}

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url))

/** Lines of a subject's output that are kept, for when it fails. */
const LINES_KEPT = 50

const running = new Set<ChildProcess>()
// Whatever ends us ends them: a signal, a failure, the last line of the program.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/** The process of one visit, as the one that started it sees it. */
export class SubjectProcess {
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #messages: Message[] = []
  readonly #ended: Promise<void>
  #wake = () => {}
  #isOver = false

  /** Starts it. It is killed after `timeoutMs`; its next message is then an error. */
  constructor(
    task: Task,
    { binary, args }: RuntimeBinary,
    options: { readonly args: readonly string[]; readonly timeoutMs: number },
  ) {
    const child = spawn(
      binary,
      [...args, ...garbageArguments(task.runtime), WORKER, ...options.args],
      {
        env: { ...process.env, HEADWATER_BENCH_TASK: JSON.stringify(task) },
        stdio: ["pipe", "pipe", "pipe"],
        timeout: options.timeoutMs,
        killSignal: "SIGKILL",
      },
    )
    this.#child = child
    running.add(child)
    // It may end before it has read a question.
    child.stdin?.on("error", () => {})
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => this.#hear(line))
    }
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => this.#lines.push(error.message))
      child.on("close", () => {
        running.delete(child)
        this.#isOver = true
        this.#wake()
        resolve()
      })
    })
  }

  /** The next message of a type. Rejects, with what it printed, if it ends before or fails. */
  async next<Type extends Message["type"]>(type: Type): Promise<Extract<Message, { type: Type }>> {
    for (;;) {
      const message = this.#messages.shift()
      if (message?.type === "failed") throw new Error(message.reason)
      if (message?.type === type) return message as Extract<Message, { type: Type }>
      if (message !== undefined) throw new Error(`it said ${message.type}, not ${type}`)
      if (this.#isOver) throw new Error(`it ended without a word:\n${this.#lines.join("\n")}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Resources used so far, by its own accounting; `collected`: without its garbage. */
  async usage(how: "as it is" | "collected" = "as it is"): Promise<Usage> {
    this.#child.stdin?.write(`${how}\n`)
    return await this.next("usage")
  }

  /** Has it do something, and resolves with what it found in doing so. */
  async order(what: string): Promise<readonly Measurement[]> {
    this.#child.stdin?.write(`do ${what}\n`)
    return (await this.next("found")).measurements
  }

  /** Resolves with the first line that it prints, or has printed, that matches. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.#lines) {
        const match = pattern.exec(line)
        if (match) return match
      }
      if (this.#isOver) throw new Error(`it ended without a word:\n${this.#lines.join("\n")}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Ends it, if it has not ended, and waits until it has. */
  async end(): Promise<void> {
    this.#child.stdin?.end()
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 5_000)
    await this.#ended
    clearTimeout(late)
  }

  #hear(line: string): void {
    const message = messageIn(line)
    if (message !== undefined) this.#messages.push(message)
    else {
      this.#lines.push(line)
      if (this.#lines.length > LINES_KEPT) this.#lines.shift()
    }
    this.#wake()
  }
}
