import { readConfig } from "./config.ts"
import { knownVariables } from "./settings/known-variables.ts"
import { flagsOf } from "./settings/options.ts"
import { type HubSettings, readSettings } from "./settings/read-settings.ts"
import type { Found } from "./settings/resolve.ts"
import type { Setting } from "./settings/setting.ts"
import { SETTINGS } from "./settings/table.ts"
import { warningsOf } from "./settings/unknown-variables.ts"
import type { VerbCall } from "./verbs/verb.ts"

/**
 * `headwater config`: prints the settings that `headwater serve` would use, as a file that
 * `--config` takes, with the origin of each in a comment. It opens nothing.
 *
 * @throws {ConfigError} a setting is wrong.
 */
export async function printConfig(call: VerbCall): Promise<number> {
  const { runtime, options, verbs, print, complain } = call
  const settings = await readSettings(runtime, flagsOf(options, SETTINGS))
  readConfig(settings.values)
  for (const line of warningsOf(runtime.envNames(), knownVariables(verbs))) complain(line)
  for (const line of configLines(settings)) print(line)
  return 0
}

/** Returns a line for each setting: `streams: 500  # HEADWATER_STREAMS`. */
export function configLines({ values, found }: HubSettings): string[] {
  const rows = Object.entries(SETTINGS).map(([name, setting]): [string, Found] => {
    const text = textOf(setting, values[name as keyof typeof values])
    // A file that names itself would be refused.
    const head = text === undefined || name === "config" ? `# ${name}` : `${name}: ${text}`
    return [
      name === "config" && text !== undefined ? `# ${name}: ${text}` : head,
      found[name as keyof typeof found],
    ]
  })
  const width = Math.min(48, Math.max(...rows.map(([head]) => head.length)))
  return rows.map(([head, { origin, label }]) => {
    const from = origin === "default" ? "default" : label.replace(/,$/, "")
    return `${head.padEnd(width)}  # ${from}`
  })
}

// JSON is YAML; a plain text stays without quotes, because that is how a file is written by hand.
function textOf(setting: Setting, value: unknown): string | undefined {
  if (Array.isArray(value)) {
    if (value.length === 0) return undefined
    return `[${value.map((item) => quoted(setting.type.format(item))).join(", ")}]`
  }
  return value === undefined ? undefined : plain(setting.type.format(value))
}

function plain(text: string): string {
  return /^[A-Za-z0-9/.][A-Za-z0-9/._:+-]*(?<!:)$/.test(text) ? text : quoted(text)
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
