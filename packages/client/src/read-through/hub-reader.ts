import type { CacheRequest, Position, Revision, SyncErrorCode } from "@headwater/core"
import {
  decodeErrorBody,
  formatPosition,
  POSITION_HEADER,
  parsePosition,
  REVISION_HEADER,
  WAIT_MS_MAX,
} from "@headwater/protocol"
import type { TokenSource } from "../link.ts"
import { HubReadError } from "./hub-read-error.ts"

/** An entry as a hub shows it. */
export interface HubEntry<Value = unknown> {
  readonly key: string
  readonly value: Value
  readonly revision: Revision
}

/** Where a type reads. */
export interface HubTypeOptions {
  /** Where the hub is; of several, the one for a request's `partition`. */
  readonly url: string | URL | ((partition: string | undefined) => string | URL)
  readonly topic: string
  /** For requests that bring no token of their own. */
  readonly token?: string | TokenSource | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  /** How long one GET waits for news, ms: 50 s by default, as proxies cut what takes a minute. */
  readonly waitMs?: number | undefined
}

/** What a GET is to answer. */
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

/** How long one GET waits for news. */
export const HUB_WAIT_MS = 50_000

/** Makes what reads from a hub: 200, 304 and an absent key are answers, all else is an error. */
export function hubReader({
  url,
  topic,
  token: source,
  fetch = (...args) => globalThis.fetch(...args),
}: HubTypeOptions): (query: HubQuery, signal: AbortSignal) => Promise<HubAnswer> {
  let held = typeof source === "string" ? source : undefined

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
      throw new HubReadError("no answer", undefined, undefined, { cause })
    }
  }

  return async (query, signal) => {
    const own = query.request.token
    if (own !== undefined || typeof source !== "function") {
      return answerOf(await ask(query, own ?? held, signal))
    }
    held ??= await source(undefined, signal)
    const used = held
    const response = await ask(query, used, signal)
    if (response.status !== 401) return answerOf(response)
    await response.body?.cancel()
    // Another read may have renewed it meanwhile.
    if (held === used) held = await source(used, signal)
    return answerOf(await ask(query, held, signal))
  }
}

/** Reads the body of an answer. @throws {HubReadError} it is cut, or not what it says it is. */
export async function bodyOf<T>(body: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await body
  } catch (cause) {
    signal.throwIfAborted()
    throw new HubReadError("the answer is cut or garbled", undefined, undefined, { cause })
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

async function answerOf(response: Response): Promise<HubAnswer> {
  const { status, headers } = response
  const position = headers.get(POSITION_HEADER)
  if (position !== null && (status === 200 || status === 304)) {
    const revision = Number(headers.get(REVISION_HEADER))
    return { status, position: positionOf(position), revision, response }
  }
  const body = decodeErrorBody(await response.text())
  if (position !== null && status === 404 && body?.code === "ERR_KEY_ABSENT") {
    return { status, position: positionOf(position), revision: 0, response }
  }
  // Who answered was not a hub, and may have been in its way for a while only.
  if (body === undefined) throw new HubReadError(`answered ${status}`)
  const code = status === 401 ? "ERR_UNAUTHENTICATED" : (body.code as SyncErrorCode)
  throw new HubReadError(body.message, code, body.retry)
}

function positionOf(text: string): Position {
  try {
    return parsePosition(text)
  } catch (cause) {
    throw new HubReadError("no position in the answer", undefined, undefined, { cause })
  }
}
