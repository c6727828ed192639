import {
  SETTING_GROUPS,
  type Setting,
  type Settings,
  variableOf,
} from "../../src/command/settings/setting.ts"

/** The line of `docs/settings.md` after which the tables stand. */
const MARK = "<!-- tables: written by a test; do not edit below -->\n"

/** Returns the text of `docs/settings.md`: what stands before its tables, and the tables. */
export function settingsMarkdown(text: string, settings: Settings): string {
  const sections = SETTING_GROUPS.flatMap((group) => {
    const rows = Object.entries(settings).filter(([, setting]) => setting.group === group)
    if (rows.length === 0) return []
    return [`## ${group}\n\n${HEAD}\n${rows.map(([name, row]) => rowOf(name, row)).join("\n")}\n`]
  })
  return `${text.split(MARK)[0]}${MARK}\n${sections.join("\n")}`
}

const HEAD = "| setting | value | default | | meaning |\n|---|---|---|---|---|"

function rowOf(name: string, setting: Setting): string {
  const { type, initial, initially, help, reloads, variable } = setting
  const value = type.takes === "" ? "" : code(type.takes)
  const unless = initially?.replace(/,$/, "") ?? (initial === undefined ? "" : code(initial))
  const meaning = variable === undefined ? help : `${help}; ${code(variableOf(name, setting))}`
  const cells = [code(`--${name}`), value, unless, reloads ? "↻" : "", escaped(meaning)]
  return `| ${cells.join(" | ")} |`
}

function code(text: string): string {
  return `\`${escaped(text)}\``
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|")
}
