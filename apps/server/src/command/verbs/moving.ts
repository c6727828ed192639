import { type TaskVerb, TOPIC, taskVerb } from "./task-verb.ts"
import type { Verb } from "./verb.ts"

const TASKS: readonly TaskVerb[] = [
  {
    name: "export",
    summary: "write all entries at one position to a file, a line each",
    arguments: [TOPIC, ["[FILE]", "the standard output unless given; .gz compresses"]],
    options: [["--prefix <PREFIX...>", "only keys that begin with it"]],
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
  {
    name: "backup",
    summary: "copy the sqlite file of a topic while its hub runs",
    arguments: [
      ["<FILE>", "the topic's file; headwater serve prints its path at the start"],
      ["<COPY>", "the file to make"],
    ],
    examples: [
      ["backup ./data/default.db ./default-backup.db", "copy it, whole and at one revision"],
      ["restore default ./default-backup.db", "bring the topic back to it"],
    ],
    notes: [
      "It runs on the machine of the hub. For a topic that has no file, or is elsewhere, use " +
        "export. A copy that is served itself, as --topic NAME=sqlite:COPY, begins a new " +
        "epoch: its readers fetch a snapshot.",
    ],
    hub: "none",
    load: async () => (await import("../tasks/backup.ts")).backup,
  },
  {
    name: "restore",
    summary: "make a topic what it was at a backup or an export, while its hub runs",
    arguments: [TOPIC, ["<FILE>", "a copy that backup made, or a file that export wrote"]],
    options: [
      ["--dry-run", "print the difference, and write nothing: exit code 1 if there is one"],
    ],
    examples: [
      ["restore default ./default-backup.db --dry-run", "print what would change"],
      ["restore default ./default.ndjson.gz", "write the difference"],
    ],
    notes: [
      "Entries that the file lacks are deleted. The topic keeps its epoch, and its readers get " +
        "the difference as any other change. A batch of 128 changes is one commit.",
    ],
    load: async () => (await import("../tasks/import-topic.ts")).restore,
  },
  {
    name: "mirror",
    summary: "make a topic equal to another one, and keep it so",
    arguments: [
      ["<FROM>", TOPIC[1]],
      ["<TO>", "the topic to write, in the same forms"],
    ],
    options: [
      ["--delete", "delete the keys that TO has and FROM lacks at the start"],
      ["--keep", "leave those keys"],
      ["--once", "end when they are equal"],
    ],
    examples: [
      ["mirror prod:services services", "copy a topic of another hub to this one, and follow it"],
      ["mirror services backup --once --delete", "make backup equal to services, and end"],
    ],
    notes: [
      "TO gets revisions of its own. A hub that only reads needs no mirror: serve it with " +
        "--topic NAME=headwater+http://HOST/TOPIC, and positions stay the same.",
    ],
    load: async () => (await import("../tasks/mirror.ts")).mirror,
  },
]

/** The words that move whole topics. */
export const MOVING_VERBS: readonly Verb[] = TASKS.map((task) => taskVerb(task, "Move"))
