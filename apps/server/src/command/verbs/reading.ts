import { type TaskVerb, TOPIC, taskVerb } from "./task-verb.ts"
import type { Verb } from "./verb.ts"

const TASKS: readonly TaskVerb[] = [
  {
    name: "topics",
    summary: "list the topics of a hub; on a terminal, as a table that stays up to date",
    options: [
      ["--json", "one topic a line, with all that the hub says of it"],
      ["--once", "print the table once on a terminal, too"],
    ],
    examples: [
      ["topics", "watch all topics; Ctrl+C ends it"],
      ["topics --json | jq -r 'select(.status != \"in-sync\").topic'", "name those not in sync"],
    ],
    load: async () => (await import("../tasks/topics.ts")).topics,
  },
  {
    name: "ls",
    summary: "list the keys of a topic, sorted, one a line",
    arguments: [TOPIC, ["[PREFIX]", "only keys that begin with it"]],
    options: [
      ["-l, --long", "with revision, size and value"],
      ["--json", 'one entry a line: {"key", "value", "revision"}'],
      ["--limit <COUNT>", "at most so many"],
    ],
    examples: [
      ["ls services web/", "list the keys below web/"],
      ["ls -l services", "list all entries with their values"],
    ],
    load: async () => (await import("../tasks/ls.ts")).ls,
  },
  {
    name: "get",
    summary: "print the value of a key, byte for byte",
    arguments: [TOPIC, ["<KEY>", "the key"]],
    options: [
      ["--json", "the entry as JSON: topic, key, revision, position, values, value"],
      ["--at-least <POSITION>", "wait until the hub has reached a position, as put prints it"],
    ],
    examples: [
      ["get services web/1", "print the value"],
      ["get services web/1 --json | jq .revision", "print the revision that wrote it"],
    ],
    notes: ["An absent key is exit code 1. A line feed follows the value on a terminal only."],
    load: async () => (await import("../tasks/get.ts")).get,
  },
  {
    name: "follow",
    summary: "print the entries of a topic, and then one line for each change, for ever",
    arguments: [TOPIC],
    options: [
      ["--prefix <PREFIX...>", "only keys that begin with it"],
      ["--key <KEY...>", "only this key"],
      ["--since <POSITION>", "only changes after this position"],
      ["--skip-snapshot", "only changes from now on"],
      ["--json", 'one change a line: {"op", "key", "value", "revision", "position"}'],
      ["--pretty", "values of JSON over several lines"],
      ["--until-sync", "end once everything up to now was printed"],
      ["--exec <COMMAND>", "run a shell command for each commit, one after the other"],
    ],
    examples: [
      ["follow services", "print every change"],
      ["follow services --prefix web/ --json", "print changes below web/ for a script"],
      ["follow services --skip-snapshot --exec './reload.sh'", "run a script at each change"],
      ["follow services --until-sync --json > state.ndjson", "print the present state, and end"],
    ],
    notes: [
      "A line is REVISION put KEY VALUE or REVISION delete KEY. The error output says when the " +
        "link was lost and regained; then the changes go on where they ended.",
      "A command of --exec gets {topic, position, changes} as JSON on its standard input and, " +
        "below 64 KiB, in HEADWATER_EVENT; and HEADWATER_TOPIC, HEADWATER_POSITION, " +
        "HEADWATER_REVISION and HEADWATER_CHANGES, the number of changes; of a single change " +
        "HEADWATER_OP and HEADWATER_KEY. While it runs, later commits are merged. With " +
        "--until-sync, a command that failed is exit code 1.",
    ],
    load: async () => (await import("../tasks/follow.ts")).follow,
  },
]

/** The words that read a topic. */
export const READING_VERBS: readonly Verb[] = TASKS.map((task) => taskVerb(task, "Read"))
