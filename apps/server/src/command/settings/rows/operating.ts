import { LOG_LEVELS } from "../../../log.ts"
import type { Settings } from "../setting.ts"
import { choice } from "../setting-type.ts"

/** Settings of what a hub tells its operators. */
export const OPERATING = {
  "log-format": {
    group: "Operating",
    type: choice("json", "text"),
    initially: "text on a terminal, else json,",
    help: "how log lines are written to standard error",
  },
  "log-level": {
    group: "Operating",
    type: choice(...LOG_LEVELS),
    initial: "info",
    help: "the least level of log lines; debug has a line for each reader that comes or leaves",
    reloads: true,
  },
} as const satisfies Settings
