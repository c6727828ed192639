import {
  type GenericSchema,
  maxValue,
  minValue,
  picklist,
  pipe,
  rawTransform,
  regex,
  safeParse,
  string,
  transform,
} from "valibot"
import { formatDuration, formatSize, parseDuration, parseSize } from "./quantity.ts"

/** A kind of value that a setting takes: its placeholder, its schema and its text. */
export interface SettingType<T> {
  /** The placeholder in help: `DURATION`. Empty for a flag, which stands without a value. */
  readonly takes: string
  /** Reads a text. Its messages complete the sentence "--name takes …". */
  readonly schema: GenericSchema<string, T>
  /** Writes a value as an operator would; the schema reads it back. */
  format(value: T): string
}

/** The least and the most that a quantity may be; both are in the message of a refusal. */
export interface Range {
  readonly least: number
  readonly most: number
}

/** A duration in ms. */
export function duration(range: Range): SettingType<number> {
  return quantity("DURATION", "a duration such as 500ms, 5s or 2m", range, {
    parse: parseDuration,
    format: formatDuration,
  })
}

/** A size in bytes. */
export function size(range: Range): SettingType<number> {
  return quantity("SIZE", "a size such as 64MiB", range, { parse: parseSize, format: formatSize })
}

/** A whole number. */
export function count(range: Range): SettingType<number> {
  const parse = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)
  return quantity("NUMBER", "a whole number", range, { parse, format: String })
}

/** One of a few words. */
export function choice<const Words extends readonly string[]>(
  ...words: Words
): SettingType<Words[number]> {
  const list = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
  return {
    takes: words.join("|"),
    schema: pipe(string(), picklist(words, list)) as GenericSchema<string, Words[number]>,
    format: (value) => value,
  }
}

/** Yes or no. On the command line it is `--name` or `--no-name`, without a value. */
export const flag: SettingType<boolean> = {
  takes: "",
  schema: pipe(
    string(),
    picklist(["true", "false", "1", "0"], "true or false"),
    transform((text) => text === "true" || text === "1"),
  ),
  format: String,
}

/** A text that a pattern describes. */
export function text(takes: string, pattern: RegExp, expected: string): SettingType<string> {
  return { takes, schema: pipe(string(), regex(pattern, expected)), format: (value) => value }
}

/** The path of a file or a folder. */
export const path: SettingType<string> = text("PATH", /^[^\0]+$/, "a path")

/** A text that a function reads; it returns `undefined` for one that it does not understand. */
export function parsed<T>(
  takes: string,
  expected: string,
  parse: (text: string) => T | undefined,
  format: (value: T) => string,
): SettingType<T> {
  const schema = pipe(
    string(),
    rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value)
      if (value !== undefined) return value
      addIssue({ message: expected })
      return NEVER
    }),
  )
  return { takes, schema, format }
}

/** Reads a text: its value, or what the type expects instead. */
export function readText<T>(
  type: SettingType<T>,
  text: string,
): { readonly value: T } | { readonly expected: string } {
  const result = safeParse(type.schema, text, { abortPipeEarly: true })
  return result.success ? { value: result.output } : { expected: result.issues[0].message }
}

function quantity(
  takes: string,
  expected: string,
  { least, most }: Range,
  of: { parse(text: string): number | undefined; format(value: number): string },
): SettingType<number> {
  const range =
    most === Number.MAX_SAFE_INTEGER
      ? `of ${of.format(least)} or more`
      : `from ${of.format(least)} to ${of.format(most)}`
  const bounds = `${expected}, ${range}`
  const { schema } = parsed(takes, bounds, of.parse, of.format)
  return {
    takes,
    schema: pipe(schema, minValue(least, bounds), maxValue(most, bounds)),
    format: of.format,
  }
}
