import { ACCESS } from "./rows/access.ts"
import { LIMITS } from "./rows/limits.ts"
import { MEMORY } from "./rows/memory.ts"
import { OBSERVING } from "./rows/observing.ts"
import { OPERATING } from "./rows/operating.ts"
import { SERVING } from "./rows/serving.ts"
import { STOPPING } from "./rows/stopping.ts"
import { TRANSPORT } from "./rows/transport.ts"
import type { ValuesOf } from "./setting.ts"

/**
 * Every setting of a hub, by name. A new one is a row in a file of `rows/`; flag, variable, file
 * key, help, `headwater config` and `docs/settings.md` follow from it.
 */
export const SETTINGS = {
  ...SERVING,
  ...TRANSPORT,
  ...ACCESS,
  ...LIMITS,
  ...MEMORY,
  ...OBSERVING,
  ...OPERATING,
  ...STOPPING,
}

/** The effective values of a hub's settings. */
export type SettingValues = ValuesOf<typeof SETTINGS>
