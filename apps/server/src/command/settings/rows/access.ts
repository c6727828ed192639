import type { Settings } from "../setting.ts"
import { choice } from "../setting-type.ts"

/** Settings of the access of clients. */
export const ACCESS = {
  "allow-anonymous": {
    group: "Access",
    type: choice("read", "write"),
    help:
      "access of clients without a token; needed to listen beyond this machine, and for writes " +
      "through a proxy on this machine",
  },
} as const satisfies Settings
