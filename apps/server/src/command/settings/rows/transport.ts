import { parseRange } from "../../../http/ip-range.ts"
import type { Settings } from "../setting.ts"
import { parsed, path } from "../setting-type.ts"

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
  "trusted-proxy": {
    group: "Serving",
    type: parsed("CIDR", "an address or a range, such as 10.0.0.0/8", parseProxy, String),
    many: true,
    help: "believe X-Forwarded-For of proxies at these addresses; again for more",
  },
} as const satisfies Settings

function parseProxy(text: string): string | undefined {
  return parseRange(text) && text
}
