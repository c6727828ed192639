import type { Clock } from "@headwater/core"

/** The levels of log lines, from the fewest lines to the most. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const

/**
 * The weight of a log line. `error`: a bug, or an order that could not be followed. `warn`: an
 * operator should look. `debug`: each reader that comes and goes.
 */
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * Writes one line to the log, with facts as fields; `topic` is the name of the topic that it is
 * about. The level is `info` unless given.
 */
export type Log = (
  line: string,
  fields?: Readonly<Record<string, unknown>>,
  level?: LogLevel,
) => void

/**
 * Returns a log that never fails: an error of `log`, thrown or rejected, is dropped. A hub must not
 * stop because the place that its lines go to is gone or full.
 */
export function guardedLog(log: Log): Log {
  return (line, fields, level) => {
    try {
      // An asynchronous function is assignable to `Log`.
      const logged: unknown = log(line, fields, level)
      if (logged instanceof Promise) logged.catch(() => {})
    } catch {
      // There is no other place to report it.
    }
  }
}

/** Different lines that a rare log keeps apart; one more takes the place of the oldest. */
const RARE_LINES_MAX = 64

/** A rare log passes the same line on at most once in this time, in ms. */
const RARE_MS = 60_000

/**
 * Returns a log for lines that a client can cause as often as it likes: it passes each line on at
 * most once a minute, with the number of those it held back since.
 */
export function rareLog(log: Log, clock: Pick<Clock, "elapsed">): Log {
  const lines = new Map<string, { readonly since: number; heldBack: number }>()
  return (line, fields, level) => {
    const known = lines.get(line)
    const now = clock.elapsed()
    if (known !== undefined && now - known.since < RARE_MS) {
      known.heldBack += 1
      return
    }
    lines.delete(line)
    if (lines.size === RARE_LINES_MAX) lines.delete(lines.keys().next().value!)
    lines.set(line, { since: now, heldBack: 0 })
    log(line, known?.heldBack ? { ...fields, heldBack: known.heldBack } : fields, level)
  }
}

/** Logs to the console's error stream: fields as `name=value`, an error with its stack. */
export const consoleLog: Log = (line, fields = {}) => {
  console.error(textOf(line, fields))
}

/** Returns a line with its fields: `topic a: new epoch epoch="5f"`. */
export function textOf(
  line: string,
  { topic, ...fields }: Readonly<Record<string, unknown>>,
): string {
  const head = typeof topic === "string" ? `topic ${topic}: ${line}` : line
  const texts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      value instanceof Error ? `${name}=${stackOf(value)}` : `${name}=${jsonOf(value)}`,
    )
  return [head, ...texts].join(" ")
}

/** Returns the stack of an error, and the messages of its causes. */
export function stackOf(error: Error): string {
  const lines = [error.stack ?? String(error)]
  let { cause } = error
  // A cause may lead back to itself.
  for (let depth = 0; cause !== undefined && depth < CAUSES_MAX; depth++) {
    lines.push(`caused by ${String(cause)}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return lines.join("\n")
}

/** Causes of an error that are logged. */
const CAUSES_MAX = 5

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
