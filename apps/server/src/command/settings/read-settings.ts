import type { Runtime } from "../../runtime/runtime.ts"
import { ConfigError } from "../config-error.ts"
import { type Given, type Resolved, resolve } from "./resolve.ts"
import { readSettingsFile, type SettingsFile } from "./settings-file.ts"
import { SETTINGS } from "./table.ts"

/** The settings of a hub, as far as its process can tell them. */
export type HubSettings = Resolved<typeof SETTINGS>

/**
 * Reads the settings of a hub: flags, environment and the file that `--config` names.
 *
 * @throws {ConfigError} with one line on what is wrong.
 */
export async function readSettings(
  runtime: Pick<Runtime, "env" | "readText">,
  flags: Given["flags"],
): Promise<HubSettings> {
  const env = (name: string) => runtime.env(name)
  // The file is named by a flag or a variable, never by itself.
  const path = flags.config?.at(-1) ?? env("HEADWATER_CONFIG")
  const file = path === undefined || path === "" ? undefined : await readFile(runtime, path)
  const named = file?.fields.get("config")
  if (named !== undefined) {
    throw new ConfigError(`${path}, line ${named.line}: a settings file names no other with config`)
  }
  return resolve(SETTINGS, { flags, env, file })
}

async function readFile(runtime: Pick<Runtime, "readText">, path: string): Promise<SettingsFile> {
  let text: string
  try {
    text = await runtime.readText(path)
  } catch (error) {
    throw new ConfigError(`--config: cannot read ${path}: ${(error as Error).message}`)
  }
  return readSettingsFile(path, text)
}
