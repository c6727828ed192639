import { parseDuration } from "../settings/quantity.ts"
import { TaskError } from "./task-error.ts"

/** The arguments and options of one call of a verb. */
export class TaskInput {
  readonly #args: readonly (string | readonly string[] | undefined)[]
  readonly #options: Readonly<Record<string, unknown>>

  /** @param options as commander names them: `ifRevision` for `--if-revision`. */
  constructor(
    args: readonly (string | readonly string[] | undefined)[],
    options: Readonly<Record<string, unknown>> = {},
  ) {
    this.#args = args
    this.#options = options
  }

  /** The argument at a place, which the parser made sure of. */
  argument(at: number): string {
    const text = this.optional(at)
    if (text === undefined) throw new TaskError(`argument ${at + 1} is missing; see --help`)
    return text
  }

  /** The argument at a place that may be absent. */
  optional(at: number): string | undefined {
    const text = this.#args[at]
    return typeof text === "string" ? text : undefined
  }

  /** True when a flag was given. Names are those of the command line, as in `if-revision`. */
  flag(name: string): boolean {
    return this.#value(name) === true
  }

  text(name: string): string | undefined {
    const value = this.#value(name)
    return typeof value === "string" ? value : undefined
  }

  list(name: string): readonly string[] {
    const value = this.#value(name)
    return Array.isArray(value) ? value : typeof value === "string" ? [value] : []
  }

  /** A whole number, from `min` to `max`. */
  count(name: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (count >= min && count <= max) return count
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} up` : `from ${min} to ${max}`
    throw new TaskError(`--${name} takes a whole number ${range}, not "${text}"`)
  }

  /** A duration in ms, of `500ms`, `10s`, `2m`, `1h`, or a bare number of seconds. */
  durationMs(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const ms = parseDuration(text)
    if (ms !== undefined) return ms
    throw new TaskError(`--${name} takes a duration such as 500ms, 10s or 2m, not "${text}"`)
  }

  #value(name: string): unknown {
    return this.#options[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())]
  }
}
