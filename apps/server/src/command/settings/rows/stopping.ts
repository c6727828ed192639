import type { Settings } from "../setting.ts"
import { duration } from "../setting-type.ts"

const HOUR_MS = 3_600_000

/** Settings of a stop. */
export const STOPPING = {
  "drain-delay": {
    group: "Stopping",
    type: duration({ least: 0, most: HOUR_MS }),
    initially: "0s",
    help:
      "told to stop, be unready for this long and serve on, so that a balancer sends new readers " +
      "elsewhere",
  },
  "drain-time": {
    group: "Stopping",
    type: duration({ least: 0, most: HOUR_MS }),
    initially: "2s",
    help: "then tell readers to leave, one after another, in this time",
  },
} as const satisfies Settings
