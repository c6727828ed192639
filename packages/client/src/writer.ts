import type { Position, Revision, SyncErrorCode } from "@headwater/core"
import {
  CONTENT_TYPES,
  decodeErrorBody,
  isValueKind,
  parsePosition,
  type ValueKind,
} from "@headwater/protocol"
import type { Link, TokenSource } from "./link.ts"
import type { Replica } from "./replica.ts"
import { onAbort } from "./wait.ts"
import { WriteError } from "./write-error.ts"

/** How long a hub has to answer a write: longer than it gives its source. */
export const WRITE_MS = 15_000

/** What a writer is told beside its replica. */
export interface WriterOptions {
  /** What values of this topic are; `json` unless said otherwise. */
  readonly values?: ValueKind
}

/** For one write. */
export interface WriteOptions {
  /** Ends the waiting, not the write: what was sent may be written. */
  readonly signal?: AbortSignal | undefined
}

/** What must hold of the entry: that it is at a revision, or, by 0, that it is absent. */
export interface WriteCondition extends WriteOptions {
  readonly revision?: Revision | undefined
}

/** One change of a batch. */
export type BatchChange<Value = unknown> =
  | { readonly op: "put"; readonly key: string; readonly value: Value }
  | { readonly op: "delete"; readonly key: string }

/** What must hold for a batch: a key is at a revision, or, by 0, is absent. */
export interface BatchCondition {
  readonly key: string
  readonly revision: Revision
}

/**
 * Writes to a topic. Each write resolves once the replica shows it, or what came after it, with the
 * position at which it was written; it is sent once, and never repeated but with a fresh token.
 *
 * A replica of a part of the topic shows a write to another part with the hub's next `sync`, which
 * comes within a heartbeat: 4 s.
 */
export interface Writer<Value = unknown> {
  /** Puts a value. @throws {WriteError} */
  put(key: string, value: Value, options?: WriteCondition): Promise<Position>
  /** Deletes an entry; one that is absent is `ERR_KEY_ABSENT`. @throws {WriteError} */
  delete(key: string, options?: WriteCondition): Promise<Position>
  /** Makes all changes in one commit, or none: at most 128 with conditions. @throws {WriteError} */
  batch(
    changes: readonly BatchChange<Value>[],
    options?: WriteOptions & { readonly if?: readonly BatchCondition[] | undefined },
  ): Promise<Position>
}

/**
 * Makes a writer to the topic of a replica, on its hub and with its token.
 *
 * @throws {TypeError} the replica was not made by `connect`.
 */
export function writer<Value = unknown>(
  replica: Replica<Value>,
  { values = "json" }: WriterOptions = {},
): Writer<Value> {
  const { link } = replica as { readonly link?: Link | undefined }
  if (!link || !replica.waitFor)
    throw new TypeError("only to the topic of a replica that connect() made")
  if (!isValueKind(values)) throw new TypeError("values is json, text or binary")
  const ask = sender(link)

  const write = async (
    path: string,
    init: RequestInit & { headers: Record<string, string> },
    key: string | undefined,
    signal: AbortSignal | undefined,
  ) => {
    const position = await ask(path, init, key, signal)
    try {
      await replica.waitFor(position, signal)
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      throw new WriteError("written, but not seen", "ERR_CLOSED", "retry", { position, cause })
    }
    return position
  }

  return {
    put(key, value, { revision, signal } = {}) {
      const headers = { ...conditionOf(revision), "content-type": CONTENT_TYPES[values] }
      const body = values === "json" ? JSON.stringify(value) : (value as BodyInit)
      return write(entryOf(key), { method: "PUT", headers, body }, key, signal)
    },
    delete(key, { revision, signal } = {}) {
      const init = { method: "DELETE", headers: conditionOf(revision) }
      return write(entryOf(key), init, key, signal)
    },
    batch(changes, { if: conditions = [], signal } = {}) {
      const wire = changes.map((change) =>
        change.op === "put" ? { ...change, value: wireValueOf(change.value, values) } : change,
      )
      const body = JSON.stringify({ if: conditions, changes: wire })
      const headers = { "content-type": "application/json" }
      return write("batch", { method: "POST", headers, body }, undefined, signal)
    },
  }
}

type Ask = (
  path: string,
  init: RequestInit & { readonly headers: Record<string, string> },
  key: string | undefined,
  signal: AbortSignal | undefined,
) => Promise<Position>

// Sends one write, again only where a 401 says that it was not taken.
function sender({ urls, token: source, fetch = globalThis.fetch, clock }: Link): Ask {
  let token = typeof source === "string" ? source : undefined
  return async (path, init, key, signal) => {
    const target = new URL(urls[0]!)
    const [end, search = ""] = path.split("?")
    target.pathname = target.pathname.replace(/stream$/, end!)
    target.search = search
    let expired: string | undefined
    for (;;) {
      const attempt = new AbortController()
      const letGo = onAbort(signal, () => attempt.abort(signal!.reason))
      const late = () => attempt.abort(unknown("no answer in time"))
      const stopTimer = (clock ?? timers).after(WRITE_MS, late)
      try {
        if (typeof source === "function") token ??= await askToken(source, expired, attempt.signal)
        const headers = { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) }
        attempt.signal.throwIfAborted()
        const response = await fetch(target, { ...init, headers, signal: attempt.signal })
        const text = await response.text()
        if (response.status === 200) return positionOf(text)
        if (response.status !== 401 || typeof source !== "function" || expired !== undefined) {
          throw refusalOf(response, text, key)
        }
        expired = token ?? ""
        token = undefined
      } catch (error) {
        if (attempt.signal.aborted) throw attempt.signal.reason
        throw error instanceof WriteError ? error : unknown("no answer", error)
      } finally {
        stopTimer()
        letGo()
      }
    }
  }
}

// What a token source fails with is its owner's, but nothing was written.
async function askToken(
  source: TokenSource,
  expired: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await source(expired, signal)
  } catch (cause) {
    throw new WriteError("no token", "ERR_UNAUTHENTICATED", "stop", { cause })
  }
}

const timers = {
  after(delayMs: number, task: () => void): () => void {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

function positionOf(text: string): Position {
  return parsePosition(JSON.parse(text).position)
}

function refusalOf({ status, headers }: Response, text: string, key = ""): WriteError {
  const body = decodeErrorBody(text)
  // Who answered was not a hub, and may have passed it on to one.
  if (!body) return unknown(`answered ${status}`)
  const revision = Number(headers.get("headwater-revision") ?? 0)
  const { failed = body.code === "ERR_CONFLICT" ? [{ key, revision }] : [] } = JSON.parse(text)
  return new WriteError(body.message, body.code as SyncErrorCode, body.retry, { failed })
}

function unknown(message: string, cause?: unknown): WriteError {
  return new WriteError(message, "ERR_OUTCOME_UNKNOWN", "retry", { cause })
}

function entryOf(key: string): string {
  return `entry?key=${encodeURIComponent(key)}`
}

function conditionOf(revision: Revision | undefined): Record<string, string> {
  if (revision === undefined) return {}
  return revision === 0 ? { "if-none-match": "*" } : { "if-match": `${revision}` }
}

function wireValueOf(value: unknown, kind: ValueKind): unknown {
  if (kind !== "binary") return value
  let text = ""
  for (const byte of value as Uint8Array) text += String.fromCharCode(byte)
  return btoa(text)
}
