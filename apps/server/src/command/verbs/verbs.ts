import { configVerb } from "./config.ts"
import { serveVerb } from "./serve.ts"
import type { Verb } from "./verb.ts"

/** Every word of the command, in the order of help. A new one is a line here. */
export const VERBS: readonly Verb[] = [serveVerb, configVerb]
