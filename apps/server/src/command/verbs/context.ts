import { type TaskVerb, taskVerb } from "./task-verb.ts"
import type { Verb } from "./verb.ts"

const NAME = ["<NAME>", "the name of a hub"] as const

const TASKS: readonly TaskVerb[] = [
  {
    name: "add",
    summary: "name a hub; the first one is in use at once",
    arguments: [NAME],
    options: [
      ["--url <URL>", "the hub's address"],
      ["--token-file <FILE>", "the file with the token for it"],
    ],
    examples: [
      ["context add prod --url https://hub.example --token-file ~/.prod-token", "name a hub"],
      ["topics --context prod", "ask it"],
      ["get prod:services web/1", "ask it, whichever is in use"],
    ],
    hub: "none",
    load: async () => (await import("../tasks/contexts.ts")).addContext,
  },
  {
    name: "use",
    summary: "make a hub the one that is asked",
    arguments: [NAME],
    examples: [["context use prod", "ask prod from now on"]],
    hub: "none",
    load: async () => (await import("../tasks/contexts.ts")).useContext,
  },
  {
    name: "ls",
    summary: "list the hubs; a star marks the one in use",
    options: [["--json", "one hub a line"]],
    examples: [["context ls", "list them"]],
    hub: "none",
    load: async () => (await import("../tasks/contexts.ts")).listContexts,
  },
  {
    name: "rm",
    summary: "forget a hub",
    arguments: [NAME],
    examples: [["context rm prod", "forget prod"]],
    hub: "none",
    load: async () => (await import("../tasks/contexts.ts")).removeContext,
  },
]

/** `headwater context`: hubs under names. */
export const contextVerb: Verb = {
  name: "context",
  summary: "name hubs and their tokens, and choose the one to ask",
  group: "Hubs",
  verbs: TASKS.map((task) => taskVerb(task, "Hubs")),
}
