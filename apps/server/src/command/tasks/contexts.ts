import { CONTEXT_PATTERN, contextsFile, readContexts, writeContexts } from "./hub-contexts.ts"
import { checkUrl } from "./hub-target.ts"
import { print, say, type TaskContext } from "./task-context.ts"
import { EXIT, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { textTable } from "./text-table.ts"

/** `headwater context add NAME --url URL`: names a hub; the first one named is in use at once. */
export async function addContext(input: TaskInput, context: TaskContext): Promise<number> {
  const name = input.argument(0)
  const text = input.text("url")
  const tokenFile = input.text("token-file")
  if (!CONTEXT_PATTERN.test(name)) {
    throw new TaskError(`a context's name has letters, digits, ".", "_" and "-"; not "${name}"`)
  }
  if (text === undefined) throw new TaskError("give the hub's address by --url")
  const url = checkUrl(text, "--url")
  const { hubs, current = name } = await readContexts(context)
  const hub = { url, ...(tokenFile !== undefined && { tokenFile }) }
  await writeContexts(context, { current, hubs: { ...hubs, [name]: hub } })
  await say(context, `${name} is ${url}${current === name ? ", and in use" : ""}`)
  return EXIT.done
}

/** `headwater context use NAME`: makes a named hub the one that is asked. */
export async function useContext(input: TaskInput, context: TaskContext): Promise<number> {
  const name = input.argument(0)
  const { hubs } = await readContexts(context)
  known(name, hubs)
  await writeContexts(context, { current: name, hubs })
  return EXIT.done
}

/** `headwater context rm NAME`: forgets a named hub. */
export async function removeContext(input: TaskInput, context: TaskContext): Promise<number> {
  const name = input.argument(0)
  const { hubs, current } = await readContexts(context)
  known(name, hubs)
  const rest = Object.fromEntries(Object.entries(hubs).filter(([other]) => other !== name))
  const kept = current !== undefined && current !== name ? { current } : {}
  await writeContexts(context, { ...kept, hubs: rest })
  return EXIT.done
}

/** `headwater context ls`: the named hubs; a star marks the one in use. */
export async function listContexts(input: TaskInput, context: TaskContext): Promise<number> {
  const { hubs, current } = await readContexts(context)
  const named = Object.entries(hubs).sort(([a], [b]) => (a < b ? -1 : 1))
  if (input.flag("json")) {
    for (const [name, hub] of named) {
      await print(context, JSON.stringify({ name, ...hub, current: name === current }))
    }
    return EXIT.done
  }
  const rows = named.map(([name, { url, tokenFile = "" }]) => [
    name === current ? "*" : "",
    name,
    url,
    tokenFile,
  ])
  const lines = textTable(
    [
      ["", "left"],
      ["NAME", "left"],
      ["URL", "left"],
      ["TOKEN FILE", "left"],
    ],
    rows,
  )
  for (const line of lines) await print(context, line)
  if (named.length === 0) await say(context, `no contexts in ${contextsFile(context)}`)
  return EXIT.done
}

function known(name: string, hubs: Readonly<Record<string, unknown>>): void {
  if (Object.hasOwn(hubs, name)) return
  const names = Object.keys(hubs).join(", ") || "none"
  throw new TaskError(`there is no context "${name}" (known: ${names})`)
}
