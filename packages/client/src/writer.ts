import {
  badOption,
  checkBytes,
  checkOptions,
  encodeBase64,
  integerRule,
  isWellFormed,
  KeyError,
  type OptionRules,
  onAbort,
  oneOfRule,
  type Position,
  type Revision,
  required,
  type SyncErrorCode,
  signalRule,
  startTimer,
  textRule,
  ValueError,
} from "@headwater/core"
import { CONTENT_TYPES, decodeErrorBody, parsePosition, type ValueKind } from "@headwater/protocol"
import { waitFor } from "./follow/wait-for.ts"
import type { Link, TokenSource } from "./link.ts"
import { refusalOf } from "./refusal.ts"
import type { Replica } from "./replica.ts"
import { WriteError } from "./write-error.ts"

/** The longest wait for a hub's answer to a write: longer than the hub gives its source. */
export const WRITE_MS = 15_000

/** Facts that a writer needs beside its replica. */
export interface WriterOptions {
  /** The kind of the topic's values; `json` unless said otherwise. */
  readonly values?: ValueKind | undefined
}

/** Options of one write. */
export interface WriteOptions {
  /** Ends the waiting, not the write: a request that was sent may be written. */
  readonly signal?: AbortSignal | undefined
}

/** A condition on the entry: it is at a revision, or, by 0, absent. */
export interface WriteCondition extends WriteOptions {
  readonly revision?: Revision | undefined
}

/** One change of a batch. */
export type BatchChange<Value = unknown> =
  | { readonly op: "put"; readonly key: string; readonly value: Value }
  | { readonly op: "delete"; readonly key: string }

/** A condition of a batch: a key is at a revision, or, by 0, absent. */
export interface BatchCondition {
  readonly key: string
  readonly revision: Revision
}

/** Options of a batch. */
export interface BatchOptions extends WriteOptions {
  readonly if?: readonly BatchCondition[] | undefined
}

/**
 * Writes to a topic. Each write resolves once the replica shows it, or a later state, with the
 * position at which it was written; it is sent once, and never repeated but with a fresh token.
 *
 * A replica of a part of the topic shows a write to another part with the hub's next `sync`, which
 * comes within a heartbeat: 4 s.
 *
 * Rejects with an `OptionError`, `KeyError` or `ValueError`, and sends nothing, where an argument
 * is unknown or senseless.
 *
 * Decision: docs/decisions/client.md, “A write ends when the replica shows it”.
 */
export interface Writer<Value = unknown> {
  /** Puts a value. @throws {WriteError} */
  put(key: string, value: Value, options?: WriteCondition): Promise<Position>
  /** Deletes an entry; one that is absent is `ERR_KEY_ABSENT`. @throws {WriteError} */
  delete(key: string, options?: WriteCondition): Promise<Position>
  /** Makes all changes in one commit, or none: at most 128 with conditions. @throws {WriteError} */
  batch(changes: readonly BatchChange<Value>[], options?: BatchOptions): Promise<Position>
}

/**
 * Makes a writer to the topic of a replica, on its hub and with its token.
 *
 * @throws {TypeError} the replica was not made by `connect`.
 * @throws {OptionError} an option is unknown or senseless.
 */
export function writer<Value = unknown>(
  replica: Replica<Value>,
  options: WriterOptions = {},
): Writer<Value> {
  const { link } = (replica ?? {}) as { readonly link?: Link | undefined }
  if (!link) throw new TypeError("writer: pass a replica that connect() made")
  checkOptions("writer", options, WRITER_RULES)
  const { values = "json" } = options
  const send = sender(link)

  const write = async (
    path: string,
    init: RequestInit & { headers: Record<string, string> },
    key: string | undefined,
    signal: AbortSignal | undefined,
  ) => {
    const position = await send(path, init, key, signal)
    try {
      await waitFor(replica, position, signal)
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      const { epoch, revision } = position
      const message = `written at ${epoch}.${revision}, which the replica does not come to show`
      throw new WriteError(message, "ERR_CLOSED", "retry", { position, cause })
    }
    return position
  }

  return {
    async put(key, value, options = {}) {
      checkKey(key)
      checkOptions("put", options, CONDITION_RULES)
      const { revision, signal } = options
      const headers = { ...conditionOf(revision), "content-type": CONTENT_TYPES[values] }
      const body = bodyOf(value, values, key) as BodyInit
      return write(entryOf(key), { method: "PUT", headers, body }, key, signal)
    },
    async delete(key, options = {}) {
      checkKey(key)
      checkOptions("delete", options, CONDITION_RULES)
      const { revision, signal } = options
      const init = { method: "DELETE", headers: conditionOf(revision) }
      return write(entryOf(key), init, key, signal)
    },
    async batch(changes, options = {}) {
      if (!Array.isArray(changes)) throw badOption("batch: changes", changes, "a list")
      checkOptions("batch", options, BATCH_RULES)
      const { if: conditions = [], signal } = options
      for (const condition of conditions) checkOptions("batch: if", condition, CONDITION_OF_BATCH)
      const wire = changes.map((change) => wireChangeOf(change, values))
      const body = `{"if":${JSON.stringify(conditions)},"changes":[${wire.join(",")}]}`
      const headers = { "content-type": "application/json" }
      return write("batch", { method: "POST", headers, body }, undefined, signal)
    },
  }
}

const WRITER_RULES: OptionRules<WriterOptions> = { values: oneOfRule("json", "text", "binary") }

const CONDITION_RULES: OptionRules<WriteCondition> = {
  revision: integerRule(0),
  signal: signalRule,
}

const BATCH_RULES: OptionRules<BatchOptions> = {
  if: { allowed: "a list of { key, revision }", test: Array.isArray },
  signal: signalRule,
}

const CONDITION_OF_BATCH: OptionRules<BatchCondition> = {
  key: required(textRule),
  revision: required(integerRule(0)),
}

const PUT_RULES = {
  op: required(oneOfRule("put", "delete")),
  key: required(textRule),
  value: { allowed: "a value", test: () => true },
}

const DELETE_RULES = { op: PUT_RULES.op, key: PUT_RULES.key }

function wireChangeOf(change: BatchChange, values: ValueKind): string {
  if (change?.op !== "put") {
    checkOptions<BatchChange>("batch: a change", change, DELETE_RULES)
    checkKey(change.key)
    return JSON.stringify({ op: "delete", key: change.key })
  }
  checkOptions("batch: a change", change, PUT_RULES)
  const { key, value } = change
  checkKey(key)
  const body = bodyOf(value, values, key)
  const text = body instanceof Uint8Array ? encodeBase64(body) : body
  const json = values === "json" ? text : JSON.stringify(text)
  return `{"op":"put","key":${JSON.stringify(key)},"value":${json}}`
}

function checkKey(key: unknown): void {
  if (typeof key !== "string" || key === "" || !isWellFormed(key)) {
    throw new KeyError(`the key ${JSON.stringify(key)} is not a text of one character or more`)
  }
}

// The value as the body of a PUT has it.
function bodyOf(value: unknown, values: ValueKind, key: string): string | Uint8Array {
  const name = `the value of ${JSON.stringify(key)}`
  if (values === "binary") return checkBytes(value, name)
  if (values === "text") {
    if (typeof value === "string" && isWellFormed(value)) return value
    throw new ValueError(`${name} is not a text, as this writer's values are`)
  }
  let text: string | undefined
  let cause: unknown
  try {
    text = JSON.stringify(value)
  } catch (error) {
    cause = error
  }
  if (text !== undefined) return text
  throw new ValueError(`${name} has no JSON: ${typeof value}`, "ERR_VALUE_INVALID", { cause })
}

type Send = (
  path: string,
  init: RequestInit & { readonly headers: Record<string, string> },
  key: string | undefined,
  signal: AbortSignal | undefined,
) => Promise<Position>

// Sends one write; again only after a 401, which means that it was not taken.
function sender(link: Link): Send {
  const { urls, token: source, fetch = globalThis.fetch, clock, credentials } = link
  const after = clock ? clock.after.bind(clock) : startTimer
  let token = typeof source === "string" ? source : undefined
  return async (path, init, key, signal) => {
    const target = new URL(urls[0]!)
    const [end, search = ""] = path.split("?")
    target.pathname = target.pathname.replace(/stream$/, end!)
    target.search = search
    const name = target.origin + target.pathname
    let expired: string | undefined
    for (;;) {
      const attempt = new AbortController()
      const letGo = onAbort(signal, () => attempt.abort(signal!.reason))
      const late = () => attempt.abort(unknown(`${name} did not answer within ${WRITE_MS} ms`))
      const stopTimer = after(WRITE_MS, late)
      try {
        if (typeof source === "function") token ??= await askToken(source, expired, attempt.signal)
        const bearer = token && { authorization: `Bearer ${token}` }
        const headers = { ...link.headers, ...init.headers, ...bearer }
        attempt.signal.throwIfAborted()
        const own = {
          ...init,
          headers,
          signal: attempt.signal,
          ...(credentials && { credentials }),
        }
        const response = await fetch(target, own)
        const text = await response.text()
        if (response.status === 200) return parsePosition(JSON.parse(text).position)
        if (response.status !== 401 || typeof source !== "function" || expired !== undefined) {
          throw refusal(name, response, text, key)
        }
        expired = token ?? ""
        token = undefined
      } catch (error) {
        if (attempt.signal.aborted) throw attempt.signal.reason
        throw error instanceof WriteError ? error : unknown(`${name} did not answer`, error)
      } finally {
        stopTimer()
        letGo()
      }
    }
  }
}

// A failure of the token source is its owner's; nothing was written.
async function askToken(
  source: TokenSource,
  expired: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await source(expired, signal)
  } catch (cause) {
    const message = `nothing was written: the token function failed: ${cause}`
    throw new WriteError(message, "ERR_UNAUTHENTICATED", "stop", { cause })
  }
}

function refusal(name: string, { status, headers }: Response, text: string, key = ""): WriteError {
  const body = decodeErrorBody(text)
  const [message, ...rest] = refusalOf(status, text)
  // Not a hub's answer: an intermediary may have passed the write on to one.
  if (!body && rest[0] !== "ERR_TOO_LARGE") return unknown(`${name} ${message}`)
  const revision = Number(headers.get("headwater-revision") ?? 0)
  const isConflict = body?.code === "ERR_CONFLICT"
  const { failed = isConflict ? [{ key, revision }] : [] } = body ? JSON.parse(text) : {}
  return new WriteError(`${name} ${message}`, ...rest, { failed })
}

function unknown(message: string, cause?: unknown): WriteError {
  const code: SyncErrorCode = "ERR_OUTCOME_UNKNOWN"
  return new WriteError(`${message}; it may be written`, code, "retry", { cause })
}

function entryOf(key: string): string {
  return `entry?key=${encodeURIComponent(key)}`
}

function conditionOf(revision: Revision | undefined): Record<string, string> {
  if (revision === undefined) return {}
  return revision === 0 ? { "if-none-match": "*" } : { "if-match": `${revision}` }
}
