/** The progress of a run on one line: rewritten on a terminal, one for each tenth elsewhere. */
export class Progress {
  readonly #total: number
  readonly #began = performance.now()
  #done = 0
  #toldTenths = -1

  constructor(total: number) {
    this.#total = total
  }

  /** Writes a line that stays. */
  say(line: string): void {
    const clear = process.stderr.isTTY ? "\r\x1b[K" : ""
    process.stderr.write(`${clear}${line}\n`)
  }

  /** A visit begins. */
  begin(what: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${this.#head()} ${what}`)
  }

  /** A visit has ended. */
  ended(what: string): void {
    this.#done++
    const tenths = Math.floor((this.#done * 10) / this.#total)
    if (process.stderr.isTTY || tenths === this.#toldTenths) return
    this.#toldTenths = tenths
    process.stderr.write(`${this.#head()} ${what}\n`)
  }

  /** The run has ended. */
  end(): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${this.#head()}\n`)
  }

  #head(): string {
    const seconds = Math.round((performance.now() - this.#began) / 1_000)
    return `[${this.#done}/${this.#total}, ${seconds} s]`
  }
}
