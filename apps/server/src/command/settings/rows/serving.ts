import { isHostname } from "../../../http/host.ts"
import type { Settings } from "../setting.ts"
import { flag, parsed, path, text } from "../setting-type.ts"

/** An address to listen on. */
export interface Address {
  readonly hostname: string
  readonly port: number
}

/** A type of setting: `HOST:PORT`, `[IPv6]:PORT`. */
export const address = parsed<Address>(
  "HOST:PORT",
  "HOST:PORT, such as 127.0.0.1:8080",
  parseAddress,
  ({ hostname, port }) => `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
)

/** Settings of the address, the topics and the pages that a hub serves. */
export const SERVING = {
  listen: {
    group: "Serving",
    type: address,
    initial: "127.0.0.1:8080",
    help: "where to listen",
  },
  topic: {
    group: "Serving",
    // `parseTopic` reads it: it needs the code of every source, which most words do without.
    type: text("NAME=SOURCE", /./s, "NAME=SOURCE, such as default=memory:"),
    many: true,
    variable: "HEADWATER_TOPICS",
    initial: "default=sqlite:./data/default.db",
    help: "serve a topic; again for more",
    reloads: true,
  },
  config: {
    group: "Serving",
    type: path,
    help: "a file of settings, YAML or JSON: each name without its dashes, a colon and the value",
  },
  "allow-host": {
    group: "Serving",
    type: parsed("NAME", "a name without a port", parseHost, String),
    many: true,
    help: "a Host that a hub on loopback also answers to; again for more",
    reloads: true,
  },
  cors: {
    group: "Serving",
    type: parsed("ORIGIN", "an origin, such as https://example.org", parseOrigin, String),
    many: true,
    help: "let pages of this origin use the hub; again for more",
    reloads: true,
  },
  compress: {
    group: "Serving",
    type: flag,
    initial: "false",
    help: "stream in gzip to readers that accept it",
  },
} as const satisfies Settings

function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535) return undefined
  return { hostname: (match[1] ?? match[2])!, port }
}

function parseHost(text: string): string | undefined {
  return isHostname(text) ? text.toLowerCase() : undefined
}

function parseOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { origin } = new URL(text)
  return origin !== "null" && origin === text.toLowerCase() ? origin : undefined
}
