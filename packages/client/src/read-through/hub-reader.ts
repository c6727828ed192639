import {
  type CacheRequest,
  durationRule,
  functionRule,
  type OptionRules,
  type Position,
  type Revision,
  required,
} from "@headwater/core"
import {
  decodeErrorBody,
  formatPosition,
  POSITION_HEADER,
  parsePosition,
  REVISION_HEADER,
  WAIT_MS_MAX,
} from "@headwater/protocol"
import { tokenRule, topicRule, urlRule } from "../hub-rules.ts"
import type { TokenSource } from "../link.ts"
import { refusalOf } from "../refusal.ts"
import { HubReadError } from "./hub-read-error.ts"

/** An entry as a hub shows it. */
export interface HubEntry<Value = unknown> {
  readonly key: string
  readonly value: Value
  readonly revision: Revision
}

/** A topic of a hub, and the means to read it. */
export interface HubTypeOptions {
  /** The hub's address; of several hubs, a function from a request's `partition`. */
  readonly url: string | URL | ((partition: string | undefined) => string | URL)
  readonly topic: string
  /** For requests that bring no token of their own. */
  readonly token?: string | TokenSource | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  /** The longest wait of one GET for a change, ms: 50 s by default, as proxies cut at a minute. */
  readonly waitMs?: number | undefined
  /**
   * An entry is kept for this long after its last use, ms: 20 min by default, as each keeps a
   * request or a stream open at the hub.
   */
  readonly ttlMs?: number | undefined
}

/** One GET. */
export interface HubQuery {
  /** After `/v1/topics/{topic}/`, with its query. */
  readonly path: string
  readonly request: CacheRequest
  /** Answer once there is something after this, or after `waitMs`. */
  readonly since: Position | undefined
  readonly waitMs: number
  readonly etag: string | undefined
}

/** A GET's answer. The body is not read yet. */
export interface HubAnswer {
  readonly status: 200 | 304 | 404
  readonly position: Position
  readonly revision: Revision
  readonly response: Response
}

/** The longest wait of one GET for a change, unless `waitMs` differs. */
export const HUB_WAIT_MS = 50_000

/** An entry read from a hub is kept for this long after its last use, unless `ttlMs` differs. */
export const HUB_TTL_MS = 1_200_000

/** The rules for the options that all types of a hub have. */
export const HUB_RULES: OptionRules<Omit<HubTypeOptions, "waitMs">> = {
  url: required({
    allowed: `${urlRule.allowed}, or a function that returns one`,
    test: (value) => functionRule.test(value) || urlRule.test(value),
  }),
  topic: required(topicRule),
  token: tokenRule,
  fetch: functionRule,
  ttlMs: durationRule(),
}

/** The rules for the options of a type that polls. */
export const POLL_RULES: OptionRules<HubTypeOptions> = {
  ...HUB_RULES,
  waitMs: durationRule(1, WAIT_MS_MAX),
}

/** Makes a function that reads from a hub. An absent key is an answer; all else is an error. */
export function hubReader({
  url,
  topic,
  token: source,
  fetch = (...args) => globalThis.fetch(...args),
}: HubTypeOptions): (query: HubQuery, signal: AbortSignal) => Promise<HubAnswer> {
  let current = typeof source === "string" ? source : undefined

  const ask = async (query: HubQuery, token: string | undefined, signal: AbortSignal) => {
    const base = typeof url === "function" ? url(query.request.partition) : url
    const target = targetOf(base, topic, query)
    const { etag } = query
    const headers = {
      ...(etag && { "if-none-match": etag }),
      ...(token && { authorization: `Bearer ${token}` }),
    }
    try {
      return await fetch(target, { headers, cache: "no-store", signal })
    } catch (cause) {
      signal.throwIfAborted()
      const name = target.origin + target.pathname
      throw new HubReadError(`${name} did not answer`, undefined, undefined, { cause })
    }
  }

  return async (query, signal) => {
    const own = query.request.token
    if (own !== undefined || typeof source !== "function") {
      return answerOf(topic, await ask(query, own ?? current, signal))
    }
    current ??= await source(undefined, signal)
    const used = current
    const response = await ask(query, used, signal)
    if (response.status !== 401) return answerOf(topic, response)
    await response.body?.cancel()
    // Another read may have renewed it meanwhile.
    if (current === used) current = await source(used, signal)
    return answerOf(topic, await ask(query, current, signal))
  }
}

/** Reads the body of an answer. @throws {HubReadError} it is cut, or not of its content type. */
export async function bodyOf<T>(body: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await body
  } catch (cause) {
    signal.throwIfAborted()
    throw new HubReadError("the answer of the hub is cut or garbled", undefined, undefined, {
      cause,
    })
  }
}

function targetOf(base: string | URL, topic: string, { path, since, waitMs }: HubQuery): URL {
  const target = new URL(base, globalThis.location?.href)
  const [end = "", search = ""] = path.split("?")
  const folder = target.pathname.replace(/\/$/, "")
  target.pathname = `${folder}/v1/topics/${encodeURIComponent(topic)}/${end}`
  target.search = search
  if (since === undefined) return target
  const wait = waitMs > 0 ? Math.min(waitMs, WAIT_MS_MAX) : HUB_WAIT_MS
  target.search += `&since=${formatPosition(since)}&wait=${Math.round(wait)}`
  return target
}

async function answerOf(topic: string, response: Response): Promise<HubAnswer> {
  const { status, headers } = response
  const position = headers.get(POSITION_HEADER)
  if (position !== null && (status === 200 || status === 304)) {
    const revision = Number(headers.get(REVISION_HEADER))
    return { status, position: positionOf(position), revision, response }
  }
  const text = await response.text()
  const body = decodeErrorBody(text)
  if (position !== null && status === 404 && body?.code === "ERR_KEY_ABSENT") {
    return { status, position: positionOf(position), revision: 0, response }
  }
  const [message, ...rest] = refusalOf(status, text)
  throw new HubReadError(`a read of topic ${topic} was ${message}`, ...rest)
}

function positionOf(text: string): Position {
  try {
    return parsePosition(text)
  } catch (cause) {
    throw new HubReadError(
      `the answer of the hub has a malformed position: ${text}`,
      undefined,
      undefined,
      { cause },
    )
  }
}
