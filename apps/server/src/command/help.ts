import type { HelpRow } from "@headwater/core"
import { SOURCE_TYPES } from "./source-types.ts"

const OPTIONS: readonly HelpRow[] = [
  ["--listen HOST:PORT", "where to listen; 127.0.0.1:8080 unless given"],
  [
    "--topic NAME=SOURCE",
    "serve a topic; again for more; default=sqlite:./data/default.db unless given",
  ],
  [
    "--allow-anonymous ACCESS",
    "read or write: access of clients without a token; needed to listen beyond this machine, and " +
      "for writes through a proxy on this machine",
  ],
  ["--allow-host NAME", "a Host that a hub on loopback also answers to; again for more"],
  ["--cors ORIGIN", "let pages of this origin use the hub; again for more"],
  ["--compress", "stream in gzip to readers that accept it"],
  ["--help, --version", "print this text, or the version, and exit"],
]

const SOURCE_OPTIONS: readonly HelpRow[] = [
  ["?values=json|text|binary", "the kind of the topic's values; json unless given"],
  ["?write=1", "let clients write to an etcd or another hub"],
  ["?write=0", "do not let clients write to a file or to memory"],
]

const VARIABLES: readonly HelpRow[] = [
  ["HEADWATER_LISTEN", "as --listen"],
  ["HEADWATER_TOPICS", "as --topic; several are separated by white space or semicolons"],
]

/** The answer to `--help`: options, every kind of source with its options, and variables. */
export function helpText(): string {
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
    section("headwater [options]", OPTIONS),
    section("SOURCE is one of", forms),
    section("with the options", [...SOURCE_OPTIONS, ...own]),
    section("Environment, used where an option is not given", [...VARIABLES, ...variables]),
  ].join("\n\n")
}

const NEEDS_WRITE = "; read-only unless write=1"

const COLUMNS = 100

function section(title: string, rows: readonly HelpRow[]): string {
  const width = Math.min(42, Math.max(...rows.map(([form]) => form.length)))
  return [title, ...rows.map((row) => rowText(row, width))].join("\n")
}

// A form that is wider than its column stands on a line of its own.
function rowText([form, meaning]: HelpRow, width: number): string {
  const indent = " ".repeat(width + 4)
  const head = form.length > width ? `  ${form}\n${indent}` : `  ${form.padEnd(width)}  `
  return head + wrapped(meaning, COLUMNS - indent.length).join(`\n${indent}`)
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
