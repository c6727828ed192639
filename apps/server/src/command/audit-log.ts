import type { Clock } from "@headwater/core"
import type { Log } from "../log.ts"
import type { AuditEvent, HubObserver } from "../observe/hub-observer.ts"

/** Characters of lines that wait to be written; further lines are dropped and counted. */
const WAITING_CHARS_MAX = 4_194_304

/** Writes some lines. Rejects when they cannot be written. */
export type WriteLines = (lines: string) => Promise<void>

/**
 * Writes a line of JSON for each write, each refusal and each use of an operator's resource.
 *
 * Writing never delays a request. While the file cannot be written, such as with a full disk, lines
 * are dropped, and their number is logged and written once there is room again.
 */
export class AuditLog implements HubObserver {
  readonly #write: WriteLines
  readonly #clock: Pick<Clock, "now">
  readonly #log: Log
  #waiting: string[] = []
  #chars = 0
  #lost = 0
  #writing: Promise<void> | undefined

  /** @param log for lines that may come often. */
  constructor(write: WriteLines, clock: Pick<Clock, "now">, log: Log) {
    this.#write = write
    this.#clock = clock
    this.#log = log
  }

  /** Lines that were dropped and are not yet reported in the file. */
  get lost(): number {
    return this.#lost
  }

  onAudit(event: AuditEvent): void {
    const line = `${JSON.stringify({ time: this.#time(), ...event })}\n`
    if (this.#chars + line.length > WAITING_CHARS_MAX) {
      this.#drop(1)
      return
    }
    this.#waiting.push(line)
    this.#chars += line.length
    this.#writing ??= this.#run()
  }

  /** Resolves when every line so far was written or dropped. */
  async flush(): Promise<void> {
    await this.#writing
  }

  async #run(): Promise<void> {
    // Lines of one turn are written together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      const chars = this.#chars
      this.#waiting = []
      const lost = this.#lost
      try {
        const gap = { time: this.#time(), action: "lost", lines: lost }
        await this.#write((lost > 0 ? `${JSON.stringify(gap)}\n` : "") + lines.join(""))
        this.#lost -= lost
      } catch (error) {
        this.#drop(lines.length, error)
      }
      this.#chars -= chars
    }
    this.#writing = undefined
  }

  #drop(lines: number, error?: unknown): void {
    this.#lost += lines
    this.#log("audit lines could not be written and are lost", { error })
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}
