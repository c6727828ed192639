import { guardedLog, type Log } from "../log.ts"
import type { LogFormat } from "../log-writer.ts"
import type { Runtime } from "../runtime/runtime.ts"
import type { TopicOptions } from "../topic.ts"
import type { Config } from "./config.ts"
import { greeting, greetingLine, OPEN_ACCESS } from "./greeting.ts"
import { keptTopics } from "./open-topics.ts"
import { allSettings, chosenSettings } from "./settings/effective.ts"
import type { HubSettings } from "./settings/read-settings.ts"

/** The facts of a hub that has begun to listen. */
export interface StartFacts {
  readonly runtime: Runtime
  readonly config: Config
  readonly settings: HubSettings
  readonly format: LogFormat
  readonly log: Log
  readonly print: (line: string) => void
}

/**
 * Logs the start of a hub, with the settings that were chosen; none of them is a secret. Where the
 * log is text, people get the greeting.
 */
export function logStart(facts: StartFacts, url: string, topics: readonly TopicOptions[]): void {
  const { runtime, config, settings, format, log, print } = facts
  const files = keptTopics(config, topics)
  const chosen = { runtime: runtime.name, settings: chosenSettings(settings) }
  if (format === "text") {
    // Deno throws where the output is full or gone; the hub serves all the same.
    guardedLog(print)(greeting(config, url, files))
    log("started", chosen)
  } else {
    log(greetingLine(config, url), { ...chosen, files })
    if (config.access === undefined) log(OPEN_ACCESS, {}, "warn")
  }
  log("all settings", { settings: allSettings(settings) }, "debug")
}
