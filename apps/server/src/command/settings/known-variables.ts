import type { HelpRow } from "@headwater/core"
import { SOURCE_TYPES } from "../source-types.ts"
import type { Verb } from "../verbs/verb.ts"
import { variableOf } from "./setting.ts"
import { SETTINGS } from "./table.ts"

/** Returns the names of all variables that a hub, its sources or a verb read. */
export function knownVariables(verbs: readonly Verb[]): ReadonlySet<string> {
  const ofSettings = Object.entries(SETTINGS).map(([name, setting]) => variableOf(name, setting))
  const ofSources = SOURCE_TYPES.flatMap(({ variables }) => namesIn(variables))
  return new Set([...ofSettings, ...ofSources, ...namesOf(verbs)])
}

function namesOf(verbs: readonly Verb[]): readonly string[] {
  return verbs.flatMap(({ variables, verbs }) => [
    ...namesIn(variables ?? []),
    ...namesOf(verbs ?? []),
  ])
}

// A row of help may name a second variable: "and HEADWATER_ETCD_KEY_FILE: …".
function namesIn(rows: readonly HelpRow[]): readonly string[] {
  return rows.flatMap(
    ([form, meaning]) => `${form} ${meaning}`.match(/HEADWATER_[A-Z0-9_]+/g) ?? [],
  )
}
