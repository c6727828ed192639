import { parseArgs } from "node:util"

/** The options that were given, by name without dashes; each with all its values, in order. */
export type Arguments = Readonly<Record<string, readonly string[]>>

/**
 * Reads a command line of `--name value` and `--flag`, in the spellings that `node:util` knows.
 *
 * `options` maps each name to whether it takes a value; a flag that was given has `[""]`. Here,
 * because `node:*` is only named in this folder; the module is the same on all three runtimes.
 *
 * @throws {TypeError} an unknown option, a missing value, or a word that belongs to no option.
 */
export function readArguments(
  args: readonly string[],
  options: Readonly<Record<string, "value" | "flag">>,
): Arguments {
  const { values } = parseArgs({
    args: [...args],
    allowPositionals: false,
    strict: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, takes]) => [
        name,
        { type: takes === "value" ? "string" : "boolean", multiple: true } as const,
      ]),
    ),
  })
  return Object.fromEntries(
    Object.entries(values).map(([name, given]) => [
      name,
      (given as (string | boolean)[]).map((value) => (value === true ? "" : String(value))),
    ]),
  )
}
