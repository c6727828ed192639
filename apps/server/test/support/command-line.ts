import { type Config, readConfig } from "../../src/command/config.ts"
import { readCommandLine } from "../../src/command/program.ts"
import { flagsOf } from "../../src/command/settings/options.ts"
import { type HubSettings, readSettings } from "../../src/command/settings/read-settings.ts"
import { SETTINGS } from "../../src/command/settings/table.ts"
import { VERBS } from "../../src/command/verbs/verbs.ts"

/** The environment of a command line: variables, and files by path. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

/** Reads the settings of `headwater ARGS`. Rejects with what is wrong. */
export async function settingsOf(
  args: readonly string[],
  { env = {}, files = {} }: Surroundings = {},
): Promise<HubSettings> {
  const line = readCommandLine(args, VERBS)
  if (line.type === "wrong") throw new Error(line.line)
  if (line.type !== "run") throw new Error(JSON.stringify(line))
  const machine = {
    env: (name: string) => env[name],
    async readText(path: string | URL) {
      const text = files[String(path)]
      if (text === undefined) throw new Error("no such file")
      return text
    },
  }
  return readSettings(machine, flagsOf(line.options, SETTINGS))
}

/** Reads the configuration of the hub of `headwater ARGS`. Rejects with what is wrong. */
export async function configOf(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Config> {
  return readConfig((await settingsOf(args, { env })).values)
}

/** Returns the line that refuses a command line. */
export async function lineOf(args: readonly string[], around: Surroundings = {}): Promise<string> {
  const error = await settingsOf(args, around).then(
    ({ values }) => {
      try {
        return readConfig(values)
      } catch (error) {
        return error
      }
    },
    (error: unknown) => error,
  )
  if (!(error instanceof Error)) throw new Error(`nothing is wrong: ${JSON.stringify(error)}`)
  return error.message
}
