import { LOG_LEVELS, type Log, type LogLevel, stackOf, textOf } from "./log.ts"

/** The format of log lines: JSON for machines, text for people. */
export type LogFormat = "json" | "text"

/** Options of a `LogWriter`. */
export interface LogWriterOptions {
  readonly format: LogFormat
  readonly level: LogLevel
  /** Takes one entry, which is one line in JSON; in text, an error adds lines. */
  readonly write: (text: string) => void
  /** The time of an entry; the system's unless given. */
  readonly now?: () => Date
}

/** Names of fields that an entry in JSON has of its own. */
const OWN_FIELDS = new Set(["time", "level", "topic", "message"])

/**
 * Writes log lines with time, level, topic, message and fields. Lines above the level are dropped;
 * the level can be moved. Whatever is written passes `withoutSecrets`.
 */
export class LogWriter {
  level: LogLevel
  readonly #format: LogFormat
  readonly #write: (text: string) => void
  readonly #now: () => Date

  constructor({ format, level, write, now = () => new Date() }: LogWriterOptions) {
    this.level = level
    this.#format = format
    this.#write = write
    this.#now = now
  }

  readonly log: Log = (line, fields = {}, level = "info") => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(this.level)) return
    this.#write(this.entry(line, fields, level))
  }

  /** Returns the text of an entry. */
  entry(line: string, fields: Readonly<Record<string, unknown>>, level: LogLevel): string {
    const time = this.#now().toISOString()
    const text =
      this.#format === "json"
        ? jsonLine(line, fields, { time, level })
        : `${time} ${level.padEnd(5)} ${textOf(line, fields)}`
    return withoutSecrets(text)
  }
}

function jsonLine(
  message: string,
  fields: Readonly<Record<string, unknown>>,
  { time, level }: { readonly time: string; readonly level: LogLevel },
): string {
  const { topic, ...rest } = fields
  const own = { time, level, ...(topic !== undefined && { topic }), message }
  const others = Object.entries(rest).map(([name, value]) => [
    OWN_FIELDS.has(name) ? `${name}_` : name,
    value instanceof Error ? stackOf(value) : value,
  ])
  try {
    return JSON.stringify({ ...own, ...Object.fromEntries(others) })
  } catch {
    // A field has no JSON, such as a bigint: the line is worth more than its fields.
    return JSON.stringify({ ...own, fields: textOf("", fields) })
  }
}

/**
 * Returns a line without what may be a credential: the user of a URL, a bearer token, a JWT, and a
 * private key. No line should have one; this is the net below.
 */
export function withoutSecrets(line: string): string {
  return line
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s"'@]*@/gi, "$1…@")
    .replace(/\b(bearer|basic)(\s+|%20)[A-Za-z0-9._~+/=-]{8,}/gi, "$1 …")
    .replace(/\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, "…")
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, "…")
}
