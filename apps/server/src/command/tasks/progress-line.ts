import type { TaskContext } from "./task-context.ts"
import { countText, spanText } from "./text-table.ts"

/** The progress of a long task. `done` and `total` have one unit, which is not shown. */
export interface Progress {
  readonly done: number
  /** Absent where it is not known. */
  readonly total?: number | undefined
  readonly entries: number
}

const REDRAW_MS = 100
const BAR_COLUMNS = 24

/**
 * A line at the bottom of a terminal that shows how far a task is, its rate, and the time left. It
 * writes nothing where the error output is no terminal.
 */
export class ProgressLine {
  readonly #context: TaskContext
  readonly #verb: string
  readonly #startedAt: number
  #drawnAt = Number.NEGATIVE_INFINITY

  /** @param verb in the past tense: `imported`. */
  constructor(verb: string, context: TaskContext) {
    this.#verb = verb
    this.#context = context
    this.#startedAt = context.clock.elapsed()
  }

  get elapsedMs(): number {
    return this.#context.clock.elapsed() - this.#startedAt
  }

  /** Draws the line anew, unless it was drawn just now. */
  async show(progress: Progress): Promise<void> {
    const { errors } = this.#context.terminal
    const now = this.#context.clock.elapsed()
    if (!errors.isTerminal || now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    const text = progressText(this.#verb, progress, this.elapsedMs)
    await errors.write(`\r\u001b[K${[...text].slice(0, errors.columns - 1).join("")}`)
  }

  /** Takes the line away. */
  async clear(): Promise<void> {
    if (this.#drawnAt > Number.NEGATIVE_INFINITY) {
      await this.#context.terminal.errors.write("\r\u001b[K")
    }
  }
}

/** The text of a progress line: `imported ████░░ 42 %  25,200  4,870/s  7.1 s left`. */
export function progressText(
  verb: string,
  { done, total, entries }: Progress,
  elapsedMs: number,
): string {
  const rate = elapsedMs > 0 ? (entries / elapsedMs) * 1_000 : 0
  const counts = `${countText(entries)} entries  ${countText(rate)}/s`
  if (!total) return `${verb} ${counts}`
  const part = Math.min(1, done / total)
  const filled = Math.round(part * BAR_COLUMNS)
  const bar = "█".repeat(filled) + "░".repeat(BAR_COLUMNS - filled)
  const leftMs = part > 0 ? (elapsedMs / part) * (1 - part) : undefined
  const left = leftMs === undefined ? "" : `  ${spanText(leftMs)} left`
  return `${verb} ${bar} ${Math.floor(part * 100)} %  ${counts}${left}`
}
