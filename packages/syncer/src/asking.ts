import { goesOn, hear } from "./answer.ts"
import { list, renew, watch } from "./begin.ts"
import { answered } from "./link-health.ts"
import type { EventOf, MergeSettings, PhaseOf, Step } from "./step.ts"
import type { Held } from "./sync-state.ts"

/**
 * The source said who it is. One that tells no changes is listed where there are some; where not,
 * a watch is tried again, as that may have changed.
 */
export function onAsked(
  held: Held,
  { goal }: PhaseOf<"asking">,
  asked: EventOf<"asked">,
  settings: MergeSettings,
): Step {
  if (!goesOn(held, asked)) return renew(answered(held), asked, settings)
  const told = hear(answered(held), asked.revision)
  const isBehind = held.polling && asked.revision > held.contiguous
  return goal === "list" || isBehind ? list(told, asked.revision) : watch(told, asked.revision)
}
