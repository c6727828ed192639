import type { HelpRow } from "@headwater/core"
import { type Command, Option } from "commander"
import type { Task } from "../tasks/task-context.ts"
import type { Verb } from "./verb.ts"

/** A verb that does one thing and ends, as data: help and completion are made of it. */
export interface TaskVerb {
  readonly name: string
  readonly summary: string
  /** `<TOPIC>` is needed, `[PREFIX]` is not. */
  readonly arguments?: readonly HelpRow[]
  /** `--limit <COUNT>`; `--key <KEY...>` may come again; `--json` is a flag. */
  readonly options?: readonly HelpRow[]
  /** Command lines without `headwater`, each with its effect. */
  readonly examples: readonly HelpRow[]
  /** Paragraphs below the options: formats, and exit codes of its own. */
  readonly notes?: readonly string[]
  /** `none` for a verb that asks no hub. */
  readonly hub?: "none"
  /** Loads the code that does the work. */
  readonly load: () => Promise<Task>
}

/** The options of each verb that asks a hub. */
const HUB_OPTIONS: readonly HelpRow[] = [
  ["--url <URL>", "the hub to ask; or HEADWATER_URL; http://127.0.0.1:8080 unless given"],
  ["--context <NAME>", "a hub that headwater context add named"],
  ["--token-file <FILE>", "the file with the token to show; or HEADWATER_TOKEN_FILE"],
]

const TIMEOUT: HelpRow = ["--timeout <DURATION>", "give up after 500ms, 10s or 2m: exit code 124"]

/** Variables that the verbs read. */
export const TASK_VARIABLES: readonly HelpRow[] = [
  ["HEADWATER_URL", "the hub that topics, ls, get, put and the other words ask"],
  ["HEADWATER_TOKEN", "or HEADWATER_TOKEN_FILE: the token that they show to it"],
  ["HEADWATER_CA_FILE", "the authority that they trust for https; PEM"],
]

/** The argument that names a topic. */
export const TOPIC = [
  "<TOPIC>",
  "a topic's name, CONTEXT:TOPIC, or http://HOST/v1/topics/TOPIC",
] as const

const NOTE_COLUMNS = 90

const EXIT_CODES =
  "Exit codes: 0 done, 1 the answer is no, 2 failed, 124 --timeout ran out, 130 interrupted."

/** Makes the word of the command that runs a task. */
export function taskVerb(task: TaskVerb, group: string): Verb & { readonly task: TaskVerb } {
  return {
    task,
    name: task.name,
    summary: task.summary,
    group,
    variables: TASK_VARIABLES,
    define: (command) => define(command, task),
    async run(call) {
      const { runTask } = await import("../tasks/run-task.ts")
      return runTask(await task.load(), call)
    },
  }
}

function define(command: Command, task: TaskVerb): void {
  for (const [form, meaning] of task.arguments ?? []) command.argument(form, meaning)
  const own = task.options ?? []
  // A verb may give an option of all verbs a meaning of its own, as `context add` does to `--url`.
  const shared = [...(task.hub === "none" ? [] : HUB_OPTIONS), TIMEOUT].filter(
    ([form]) => !own.some(([other]) => nameOf(other) === nameOf(form)),
  )
  for (const row of [...own, ...shared]) command.addOption(optionOf(row))
  const examples = task.examples.flatMap(([line, meaning]) => [
    `  ${line.includes("headwater") ? line : `headwater ${line}`}`,
    `      ${meaning}`,
  ])
  const notes = [...(task.notes ?? []), EXIT_CODES].map((note) => wrapped(note).join("\n"))
  command.addHelpText("after", ["", "Examples:", ...examples, "", notes.join("\n\n")].join("\n"))
}

// Not commander's list of values, which would take a topic that follows it for one more.
function optionOf([form, meaning]: HelpRow): Option {
  if (!form.includes("...")) return new Option(form, meaning)
  const option = new Option(form.replace("...", ""), `${meaning}; again for more`)
  return option.argParser((text: string, before: readonly string[] = []) => [...before, text])
}

function wrapped(text: string): string[] {
  const lines = [""]
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!
    if (line !== "" && line.length + 1 + word.length > NOTE_COLUMNS) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
  }
  return lines
}

function nameOf(form: string): string {
  return /--([a-z-]+)/.exec(form)?.[1] ?? form
}
