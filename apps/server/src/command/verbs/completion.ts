import type { Verb } from "./verb.ts"

/** `headwater completion SHELL`: a script that completes words and options. */
export const completionVerb: Verb = {
  name: "completion",
  summary: "print the script that completes words and options in bash, zsh or fish",
  group: "Hubs",
  define(command) {
    command.argument("<SHELL>", "bash, zsh or fish")
    command.addHelpText(
      "after",
      [
        "",
        "Examples:",
        "  source <(headwater completion bash)",
        "      complete in this bash; put the line into ~/.bashrc to have it in each",
        "  headwater completion fish | source",
        "      the same in fish",
      ].join("\n"),
    )
  },
  async run({ args, verbs, print }) {
    const { completionScript, completionWords } = await import("../tasks/completion.ts")
    const { buildProgram } = await import("../program.ts")
    print(completionScript(String(args[0]), completionWords(buildProgram(verbs))).trimEnd())
    return 0
  },
}
