import type { Command } from "commander"
import { EXIT, TaskError } from "./task-error.ts"

/** Shells that `headwater completion` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const

/** A word, with the words below it and its options. */
export interface CompletionWord {
  /** `context add`, or `""` for the command itself. */
  readonly path: string
  readonly words: readonly (readonly [name: string, summary: string])[]
  readonly options: readonly (readonly [flag: string, summary: string, takesValue: boolean])[]
}

/** Reads the words of a program, each after the one above it. */
export function completionWords(program: Command, path = ""): CompletionWord[] {
  // Without a word, the options are those of serve.
  const serve = path === "" ? program.commands.find((one) => one.name() === "serve") : undefined
  const own: CompletionWord = {
    path,
    words: program.commands.map((command) => [command.name(), command.description()]),
    options: [
      ...(serve ?? program).options
        .filter(({ long }) => long !== undefined && long !== null)
        .map((option) => [option.long!, option.description, !option.isBoolean()] as const),
      ["--help", "print help", false] as const,
    ],
  }
  const below = program.commands.flatMap((command) =>
    completionWords(command, `${path} ${command.name()}`.trim()),
  )
  return [own, ...below]
}

/** The script of a shell. @throws {TaskError} there is none for it. */
export function completionScript(shell: string, words: readonly CompletionWord[]): string {
  if (shell === "bash") return bash(words)
  if (shell === "zsh") return zsh(words)
  if (shell === "fish") return fish(words)
  throw new TaskError(`there is no completion for "${shell}": ${SHELLS.join(", ")}`, EXIT.failed)
}

// The words so far that are no options make the path; the longest one that is known counts.
const BASH_PATH = `  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    case " $known " in *" \${path:+\${path}_}\${word} "*) path="\${path:+\${path}_}\${word}" ;; esac
  done
  case "$path" in`

const BASH_END = `  esac
  local current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=($(compgen -W "$list" -- "$current"))
  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _headwater headwater
`

function bash(words: readonly CompletionWord[]): string {
  const cases = words.map(({ path, words, options }) => {
    const names = [...words.map(([name]) => name), ...options.map(([flag]) => flag)]
    return `    "${path.replaceAll(" ", "_")}") list="${names.join(" ")}" ;;`
  })
  const known = words.map(({ path }) => path.replaceAll(" ", "_")).join(" ")
  return [
    "# bash completion of headwater: source <(headwater completion bash)",
    "_headwater() {",
    `  local known="${known}" list=""`,
    BASH_PATH,
    ...cases,
    BASH_END,
  ].join("\n")
}

const ZSH_PATH = `  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] && continue
    next="\${path:+$path }$word"
    (( \${known[(Ie)$next]} )) && path="$next"
  done
  local -a list
  case "$path" in`

const ZSH_END = `  esac
  _describe -o headwater list || _files
}
compdef _headwater headwater
`

function zsh(words: readonly CompletionWord[]): string {
  const row = (name: string, summary: string) =>
    `'${`${name.replaceAll(":", "\\:")}:${summary}`.replaceAll("'", "'\\''")}'`
  const cases = words.map(({ path, words, options }) => {
    const rows = [...words, ...options].map(([name, summary]) => row(name, summary))
    return `    "${path}") list=(${rows.join(" ")}) ;;`
  })
  const known = words.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`)
  return [
    "#compdef headwater",
    "# zsh completion of headwater: source <(headwater completion zsh)",
    "_headwater() {",
    '  local path="" word next',
    `  local -a known=(${known.join(" ")})`,
    ZSH_PATH,
    ...cases,
    ZSH_END,
  ].join("\n")
}

function fish(words: readonly CompletionWord[]): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
  const lines = words.flatMap(({ path, words, options }) => {
    const [first, second] = path.split(" ")
    const below = words.map(([name]) => name).join(" ")
    const condition =
      path === ""
        ? "__fish_use_subcommand"
        : [
            `__fish_seen_subcommand_from ${first}`,
            ...(second ? [`__fish_seen_subcommand_from ${second}`] : []),
            ...(below ? [`not __fish_seen_subcommand_from ${below}`] : []),
          ].join("; and ")
    return [
      ...words.map(
        ([name, summary]) =>
          `complete -c headwater -f -n ${quoted(condition)} ` + `-a ${name} -d ${quoted(summary)}`,
      ),
      ...options.map(
        ([flag, summary, takesValue]) =>
          `complete -c headwater -n ${quoted(condition)} ` +
          `-l ${flag.slice(2)}${takesValue ? " -r" : ""} -d ${quoted(summary)}`,
      ),
    ]
  })
  return ["# fish completion of headwater: headwater completion fish | source", ...lines, ""].join(
    "\n",
  )
}
