import { type TaskVerb, taskVerb } from "./task-verb.ts"
import type { Verb } from "./verb.ts"

const TASKS: readonly TaskVerb[] = [
  {
    name: "verify",
    summary: "compare two topics or files: position, entries, digest, and each value",
    arguments: [
      ["<A>", "a topic's name or URL, CONTEXT:TOPIC, or the path of an exported file"],
      ["<B>", "what to compare it with, in the same forms"],
    ],
    options: [
      ["--limit <COUNT>", "print at most so many differences; 50 unless given"],
      ["--wait <DURATION>", "follow both so long to a common position; 10s unless given"],
      ["--json", "print one JSON object"],
    ],
    examples: [
      ["verify services http://10.0.0.2:8080/v1/topics/services", "compare two hubs"],
      ["verify prod:services ./services.ndjson.gz", "compare a topic with an export"],
    ],
    notes: [
      "Values are compared byte by byte; revisions only where both sides are of one epoch. A " +
        "file is told from a topic by a / in its path, or by .ndjson, .jsonl or .gz at its end.",
      "Exit code 0: equal. 1: they differ. 2: they could not be compared.",
    ],
    load: async () => (await import("../tasks/verify.ts")).verify,
  },
  {
    name: "doctor",
    summary: "look for what keeps a hub's events from its readers, and say how to mend it",
    arguments: [["[URL]", "a hub's address, or a topic; the hub that is asked unless given"]],
    options: [["--json", 'one finding a line: {"level", "subject", "text", "cure"}']],
    examples: [
      ["doctor https://hub.example", "look at a hub as clients reach it, through its proxy"],
      ["doctor prod:services", "look at a topic of a named hub"],
    ],
    notes: [
      "It opens some streams for about ten seconds, and writes nothing. It finds proxies that " +
        "buffer, compress, cache or cut streams, or drop Last-Event-ID; a Host that the hub does " +
        "not answer to; a refused token; clocks; HTTP/1.1; a topic out of sync; a wrong digest.",
      "Exit code 0: no fault. 1: a fault was found.",
    ],
    load: async () => (await import("../tasks/doctor.ts")).doctor,
  },
  {
    name: "bench",
    summary: "open many streams of a topic, write meanwhile, and measure what arrives",
    arguments: [["[TOPIC]", "a topic, or the address of a hub that has one topic"]],
    options: [
      ["--readers <COUNT>", "streams; 100 unless given"],
      ["--slow <COUNT>", "how many of them read a piece a second"],
      ["--rate <COUNT>", "writes a second, to 100 keys below headwater-bench/; none unless given"],
      ["--duration <DURATION>", "10s unless given"],
      ["--json", "print one JSON object"],
    ],
    examples: [
      ["bench default --readers 500 --rate 50", "measure the time from a write to 500 readers"],
      ["bench default --readers 100 --slow 10 --rate 200", "see what slow readers do to others"],
    ],
    notes: [
      "The readers share this machine with whatever else runs on it: many of them measure it, " +
        "too. The keys are deleted at the end. Exit code 1: a link was lost.",
    ],
    load: async () => (await import("../tasks/bench.ts")).bench,
  },
]

/** The words that examine hubs and topics. */
export const EXAMINING_VERBS: readonly Verb[] = TASKS.map((task) => taskVerb(task, "Examine"))
