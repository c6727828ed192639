import { addSettings } from "../settings/options.ts"
import { SETTINGS } from "../settings/table.ts"
import type { Verb } from "./verb.ts"

/** `headwater config`: the effective settings, and the origin of each. */
export const configVerb: Verb = {
  name: "config",
  summary: "print the effective settings, and where each comes from; it takes the options of serve",
  define: (command) => addSettings(command, SETTINGS),
  async run(call) {
    const { printConfig } = await import("../print-config.ts")
    return printConfig(call)
  },
}
