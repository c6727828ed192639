import type { Settings } from "../setting.ts"
import { path } from "../setting-type.ts"

/** Settings of the connections that a hub serves. */
export const TRANSPORT = {
  "tls-cert": {
    group: "Serving",
    type: path,
    help: "serve by HTTPS with this certificate and its chain (PEM); read again when it changes",
  },
  "tls-key": {
    group: "Serving",
    type: path,
    help: "the key of the certificate (PEM); read again when it changes",
  },
} as const satisfies Settings
