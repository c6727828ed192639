import { Option } from "commander"
import type { Verb } from "./verb.ts"

/** `headwater token`: tokens for the file of `--tokens`. */
export const tokenVerb: Verb = {
  name: "token",
  summary: "make tokens, and look into them",
  verbs: [
    {
      name: "new",
      summary: "print a new token of 256 bits, and the line of it for the token file",
      define: (command) =>
        command
          .argument("[NAME]", "the identity; the printed entry has it")
          .addOption(new Option("--read <PREFIX...>", "keys that it may read"))
          .addOption(new Option("--write <PREFIX...>", "keys that it may write"))
          .addOption(new Option("--topic <NAME>", "the topic of these; * for all").default("*")),
      async run(call) {
        const { newTokenEntry } = await import("../tokens.ts")
        return newTokenEntry(call)
      },
    },
    {
      name: "hash",
      summary: "print the SHA-256 of a token on standard input, as the token file lists it",
      async run(call) {
        const { hashToken } = await import("../tokens.ts")
        return hashToken(call)
      },
    },
    {
      name: "inspect",
      summary: "print the claims of a JWT on standard input, without verifying it",
      async run(call) {
        const { inspectToken } = await import("../tokens.ts")
        return inspectToken(call)
      },
    },
  ],
}
