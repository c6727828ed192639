import { Command, CommanderError, type Help } from "commander"
import { hintFor } from "./settings/nearest.ts"
import type { Verb } from "./verbs/verb.ts"

/** Columns of help. */
export const HELP_COLUMNS = 100

/** A word that was found on the command line, with what follows it. */
export interface FoundVerb {
  readonly verb: Verb
  readonly args: readonly (string | readonly string[] | undefined)[]
  readonly options: Readonly<Record<string, unknown>>
}

/** The meaning of a command line: to run a verb, to print a text, or it is wrong. */
export type CommandLine =
  | ({ readonly type: "run" } & FoundVerb)
  | { readonly type: "help" }
  | { readonly type: "version" }
  | { readonly type: "print"; readonly text: string }
  | { readonly type: "wrong"; readonly line: string }

/**
 * Reads a command line. Pure: it runs nothing, prints nothing and never throws for wrong arguments.
 *
 * A command line without a word is one of `serve`.
 */
export function readCommandLine(args: readonly string[], verbs: readonly Verb[]): CommandLine {
  const words = args[0] === "help" ? [...args.slice(1), "--help"] : args
  const word = words[0]?.startsWith("-") === false ? words[0] : undefined
  if (word === undefined || word === "serve") {
    if (words.includes("--help") || words.includes("-h")) return { type: "help" }
    if (words.includes("--version") || words.includes("-v")) return { type: "version" }
  }
  let found: FoundVerb | undefined
  let text = ""
  const program = buildProgram(verbs, (verb) => {
    found = verb
  })
  const print = (part: string) => {
    text += part
  }
  eachCommand(program, (command) => {
    command.configureOutput({ writeOut: print, writeErr: print, outputError: () => {} })
  })
  try {
    program.parse(word === undefined ? ["serve", ...words] : [...words], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === "commander.help" || error.exitCode === 0) return { type: "print", text }
    return { type: "wrong", line: lineOf(error, words, verbs) }
  }
  return found === undefined ? { type: "print", text } : { type: "run", ...found }
}

/** Builds the program with every verb. `onFound` gets the one that a parsed command line names. */
export function buildProgram(
  verbs: readonly Verb[],
  onFound: (found: FoundVerb) => void = () => {},
): Command {
  const program = new Command("headwater")
  program.enablePositionalOptions().exitOverride().helpCommand(false)
  program.configureHelp({ helpWidth: HELP_COLUMNS, optionTerm: ({ flags }) => termOf(flags) })
  for (const verb of verbs) addVerb(program, verb, onFound)
  return program
}

function addVerb(parent: Command, verb: Verb, onFound: (found: FoundVerb) => void): void {
  const command = parent.command(verb.name).description(verb.summary)
  command.helpOption("-h, --help", "print this text").helpCommand(false)
  if (verb.group !== undefined) command.helpGroup(verb.group)
  verb.define?.(command)
  for (const below of verb.verbs ?? []) addVerb(command, below, onFound)
  if (verb.run === undefined) return
  command.action((...called: unknown[]) => {
    // Commander calls with each argument, then the options, then the command.
    const args = called.slice(0, -2) as FoundVerb["args"]
    onFound({ verb, args, options: called.at(-2) as FoundVerb["options"] })
  })
}

function eachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command)
  for (const below of command.commands) eachCommand(below, visit)
}

/** Writes `--listen <HOST:PORT>` as `--listen HOST:PORT`: placeholders are upper-case anyway. */
export const termOf: (flags: string) => ReturnType<Help["optionTerm"]> = (flags) =>
  flags.replace(/<([^>]*)>/g, "$1")

// Commander's suggestion stands on a second line.
function lineOf(error: CommanderError, words: readonly string[], verbs: readonly Verb[]): string {
  const names = verbs.map(({ name }) => name)
  const word = words.find((word) => !word.startsWith("-"))
  const isOfServe = words[0]?.startsWith("-") !== false || words[0] === "serve"
  if (error.code === "commander.unknownCommand" && word !== undefined) {
    return `unknown word "${word}"${hintFor(word, names) || `: the words are ${names.join(", ")}`}`
  }
  if (error.code === "commander.excessArguments" && isOfServe) {
    return "an argument stands alone: the word comes first, and then options; see --help"
  }
  return termOf(error.message)
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ")
    .replaceAll("'", '"')
}
