import { isSyncError, type NamedSource, type SourceOption, type SourceType } from "@headwater/core"
import { TOPIC_PATTERN, type ValueKind } from "@headwater/protocol"
import { ConfigError } from "./config-error.ts"
import { SOURCE_TYPES } from "./source-types.ts"

/** A topic as the operator named it. */
export interface TopicConfig {
  readonly name: string
  /** `NAME=SOURCE`, as it was given. */
  readonly text: string
  readonly values: ValueKind
  /** True when its source is opened for writing. */
  readonly write: boolean
  readonly source: NamedSource<typeof fetch>
}

/**
 * Reads `NAME=SOURCE[?values=json|text|binary][&write=0|1][&…]`, where SOURCE is of one of
 * `SOURCE_TYPES` and `…` are options of that type.
 *
 * @throws {ConfigError} with one line on what is wrong, which never repeats a credential.
 */
export function parseTopic(text: string): TopicConfig {
  const at = text.indexOf("=")
  const name = text.slice(0, Math.max(at, 0))
  if (at < 0 || !TOPIC_PATTERN.test(name)) {
    throw new ConfigError(
      `--topic takes NAME=SOURCE, such as default=memory:, not "${withoutUser(text)}"`,
    )
  }
  try {
    return { name, text, ...parseSource(text.slice(at + 1)) }
  } catch (error) {
    if (!isSyncError(error) && !(error instanceof ConfigError)) throw error
    throw new ConfigError(`topic "${name}": ${error.message}`)
  }
}

function parseSource(text: string): Omit<TopicConfig, "name" | "text"> {
  const [, scheme = "", rest = "", query = ""] = /^([a-z0-9+]+:)([^?]*)\??(.*)$/s.exec(text) ?? []
  const type = SOURCE_TYPES.find(({ schemes }) => schemes.includes(scheme))
  if (type === undefined) {
    const forms = SOURCE_TYPES.map(({ forms }) => forms[0]![0])
    const list = `${forms.slice(0, -1).join(", ")} or ${forms.at(-1)}`
    throw new ConfigError(`a source is ${list}, not "${withoutUser(text)}"`)
  }
  const options = readOptions(query, type)
  const values = options.get("values") ?? "json"
  const write = isWritten(type, scheme, options.get("write"))
  options.delete("values")
  options.delete("write")
  const source = type.parse({ scheme, rest, options, write })
  return { values: values as ValueKind, write, source }
}

const COMMON: readonly SourceOption[] = [
  { name: "values", pattern: /^(json|text|binary)$/, help: ["values=json|text|binary", ""] },
  { name: "write", pattern: /^[01]$/, help: ["write=1", ""] },
]

function readOptions(query: string, type: SourceType<never>): Map<string, string> {
  const known = [...COMMON, ...type.options]
  const options = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    const option = known.find((option) => option.name === name)
    if (option?.pattern.test(value)) {
      options.set(name, value)
      continue
    }
    if (option === undefined && /token|password|secret/i.test(name)) {
      throw new ConfigError(
        `a credential does not go into arguments (${name}), but into the environment or a file: ` +
          "see --help",
      )
    }
    const help = known.map(({ help }) => help[0]).join(", ")
    throw new ConfigError(`?${name}=${value} is none of ${help}`)
  }
  return options
}

function isWritten(
  { writes }: SourceType<never>,
  scheme: string,
  asked: string | undefined,
): boolean {
  if (writes === "never" && asked === "1") throw new ConfigError(`${scheme} cannot be written`)
  return asked === undefined ? writes === "unless-refused" : asked === "1"
}

// A line may repeat a source, but not what could be a password in it.
function withoutUser(source: string): string {
  return source.replace(/\/\/[^/]*@/, "//…@")
}
