/** Characters that wait at most; about 5,000 lines. */
const CHARS_MAX = 1_048_576

/**
 * Hands lines to an output that may be slow, stuck or gone, one write at a time. Lines that do not
 * fit the bound are dropped and counted: a hub must not wait for the reader of its log.
 */
export class LineQueue {
  readonly #write: (text: string) => Promise<void>
  readonly #droppedLine: (lines: number) => string
  #lines: string[] = []
  #chars = 0
  #dropped = 0
  #running: Promise<void> | undefined

  /**
   * @param write writes a text to its end. Where it fails, the text is lost.
   * @param droppedLine returns the line that stands for lines that were dropped.
   */
  constructor(write: (text: string) => Promise<void>, droppedLine: (lines: number) => string) {
    this.#write = write
    this.#droppedLine = droppedLine
  }

  /** Adds a line; it is written soon. */
  push(line: string): void {
    if (this.#chars + line.length > CHARS_MAX) {
      this.#dropped++
      return
    }
    this.#lines.push(line)
    this.#chars += line.length
    this.#running ??= this.#run()
  }

  /** Resolves when all lines were written. An output that is stuck holds it up for ever. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    while (this.#lines.length > 0) {
      if (this.#dropped > 0) this.#lines.push(this.#droppedLine(this.#dropped))
      this.#dropped = 0
      const text = `${this.#lines.join("\n")}\n`
      this.#lines = []
      try {
        await this.#write(text)
      } catch {
        // There is no other place to report it.
      }
      this.#chars = 0
      for (const line of this.#lines) this.#chars += line.length
    }
    this.#running = undefined
  }
}
