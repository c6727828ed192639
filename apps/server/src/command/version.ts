import type { ProcessFacts } from "../metrics/process-metrics.ts"
import type { Runtime } from "../runtime/runtime.ts"

/** Returns the version of the command. */
export async function versionOf(runtime: Pick<Runtime, "readText">): Promise<string> {
  const text = await runtime.readText(new URL("../../package.json", import.meta.url))
  return JSON.parse(text).version
}

/** Returns the facts of this process that its metrics tell. */
export async function processFactsOf(runtime: Runtime): Promise<ProcessFacts> {
  return {
    version: await versionOf(runtime),
    runtime: runtime.name,
    runtimeVersion: runtime.version,
    usage: () => runtime.usage(),
  }
}
