import { AccessError, SourceError } from "@headwater/core"

/**
 * The kind of failure of a call to etcd's gateway.
 *
 *   unsent    it never reached etcd
 *   refused   etcd said no, and did nothing
 *   unclear   it may have been done
 *
 * Not for callers of the source: they get a `SourceError` or an `OutcomeUnknownError`.
 */
export class CallFailure extends Error {
  override readonly name = "CallFailure"
  readonly kind: "unsent" | "refused" | "unclear"
  /** Set when etcd, or a proxy before it, does not let this process in. */
  readonly access: AccessError["code"] | undefined
  /** The token that came with the call is not, or no longer, good. */
  readonly tokenRefused: boolean
  readonly tooLarge: boolean
  /** The revision asked for is no longer kept, or this member has not come there yet. */
  readonly compacted: boolean
  readonly future: boolean

  constructor(kind: CallFailure["kind"], message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
    this.access = accessOf(message)
    this.tokenRefused = /invalid auth token|auth store is old|token is not provided/.test(message)
    this.tooLarge = message.includes("request is too large")
    this.compacted = message.includes("required revision has been compacted")
    this.future = message.includes("required revision is a future revision")
  }
}

/** The error that callers of the source get of a read. */
export function sourceErrorOf(failure: CallFailure): SourceError | AccessError {
  const { message, access } = failure
  const options = { cause: failure }
  return access ? new AccessError(message, access, options) : new SourceError(message, options)
}

/** The error for what a watch was refused or ended with. */
export function errorOfReason(reason: string): SourceError | AccessError {
  return sourceErrorOf(new CallFailure("refused", `etcd ended the watch: ${reason}`))
}

/** Reads an answer other than 2xx: `{ error, message, code }`, or the page of a proxy. */
export function failureOfAnswer(status: number, text: string): CallFailure {
  const { message, code } = parse(text)
  const said = `etcd answered ${status}: ${(message ?? text).slice(0, MESSAGE_CHARS)}`
  // Said before anything is proposed.
  if (NO_LEADER.test(said)) return new CallFailure("unsent", said)
  if (code !== undefined) return new CallFailure(REFUSALS.has(code) ? "refused" : "unclear", said)
  return new CallFailure(status >= 400 && status < 500 ? "refused" : "unclear", said)
}

/** Reads an error of `fetch`. */
export function failureOfFetch(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error
  const { kind, reason } = readCauses(error)
  return new CallFailure(kind, `etcd gave no answer: ${reason}`, { cause: error })
}

const MESSAGE_CHARS = 300

/** etcd's own words, those of its two APIs, of proxies, and of TLS that wants a certificate. */
const UNAUTHENTICATED = new RegExp(
  "authentication failed|user name is empty|invalid auth token|token is not provided|" +
    "auth store is old|answered 401|requires user authentication|no password|" +
    "alert (bad|unknown|expired|revoked|required) certificate|certificate required|" +
    "ALERT_(BAD_CERT|CERTIFICATE|UNKNOWN_CA)|alert unknown ca",
  "i",
)
const FORBIDDEN = /permission denied|answered 403/i

function accessOf(message: string): AccessError["code"] | undefined {
  if (UNAUTHENTICATED.test(message)) return "ERR_UNAUTHENTICATED"
  return FORBIDDEN.test(message) ? "ERR_FORBIDDEN" : undefined
}
const NO_LEADER = /etcdserver: no leader/

/**
 * The gRPC codes by which etcd says that it did not do it: invalid argument, not found, permission
 * denied, resource exhausted, failed precondition, out of range, not implemented, unauthenticated.
 * The others (unavailable, deadline exceeded …) come also after the proposal.
 */
const REFUSALS = new Set([3, 5, 7, 8, 9, 11, 12, 16])

/** The codes of Node and Bun for "there was no connection". */
const UNSENT_CODES = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "ConnectionRefused",
  "FailedToOpenSocket",
])

function readCauses(error: unknown): { kind: "unsent" | "unclear"; reason: string } {
  let reason = String(error)
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    reason = cause.message || String(code)
    // Deno says it in the message alone.
    const connecting = cause.message.includes("client error (Connect)")
    if (connecting || UNSENT_CODES.has(String(code))) return { kind: "unsent", reason }
  }
  return { kind: "unclear", reason }
}

function parse(text: string): { message?: string; code?: number } {
  try {
    const { message, error, code } = JSON.parse(text) as Record<string, unknown>
    const said = typeof message === "string" ? message : error
    return {
      ...(typeof said === "string" ? { message: said } : {}),
      ...(typeof code === "number" ? { code } : {}),
    }
  } catch {
    return {}
  }
}
