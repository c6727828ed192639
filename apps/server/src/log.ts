import type { Clock } from "@headwater/core"

/** Writes one line to the log, with facts as fields. */
export type Log = (line: string, fields?: Readonly<Record<string, unknown>>) => void

/**
 * Returns a log that never fails: an error of `log`, thrown or rejected, is dropped. A hub must not
 * stop because the place that its lines go to is gone or full.
 */
export function guardedLog(log: Log): Log {
  return (line, fields) => {
    try {
      // An asynchronous function is assignable to `Log`.
      const logged: unknown = log(line, fields)
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
  return (line, fields) => {
    const known = lines.get(line)
    const now = clock.elapsed()
    if (known !== undefined && now - known.since < RARE_MS) {
      known.heldBack += 1
      return
    }
    lines.delete(line)
    if (lines.size === RARE_LINES_MAX) lines.delete(lines.keys().next().value!)
    lines.set(line, { since: now, heldBack: 0 })
    log(line, known?.heldBack ? { ...fields, heldBack: known.heldBack } : fields)
  }
}

/** Logs to the console's error stream: fields as `name=value`, an error with its stack. */
export const consoleLog: Log = (line, fields = {}) => {
  const texts = Object.entries(fields).map(([name, value]) =>
    value instanceof Error ? `${name}=${value.stack ?? value}` : `${name}=${JSON.stringify(value)}`,
  )
  console.error([line, ...texts].join(" "))
}
