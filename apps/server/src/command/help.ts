import type { HelpRow } from "@headwater/core"
import { HELP_COLUMNS } from "./program.ts"
import { helpOf } from "./settings/options.ts"
import { SETTING_GROUPS, type Settings, variableOf } from "./settings/setting.ts"
import { SETTINGS } from "./settings/table.ts"
import { SOURCE_TYPES } from "./source-types.ts"
import type { Verb } from "./verbs/verb.ts"

const SOURCE_OPTIONS: readonly HelpRow[] = [
  ["?values=json|text|binary", "the kind of the topic's values; json unless given"],
  ["?write=1", "let clients write to an etcd or another hub"],
  ["?write=0", "do not let clients write to a file or to memory"],
]

/** The answer to `--help`: words, settings by groups, every kind of source, and variables. */
export function helpText(verbs: readonly Verb[]): string {
  const forms = SOURCE_TYPES.flatMap(({ forms, writes }) => {
    const note = writes === "unless-refused" ? "" : writes === "never" ? "; read-only" : NEEDS_WRITE
    return forms.map(([form, meaning]): HelpRow => [form, `${meaning}${note}`])
  })
  const own = SOURCE_TYPES.flatMap(({ schemes, options }) =>
    options.map(
      ({ help: [form, meaning] }): HelpRow => [`?${form}`, `${schemes.join(", ")} ${meaning}`],
    ),
  )
  // Two types may read the same variables.
  const variables = new Map(SOURCE_TYPES.flatMap(({ variables }) => variables))
  return [
    "headwater: mirrors sources in memory and streams them: a snapshot, then every change",
    "headwater [WORD] [options]; headwater WORD --help prints the options of another word",
    ...wordSections(verbs),
    ...settingSections(SETTINGS),
    section("SOURCE is one of", forms),
    section("with the options", [...SOURCE_OPTIONS, ...own]),
    section("Environment", [...ENVIRONMENT, ...variables]),
    section("And", [["-h, --help; -v, --version", "print this text, or the version, and exit"]]),
  ].join("\n\n")
}

const NEEDS_WRITE = "; read-only unless write=1"

/** A row that explains how the name of a setting becomes one of a variable. */
const ENVIRONMENT: readonly HelpRow[] = [
  ["HEADWATER_…", "each setting, such as HEADWATER_LISTEN; a flag wins, then this, then the file"],
  [
    variableOf("topic", SETTINGS.topic),
    "as --topic; values of a setting that may come again stand apart by white space or semicolons",
  ],
]

function wordSections(verbs: readonly Verb[]): string[] {
  const titles = new Set(verbs.map(({ group = "Words" }) => group))
  return [...titles].map((title) =>
    section(
      title,
      verbs
        .filter(({ group = "Words" }) => group === title)
        .map(({ name, summary }): HelpRow => [name, summary]),
    ),
  )
}

function settingSections(settings: Settings): string[] {
  return SETTING_GROUPS.flatMap((group) => {
    const rows = Object.entries(settings)
      .filter(([, setting]) => setting.group === group)
      .map(([name, setting]): HelpRow => {
        const { takes } = setting.type
        return [takes === "" ? `--${name}` : `--${name} ${takes}`, helpOf(setting)]
      })
    return rows.length === 0 ? [] : [section(group, rows)]
  })
}

function section(title: string, rows: readonly HelpRow[]): string {
  const width = Math.min(42, Math.max(...rows.map(([form]) => form.length)))
  return [title, ...rows.map((row) => rowText(row, width))].join("\n")
}

// A form that is wider than its column stands on a line of its own.
function rowText([form, meaning]: HelpRow, width: number): string {
  const indent = " ".repeat(width + 4)
  const head = form.length > width ? `  ${form}\n${indent}` : `  ${form.padEnd(width)}  `
  return head + wrapped(meaning, HELP_COLUMNS - indent.length).join(`\n${indent}`)
}

function wrapped(text: string, width: number): string[] {
  const lines = [""]
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
  }
  return lines
}
