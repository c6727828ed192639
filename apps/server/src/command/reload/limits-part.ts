import type { Hub } from "../../hub.ts"
import type { HubLimits } from "../../limits.ts"
import { LIMITS, limitsOf } from "../settings/rows/limits.ts"
import type { Setting } from "../settings/setting.ts"
import type { ReloadPart } from "./reload-part.ts"

/**
 * The part of a reload that moves the bounds of a hub.
 *
 * @param streamsMax returns how many streams a hub can have for a bound that was asked for.
 */
export function limitsPart(hub: Hub, streamsMax: (asked: number) => number): ReloadPart {
  return {
    async prepare({ values }) {
      const limits = limitsOf(values)
      const next: Partial<Record<keyof HubLimits, number>> = {}
      const changed: string[] = []
      for (const [name, row] of Object.entries(LIMITS)) {
        const { limit, reloads }: Setting & { limit: keyof HubLimits } = row
        const asked = limits[limit]
        if (!reloads || asked === undefined) continue
        const value = limit === "streamsMax" ? streamsMax(asked) : asked
        if (value === hub.limits[limit]) continue
        next[limit] = value
        changed.push(`${name} ${row.type.format(value)}`)
      }
      if (changed.length === 0) return undefined
      return { change: changed.join(", "), apply: () => hub.setLimits(next) }
    },
  }
}
