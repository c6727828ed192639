import { ConfigError } from "../config-error.ts"
import { hintFor } from "./nearest.ts"
import { type Setting, type Settings, type ValuesOf, variableOf } from "./setting.ts"
import { readText } from "./setting-type.ts"
import type { SettingsFile } from "./settings-file.ts"

/** The place that a value came from. */
export type Origin = "default" | "file" | "environment" | "flag"

/** Everything that an operator gave. */
export interface Given {
  /** By name without dashes; a flag is `true` or `false`. */
  readonly flags: Readonly<Record<string, readonly string[] | undefined>>
  env(name: string): string | undefined
  readonly file: SettingsFile | undefined
}

/** A setting as it was found: its texts and the place that they came from. */
export interface Found {
  readonly texts: readonly string[]
  readonly origin: Origin
  /** `--streams`, `HEADWATER_STREAMS`, or `streams in hub.yaml, line 3`. */
  readonly label: string
}

/** Effective values, and the origin of each. */
export interface Resolved<S> {
  readonly values: ValuesOf<S>
  readonly found: { readonly [Name in keyof S]: Found }
}

/**
 * Decides every setting: a flag wins over the environment, the environment over the file, the file
 * over the default. A setting is taken as a whole: one `--topic` hides all topics of the file.
 *
 * @throws {ConfigError} a value cannot be read, or the file has a name that is no setting. One
 *   line with the name, the place and the allowed values.
 */
export function resolve<S extends Settings>(settings: S, given: Given): Resolved<S> {
  refuseUnknownNames(settings, given.file)
  const values: Record<string, unknown> = {}
  const found: Record<string, Found> = {}
  for (const [name, setting] of Object.entries(settings)) {
    const one = find(name, setting, given)
    if (!setting.many && one.texts.length !== 1 && one.origin === "file") {
      throw new ConfigError(`${one.label} takes one value, not ${one.texts.length}`)
    }
    const read = one.texts.map((text) => readValue(setting, text, one.label))
    values[name] = setting.many ? read : read.at(-1)
    found[name] = one
  }
  return { values, found } as unknown as Resolved<S>
}

function find(name: string, setting: Setting, { flags, env, file }: Given): Found {
  const texts = flags[name]
  if (texts !== undefined) return { texts, origin: "flag", label: `--${name}` }
  const variable = variableOf(name, setting)
  const text = env(variable)
  if (text !== undefined && text.trim() !== "") {
    return { texts: textsIn(text, setting), origin: "environment", label: variable }
  }
  const field = file?.fields.get(name)
  if (file !== undefined && field !== undefined) {
    const label = `${name} in ${file.path}, line ${field.line},`
    return { texts: field.texts, origin: "file", label }
  }
  const { initial } = setting
  return { texts: initial === undefined ? [] : [initial], origin: "default", label: `--${name}` }
}

// Several values in one variable stand apart by white space or semicolons.
function textsIn(text: string, { many }: Setting): readonly string[] {
  return many ? text.split(/[\s;]+/).filter((part) => part !== "") : [text.trim()]
}

function readValue(setting: Setting, text: string, label: string): unknown {
  const result = readText(setting.type, text)
  if ("value" in result) return result.value
  throw new ConfigError(`${label} takes ${result.expected}, not ${JSON.stringify(text)}`)
}

function refuseUnknownNames(settings: Settings, file: SettingsFile | undefined): void {
  for (const [name, { line }] of file?.fields ?? []) {
    if (Object.hasOwn(settings, name)) continue
    const hint = hintFor(name, Object.keys(settings))
    throw new ConfigError(`${file!.path}, line ${line}: no setting is called "${name}"${hint}`)
  }
}
