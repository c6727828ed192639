import { isWellFormed, OptionError } from "@headwater/core"
import {
  streamPath,
  TOPIC_PATTERN,
  VIEW_QUERY_BYTES_MAX,
  VIEW_TERMS_MAX,
} from "@headwater/protocol"
import type { ClientClock, ReplicaStore, TokenSource } from "./link.ts"
import type { Mismatch } from "./replica-state.ts"

/**
 * A report of a client, for logs and counters.
 *
 *   mismatch   the replica differed from the hub; see `FRESH_INTERVAL_MS` for the answer
 *   reset      the hub could not resume
 *   lost       the link was lost, and is tried again after `delayMs`
 */
export type Report =
  | {
      readonly type: "mismatch"
      readonly mismatch: Mismatch
      /** Followed on with, as the last fresh snapshot was asked for less than 10 min ago. */
      readonly isTolerated: boolean
    }
  | { readonly type: "reset"; readonly reason: string; readonly epoch: string }
  | { readonly type: "lost"; readonly error: Error; readonly delayMs: number }

/** The topic to follow, the part of it, and the means. */
export interface ConnectOptions {
  /**
   * The hub's address: `http://127.0.0.1:8080`. In a page, a path is enough. Of several hubs of one
   * source, each loss of the link leads to the next, and from the last to the first.
   */
  readonly url: string | URL | readonly (string | URL)[]
  readonly topic: string
  /** Follow only keys with one of these prefixes, or of `keys`. */
  readonly prefix?: string | readonly string[] | undefined
  /** Follow only these keys, and those with a prefix of `prefix`. */
  readonly keys?: readonly string[] | undefined
  readonly token?: string | TokenSource | undefined
  /** Sent along with every request, under `token`; a proxy may ask for some. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** As in `fetch`: `include` sends the cookie of a hub of another origin. */
  readonly credentials?: RequestCredentials | undefined
  /** Closes the replica when aborted. */
  readonly signal?: AbortSignal | undefined
  /** Called for every loss of the link, reset and mismatch. */
  readonly report?: ((report: Report) => void) | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
  /** Keeps the replica beyond this process: `stored` of `@headwater/client/store` makes one. */
  readonly store?: ReplicaStore | undefined
  /** As `Math.random`; draws the back-off. */
  readonly random?: (() => number) | undefined
}

// The types of each option, by the first letters of what `typeof` names them.
const TYPES =
  "url:so topic:s prefix:so keys:o token:sf signal:o report:f fetch:f clock:o store:o random:f " +
  "headers:o credentials:s "

/**
 * Checks the options of `connect`, and makes the addresses of the stream.
 *
 * Smaller than `checkOptions` of core: these bytes are in every page.
 *
 * @throws {OptionError} an option is unknown or senseless, or the filters are above their bounds.
 */
export function checkConnect(given: ConnectOptions): URL[] {
  const { url, topic, prefix, keys } = given ?? {}
  for (const [name, value] of Object.entries(given ?? {})) {
    const type = value === null ? "null" : typeof value
    const [, allowed] = TYPES.split(`${name}:`)
    if (!allowed || !`${allowed.split(" ", 1)}u`.includes(type[0]!)) refuse(name, type)
  }
  if (!TOPIC_PATTERN.test(topic ?? "")) refuse("topic", topic)
  const terms = [...termsOf("prefix", "prefix", prefix), ...termsOf("keys", "key", keys)]
  const search = terms.join("&")
  if (!search && (keys ?? prefix)) refuse(keys ? "keys" : "prefix", "empty")
  if (terms.length > VIEW_TERMS_MAX || search.length > VIEW_QUERY_BYTES_MAX) {
    const bounds = `${VIEW_TERMS_MAX} of ${VIEW_QUERY_BYTES_MAX}`
    refuse("keys", `${terms.length} of ${search.length} bytes, above ${bounds}`)
  }
  const urls = [url].flat()
  return (urls.length ? urls : [""]).map((text) => {
    try {
      // Only a page has an address of its own.
      const target = new URL(text, globalThis.location?.href)
      if (text && /^https?:$/.test(target.protocol) && !target.username) {
        target.pathname = target.pathname.replace(/\/$/, "") + streamPath(topic)
        target.search = search
        return target
      }
    } catch {
      // Refused below.
    }
    return refuse("url", `${text}`.replace(/.*@/, "…@"))
  })
}

// Terms of the query. Slashes and colons stay as they are, so that more keys fit.
function termsOf(option: string, name: string, texts: string | readonly string[] = []): string[] {
  return [texts]
    .flat()
    .sort()
    .map((text) => {
      if (typeof text !== "string" || !isWellFormed(text) || (!text && name === "key")) {
        refuse(option, text)
      }
      return `${name}=${encodeURIComponent(text).replace(/%(2F|3A)/g, decodeURIComponent)}`
    })
}

function refuse(option: string, found: unknown): never {
  throw new OptionError(option, `connect: ${option} cannot be ${found}; see ConnectOptions`)
}
