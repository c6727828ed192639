import { systemClock } from "@headwater/core"
import { LineQueue } from "../line-queue.ts"
import { type LogFormat, LogWriter } from "../log-writer.ts"
import type { Runtime } from "../runtime/runtime.ts"
import type { HubSettings } from "./settings/read-settings.ts"

/** Time for the last lines to be written when the hub has stopped, in ms. */
const FLUSH_MS = 300

/** The log of a hub. */
export interface HubLog {
  readonly format: LogFormat
  readonly writer: LogWriter
  /** Resolves when all lines were written, or the output did not take them in time. */
  flush(): Promise<void>
}

/** Returns the log that settings choose: text where people read it, else JSON. */
export function logOf(
  { values }: HubSettings,
  runtime: Pick<Runtime, "isTerminal" | "writeError">,
): HubLog {
  const format = values["log-format"] ?? (runtime.isTerminal ? "text" : "json")
  const queue = new LineQueue(
    (text) => runtime.writeError(text),
    (lines) => writer.entry("dropped log lines: standard error was not read", { lines }, "warn"),
  )
  const write = (line: string) => queue.push(line)
  const writer: LogWriter = new LogWriter({ format, level: values["log-level"], write })
  const flush = async () => {
    const late = new AbortController()
    // The wait rejects when it is ended.
    const wait = systemClock.sleep(FLUSH_MS, late.signal).catch(() => {})
    await Promise.race([queue.flush(), wait])
    late.abort()
  }
  return { format, writer, flush }
}
