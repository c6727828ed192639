import type { TaskContext } from "./task-context.ts"
import { lineOf, TaskError } from "./task-error.ts"

/** A hub under a name, and the file that holds the token for it. */
export interface NamedHub {
  /** `https://hub.example`, with a path where a proxy mounts the hub below one. */
  readonly url: string
  readonly tokenFile?: string
}

/** The hubs that a person has named, and the one in use. Kept in a file that only they can read. */
export interface HubContexts {
  readonly current?: string
  readonly hubs: Readonly<Record<string, NamedHub>>
}

/** Names that a context may have: they stand before a `:` in `NAME:TOPIC`. */
export const CONTEXT_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** `$XDG_CONFIG_HOME/headwater/contexts.json`, or below `~/.config`. */
export function contextsFile({ env }: Pick<TaskContext, "env">): string {
  const base = env("XDG_CONFIG_HOME") || `${env("HOME") ?? env("USERPROFILE") ?? "."}/.config`
  return `${base}/headwater/contexts.json`
}

/** Reads the file; no hubs where there is none. @throws {TaskError} it cannot be understood. */
export async function readContexts(context: TaskContext): Promise<HubContexts> {
  const file = contextsFile(context)
  let text: string
  try {
    text = await context.readText(file)
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string }
    if (code === "ENOENT" || name === "NotFound") return { hubs: {} }
    throw new TaskError(`${file} cannot be read: ${lineOf(error)}`)
  }
  try {
    const { current, hubs } = JSON.parse(text) as HubContexts
    const named = Object.entries(hubs)
    if (!named.every(([name, { url }]) => CONTEXT_PATTERN.test(name) && URL.canParse(url))) {
      throw new TypeError()
    }
    return { ...(current !== undefined && { current }), hubs }
  } catch {
    throw new TaskError(`${file} is not a file of contexts; mend or delete it`)
  }
}

/** Replaces the file in one step. */
export function writeContexts(context: TaskContext, contexts: HubContexts): Promise<void> {
  return context.terminal.writePrivate(
    contextsFile(context),
    `${JSON.stringify(contexts, undefined, 2)}\n`,
  )
}
