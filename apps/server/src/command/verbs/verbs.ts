import { completionVerb } from "./completion.ts"
import { configVerb } from "./config.ts"
import { contextVerb } from "./context.ts"
import { EXAMINING_VERBS } from "./examining.ts"
import { MOVING_VERBS } from "./moving.ts"
import { READING_VERBS } from "./reading.ts"
import { serveVerb } from "./serve.ts"
import { tokenVerb } from "./token.ts"
import type { Verb } from "./verb.ts"
import { WRITING_VERBS } from "./writing.ts"

/** Every word of the command, in the order of help. A new one is a line here. */
export const VERBS: readonly Verb[] = [
  serveVerb,
  configVerb,
  ...READING_VERBS,
  ...WRITING_VERBS,
  ...MOVING_VERBS,
  ...EXAMINING_VERBS,
  contextVerb,
  tokenVerb,
  completionVerb,
]
