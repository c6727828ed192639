import type { Scenario } from "./scenario.ts"

/** Every scenario, in the order in which they run. Imported one at a time: see `load`. */
const loaders: Readonly<Record<string, () => Promise<Scenario>>> = {
  trie: async () => (await import("./scenarios/trie.ts")).trie,
  memory: async () => (await import("./scenarios/memory.ts")).memory,
  "memory-churn": async () => (await import("./scenarios/memory-churn.ts")).memoryChurn,
  pause: async () => (await import("./scenarios/pause.ts")).pause,
  resume: async () => (await import("./scenarios/resume.ts")).resume,
  load: async () => (await import("./scenarios/load.ts")).load,
  fanout: async () => (await import("./scenarios/fanout.ts")).fanout,
  serve: async () => (await import("./scenarios/serve.ts")).serve,
  "serve-flood": async () => (await import("./scenarios/serve-flood.ts")).serveFlood,
  "serve-join": async () => (await import("./scenarios/serve-join.ts")).serveJoin,
  "serve-stalled": async () => (await import("./scenarios/serve-stalled.ts")).serveStalled,
  "serve-filters": async () => (await import("./scenarios/serve-filters.ts")).serveFilters,
  "serve-attack": async () => (await import("./scenarios/serve-attack.ts")).serveAttack,
  sync: async () => (await import("./scenarios/sync.ts")).sync,
}

/** The names that `--scenario` takes. */
export const scenarioNames: readonly string[] = Object.keys(loaders)

/** Loads a scenario. Rejects for a name that is not there. */
export async function loadScenario(name: string): Promise<Scenario> {
  const loadOne = loaders[name]
  if (loadOne === undefined) throw new Error(`there is no scenario ${name}`)
  return await loadOne()
}
