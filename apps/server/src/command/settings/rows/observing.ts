import type { Settings } from "../setting.ts"
import { address } from "./serving.ts"

/** Settings of what a hub tells about itself. */
export const OBSERVING = {
  "metrics-listen": {
    group: "Operating",
    type: address,
    help: "a second address that serves /metrics alone, to every client that reaches it",
  },
} as const satisfies Settings
