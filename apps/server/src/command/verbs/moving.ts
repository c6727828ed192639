import { type TaskVerb, taskVerb } from "./task-verb.ts"
import type { Verb } from "./verb.ts"

const TOPIC = ["<TOPIC>", "a topic's name, CONTEXT:TOPIC, or http://HOST/v1/topics/TOPIC"] as const

const TASKS: readonly TaskVerb[] = [
  {
    name: "export",
    summary: "write all entries at one position to a file, a line each",
    arguments: [TOPIC, ["[FILE]", "the standard output unless given; .gz compresses"]],
    options: [["--prefix <PREFIX...>", "only keys that begin with one of these"]],
    examples: [
      ["export services services.ndjson.gz", "write a file"],
      ["export services | jq -c 'select(.key)'", "write to a pipe"],
    ],
    notes: [
      "The first line names the topic and the position, the last one the number of entries and " +
        "the digest of the hub, which the entries were compared with. Lines are sorted by key.",
    ],
    load: async () => (await import("../tasks/export-topic.ts")).exportTopic,
  },
  {
    name: "import",
    summary: "write the entries of a file that a topic lacks, or has with other values",
    arguments: [TOPIC, ["<FILE>", '{"key", "value"} a line, plain or gzip; - is standard input']],
    options: [
      ["--dry-run", "print the difference, and write nothing: exit code 1 if there is one"],
      ["--delete", "delete the entries that the file lacks"],
    ],
    examples: [
      ["import services services.ndjson.gz", "write what is missing or different"],
      ["import services new.ndjson --dry-run", "print what would change"],
      [
        `jq -c '.[] | {key: .id, value: .}' list.json | headwater import services -`,
        "write the items of a JSON array",
      ],
    ],
    notes: [
      "It writes batches of 128, each in one commit. After an interruption the same command goes " +
        "on where it was, since entries that are there already are not written again.",
    ],
    load: async () => (await import("../tasks/import-topic.ts")).importTopic,
  },
]

/** The words that move whole topics. */
export const MOVING_VERBS: readonly Verb[] = TASKS.map((task) => taskVerb(task, "Move"))
