import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"

/** Time that a follower may take to print an event. Only a failing test waits so long. */
const PATIENCE_MS = 120_000

/** A program that follows a stream and prints what it hears. End it. */
export class Follower {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #output = ""
  #errors = ""

  constructor(binary: string, args: readonly string[], cwd?: string) {
    this.#child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], cwd })
    this.#exited = once(this.#child, "exit")
    this.#child.stdout!.on("data", (chunk) => {
      this.#output += chunk
    })
    this.#child.stderr!.on("data", (chunk) => {
      this.#errors += chunk
    })
  }

  /** All that it has printed. */
  get output(): string {
    return this.#output
  }

  /** Resolves once it has printed a text. */
  async heard(text: string): Promise<void> {
    await this.heardAfter(0, text)
  }

  /** Resolves once it has printed a text at or behind an offset of its output. */
  async heardAfter(offset: number, text: string): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    while (!this.#output.includes(text, offset)) {
      if (performance.now() > until) {
        throw new Error(`never heard ${text}: ${this.#output.slice(-500)} ${this.#errors}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** Resolves with its exit code, once it has ended. */
  async ended(): Promise<number | null> {
    await this.#exited
    return this.#child.exitCode
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#child.kill("SIGKILL")
    await this.#exited
  }
}
