import type { Runtime } from "../runtime/runtime.ts"
import { ConfigError } from "./config-error.ts"
import { type FoundVerb, readCommandLine } from "./program.ts"
import { VERBS } from "./verbs/verbs.ts"
import { versionOf } from "./version.ts"

/**
 * The command: reads its arguments and runs the verb that they name. 0: done, or stopped as asked.
 * 1: it failed. 2: wrong arguments, or a file that cannot be used, said in one line.
 */
export async function start(runtime: Runtime): Promise<void> {
  const line = readCommandLine(runtime.args, VERBS)
  switch (line.type) {
    case "help": {
      const { helpText } = await import("./help.ts")
      console.log(helpText(VERBS))
      return runtime.exit(0)
    }
    case "version":
      console.log(await versionOf(runtime))
      return runtime.exit(0)
    case "print":
      console.log(line.text.trimEnd())
      return runtime.exit(0)
    case "wrong":
      console.error(`headwater: ${line.line}`)
      return runtime.exit(2)
    case "run":
      return runtime.exit(await run(runtime, line))
  }
}

async function run(runtime: Runtime, { verb, args, options }: FoundVerb): Promise<number> {
  const print = (text: string) => console.log(text)
  const complain = (text: string) => console.error(text)
  try {
    return await verb.run!({ runtime, args, options, verbs: VERBS, print, complain })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    console.error(`headwater: ${message.split("\n")[0]}`)
    return error instanceof ConfigError ? 2 : 1
  }
}
