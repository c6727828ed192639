import { type Command, Option } from "commander"
import type { Given } from "./resolve.ts"
import type { Setting, Settings } from "./setting.ts"

/** Adds an option for each setting to a command. Texts stay as they are: `resolve` reads them. */
export function addSettings(command: Command, settings: Settings): void {
  for (const [name, setting] of Object.entries(settings)) {
    const { takes } = setting.type
    const option = new Option(takes === "" ? `--${name}` : `--${name} <${takes}>`)
    option.description = helpOf(setting)
    option.helpGroup(setting.group)
    if (takes !== "") option.argParser(collect)
    command.addOption(option)
    if (takes !== "") continue
    command.addOption(new Option(`--no-${name}`).hideHelp().helpGroup(setting.group))
  }
}

/** Returns the settings that commander found among its options. */
export function flagsOf(
  options: Readonly<Record<string, unknown>>,
  settings: Settings,
): Given["flags"] {
  const flags: Record<string, readonly string[]> = {}
  for (const name of Object.keys(settings)) {
    const value = options[new Option(`--${name}`).attributeName()]
    if (Array.isArray(value)) flags[name] = value
    else if (typeof value === "boolean") flags[name] = [String(value)]
  }
  return flags
}

/** Returns the meaning of a setting with its default. */
export function helpOf({ help, initial, initially, type }: Setting): string {
  if (type.takes === "") return initial === "true" ? `${help}; on unless --no-… is given` : help
  const unless = initially ?? initial
  return unless === undefined ? help : `${help}; ${unless} unless given`
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}
