import { type LogFormat, LogWriter } from "../log-writer.ts"
import type { Runtime } from "../runtime/runtime.ts"
import type { HubSettings } from "./settings/read-settings.ts"

/** Returns the log that settings choose: text where people read it, else JSON. */
export function logOf(
  { values }: HubSettings,
  runtime: Pick<Runtime, "isTerminal">,
  write: (line: string) => void,
): { readonly format: LogFormat; readonly writer: LogWriter } {
  const format = values["log-format"] ?? (runtime.isTerminal ? "text" : "json")
  return { format, writer: new LogWriter({ format, level: values["log-level"], write }) }
}
