import { type TaskVerb, TOPIC, taskVerb } from "./task-verb.ts"
import type { Verb } from "./verb.ts"

const KEY = ["<KEY>", "the key"] as const
const VALUE = ["[VALUE]", "the value; - or none is the standard input, @FILE a file"] as const
const TEXT = ["--text", "store VALUE as a string, where the topic holds JSON"] as const
const JSON_ROW = ["--json", 'print {"revision", "position"} in place of the position'] as const

const VALUES =
  "VALUE is stored as it is, and must be of the topic's kind: in a topic of JSON a string has " +
  "double quotes, and on is refused, not guessed at; --text quotes it. White space around JSON " +
  "is left out; text and binary values keep every byte."

const TASKS: readonly TaskVerb[] = [
  {
    name: "put",
    summary: "write an entry",
    arguments: [TOPIC, KEY, VALUE],
    options: [TEXT, JSON_ROW],
    examples: [
      [`put default lamp '{"state":"on"}'`, "write JSON; prints the position of the write"],
      ["put default motd --text 'Back at noon'", "write a JSON string"],
      ["put default config @config.json", "write the content of a file"],
      ["put logos acme - < acme.png", "write the standard input"],
    ],
    notes: [VALUES],
    load: async () => (await import("../tasks/write-entry.ts")).put,
  },
  {
    name: "create",
    summary: "write an entry that is absent",
    arguments: [TOPIC, KEY, VALUE],
    options: [TEXT, JSON_ROW],
    examples: [[`create default lock '"me"'`, "take a lock; exit code 1 where it is taken"]],
    notes: [VALUES, "A key that is there is exit code 1."],
    load: async () => (await import("../tasks/write-entry.ts")).create,
  },
  {
    name: "update",
    summary: "write an entry that is there, perhaps only at a revision",
    arguments: [TOPIC, KEY, VALUE],
    options: [["--if-revision <REVISION>", "only if this revision wrote it last"], TEXT, JSON_ROW],
    examples: [
      ["update default n 2 --if-revision 12", "write unless it was written since revision 12"],
    ],
    notes: [VALUES, "An absent key, or another revision, is exit code 1."],
    load: async () => (await import("../tasks/write-entry.ts")).update,
  },
  {
    name: "del",
    summary: "delete an entry",
    arguments: [TOPIC, KEY],
    options: [["--if-revision <REVISION>", "only if this revision wrote it last"], JSON_ROW],
    examples: [["del default lamp", "delete it; exit code 1 where it is absent"]],
    load: async () => (await import("../tasks/write-entry.ts")).del,
  },
]

/** The words that write entries. */
export const WRITING_VERBS: readonly Verb[] = TASKS.map((task) => taskVerb(task, "Write"))
