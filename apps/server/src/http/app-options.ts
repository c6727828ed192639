import {
  booleanRule,
  checkOptions,
  functionRule,
  OptionError,
  type OptionRule,
  type OptionRules,
  objectRule,
  oneOfRule,
  required,
} from "@headwater/core"
import { Access, type Authorize } from "../access/access.ts"
import type { Hub } from "../hub.ts"
import type { ProcessFacts } from "../metrics/process-metrics.ts"
import { isHostname } from "./host.ts"
import { parseRange } from "./ip-range.ts"
import type { PageOptions } from "./routes/page.ts"

/** Options of `createApp`: access, origins and the page. */
export interface AppOptions {
  /**
   * Access of a client without a token, to every topic. There is no default: a mounted app does not
   * know its peer, and behind a proxy every client comes from this machine. Beside `authorize`,
   * each identity has it as well.
   */
  readonly anonymous?: "read" | "write"
  /**
   * Decides about each request by your own login: returns the grant of its identity, or
   * `undefined`, which refuses the request with a 401. It has 5 s; a failure is a 503. A stream
   * lives as long as its grant: until `expiresAt`, or until `signal` is aborted.
   */
  readonly authorize?: Authorize
  /** Grants by tokens, in place of the other two; the command makes one of its files. */
  readonly access?: Access
  /** Origins whose pages may read and write; none by default. Exact: `https://example.org`. */
  readonly cors?: readonly string[]
  /**
   * Names under which the hub may be addressed, beside loopback's own, without ports; any when
   * absent. Give the list, even an empty one, wherever only this machine can reach the hub.
   */
  readonly hosts?: readonly string[]
  /**
   * Refuses writes that a proxy passed on, as their headers show (`Forwarded`, `X-Forwarded-*`,
   * `Via`, …); no by default. The command does so on loopback, unless its access was chosen.
   */
  readonly refuseForwardedWrites?: boolean
  /**
   * Addresses of proxies, as CIDR, whose `X-Forwarded-For` names the client: its address then
   * counts and is logged in place of theirs. None by default.
   */
  readonly trustedProxies?: readonly string[]
  /** The page at `/`; none when absent. */
  readonly page?: PageOptions
  /** Facts of the process for `/metrics`, where the process is the hub's own. */
  readonly processFacts?: ProcessFacts
}

/** @throws {OptionError} the value is no hub. */
export function checkHub(hub: unknown): void {
  const { topic, bugs } = (hub ?? {}) as Partial<Hub>
  if (typeof topic === "function" && typeof bugs === "object") return
  throw new OptionError("hub", `createApp: hub must be a hub of createHub, not ${typeof hub}`)
}

/** @throws {OptionError} no access is chosen; an option is unknown, or makes no sense. */
export function checkAppOptions(options: AppOptions | undefined): asserts options is AppOptions {
  const { anonymous, authorize, access } = options ?? {}
  const isChosen = anonymous !== undefined || authorize !== undefined || access !== undefined
  if (options === undefined || !isChosen) {
    throw new OptionError(
      "anonymous",
      'createApp: choose the access of clients: anonymous: "read" or "write" for clients without ' +
        "a token, or authorize, a function that grants access per request",
    )
  }
  if (access !== undefined && (anonymous !== undefined || authorize !== undefined)) {
    throw new OptionError("access", "createApp: access excludes anonymous and authorize")
  }
  checkOptions("createApp", options, RULES)
  if (options.page !== undefined) checkOptions("createApp: page", options.page, PAGE_RULES)
}

/** Returns true for the origin of a web page, as browsers spell it. */
export function isOrigin(text: unknown): boolean {
  return typeof text === "string" && URL.canParse(text) && new URL(text).origin === text
}

const PAGE_RULES: OptionRules<PageOptions> = {
  assets: required({
    allowed: "files of the page, such as pageAssets()",
    test: (value) =>
      objectRule.test(value) && typeof (value as { read?: unknown }).read === "function",
  }),
}

const listOf = (allowed: string, test: (item: unknown) => boolean): OptionRule => ({
  allowed: `an array of ${allowed}`,
  test: (value) => Array.isArray(value) && value.every(test),
})

const RULES: OptionRules<AppOptions> = {
  anonymous: oneOfRule("read", "write"),
  authorize: functionRule,
  access: { allowed: "an Access", test: (value) => value instanceof Access },
  cors: listOf("origins, such as https://example.org", isOrigin),
  hosts: listOf("host names without ports, such as hub.example", isHostname),
  refuseForwardedWrites: booleanRule,
  trustedProxies: listOf(
    "addresses or ranges, such as 10.0.0.0/8",
    (range) => typeof range === "string" && parseRange(range) !== undefined,
  ),
  page: objectRule,
  processFacts: {
    allowed: "facts of the process: version, runtime, runtimeVersion and usage()",
    test: (value) =>
      objectRule.test(value) && typeof (value as Partial<ProcessFacts>).usage === "function",
  },
}
