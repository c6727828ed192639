import { addSettings } from "../settings/options.ts"
import { SETTINGS } from "../settings/table.ts"
import type { Verb } from "./verb.ts"

/** `headwater serve`, and `headwater` without a word. */
export const serveVerb: Verb = {
  name: "serve",
  summary: "serve a hub; the word may be left out",
  define: (command) => addSettings(command, SETTINGS),
  async run(call) {
    const { serve } = await import("../serve.ts")
    return serve(call)
  },
}
