import type { Revision } from "./revision.ts"

const kSyncError = Symbol.for("@headwater/core/SyncError")

/** For programs: never renamed, never reused. Messages are for people, and may change. */
export type SyncErrorCode =
  | "ERR_POSITION_MALFORMED"
  | "ERR_KEY_INVALID"
  | "ERR_VALUE_INVALID"
  | "ERR_REQUEST_INVALID"
  | "ERR_UNAUTHENTICATED"
  | "ERR_FORBIDDEN"
  | "ERR_NOT_FOUND"
  | "ERR_TOPIC_UNKNOWN"
  | "ERR_KEY_ABSENT"
  | "ERR_METHOD"
  | "ERR_NOT_WRITABLE"
  | "ERR_EPOCH_CHANGED"
  | "ERR_COMPACTED"
  | "ERR_PAGE_GONE"
  | "ERR_CONFLICT"
  | "ERR_TOO_LARGE"
  | "ERR_MEDIA_TYPE"
  | "ERR_TOO_MANY"
  | "ERR_QUOTA"
  | "ERR_INTERNAL"
  | "ERR_NOT_IMPLEMENTED"
  | "ERR_SOURCE_FAILED"
  | "ERR_NOT_READY"
  | "ERR_MEMORY_FULL"
  | "ERR_TIMEOUT"
  | "ERR_OUTCOME_UNKNOWN"
  | "ERR_LAGGED"
  | "ERR_CLOSED"
  | "ERR_FRAME"
  | "ERR_ENGINE"
  | "ERR_IMAGE"
  | "ERR_OPTION_INVALID"

/** The caller's next step, decided where the error is made: no caller keeps a list of codes. */
export type Recovery = "retry" | "resync" | "stop"

/** Base of every operating error: a thing that happens to a correct program. */
export abstract class SyncError extends Error {
  abstract readonly code: SyncErrorCode
  abstract readonly recovery: Recovery
  readonly [kSyncError] = true
}

/** Recognises our errors across package copies and realms, where `instanceof` does not. */
export function isSyncError(error: unknown): error is SyncError {
  return typeof error === "object" && error !== null && kSyncError in error
}

/** The position is below the horizon or inside a gap: start afresh. */
export class CompactedError extends SyncError {
  override readonly name = "CompactedError"
  readonly code = "ERR_COMPACTED"
  readonly recovery = "resync"
  readonly requested: Revision
  readonly oldest: Revision

  constructor(requested: Revision, oldest: Revision, options?: ErrorOptions) {
    super(`revision ${requested} is compacted; the oldest kept is ${oldest}`, options)
    this.requested = requested
    this.oldest = oldest
  }
}

/** The position belongs to another epoch of the source: start afresh. */
export class EpochChangedError extends SyncError {
  override readonly name = "EpochChangedError"
  readonly code = "ERR_EPOCH_CHANGED"
  readonly recovery = "resync"
  readonly requested: string
  readonly current: string

  constructor(requested: string, current: string, options?: ErrorOptions) {
    super(`epoch ${requested} is over; this is ${current}`, options)
    this.requested = requested
    this.current = current
  }
}

/** A follower left more unread than its policy lets it hold, or lagged for longer. */
export class LaggedError extends SyncError {
  override readonly name = "LaggedError"
  readonly code = "ERR_LAGGED"
  readonly recovery = "resync"
  readonly lagMs: number
  readonly missedItems: number

  constructor(lagMs: number, missedItems: number, options?: ErrorOptions) {
    super(`lagged by ${missedItems} items and ${lagMs} ms`, options)
    this.lagMs = lagMs
    this.missedItems = missedItems
  }
}

/**
 * The reason for which a subscription, a cache or a client is closed.
 *
 *   unsubscribed   its owner closed it
 *   forced         another caller closed it: reset and subscribe again
 *   auth-changed   what its identity may see has changed: authenticate and subscribe again
 *   refresh        the state under it was replaced: reset and subscribe again
 *   shutdown       the process ends: go to another one
 */
export type CloseReason = "unsubscribed" | "forced" | "auth-changed" | "refresh" | "shutdown"

const CLOSE_RECOVERY: Record<CloseReason, Recovery> = {
  unsubscribed: "stop",
  forced: "resync",
  "auth-changed": "retry",
  refresh: "resync",
  shutdown: "retry",
}

/** The object of a wait or a write is closed. */
export class ClosedError extends SyncError {
  override readonly name = "ClosedError"
  readonly code = "ERR_CLOSED"
  readonly recovery: Recovery
  readonly reason: CloseReason

  constructor(reason: CloseReason, options?: ErrorOptions) {
    super(`closed: ${reason}`, options)
    this.reason = reason
    this.recovery = CLOSE_RECOVERY[reason]
  }
}

/** The engine's memory bound is reached. Nothing of the batch was applied. */
export class MemoryFullError extends SyncError {
  override readonly name = "MemoryFullError"
  readonly code = "ERR_MEMORY_FULL"
  readonly recovery = "retry"
  readonly bytesLive: number
  readonly bytesMax: number

  constructor(bytesLive: number, bytesMax: number, options?: ErrorOptions) {
    super(`${bytesLive} bytes live; no room for more within ${bytesMax}`, options)
    this.bytesLive = bytesLive
    this.bytesMax = bytesMax
  }
}

/** The source failed or refused. For a write: nothing was written. */
export class SourceError extends SyncError {
  override readonly name = "SourceError"
  readonly code = "ERR_SOURCE_FAILED"
  readonly recovery = "retry"
}

/**
 * The source does not let this process in: no credential, none that it accepts, or not enough
 * rights. Tried again, since credentials and rights are renewed while a process runs.
 */
export class AccessError extends SyncError {
  override readonly name = "AccessError"
  readonly code: "ERR_UNAUTHENTICATED" | "ERR_FORBIDDEN"
  readonly recovery = "retry"

  constructor(
    message: string,
    code: "ERR_UNAUTHENTICATED" | "ERR_FORBIDDEN",
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
  }
}

/**
 * The source did not answer a write: it may have been written. Read, then retry with a condition.
 */
export class OutcomeUnknownError extends SyncError {
  override readonly name = "OutcomeUnknownError"
  readonly code = "ERR_OUTCOME_UNKNOWN"
  readonly recovery = "retry"
}

/** A line of the wire that cannot be read. */
export class FrameError extends SyncError {
  override readonly name = "FrameError"
  readonly code = "ERR_FRAME"
  readonly recovery = "retry"
  /** The offending text, cut to 200 characters. */
  readonly line: string

  constructor(message: string, line: string, options?: ErrorOptions) {
    super(message, options)
    this.line = line.slice(0, 200)
  }
}

/** A text that is not a position. */
export class PositionError extends SyncError {
  override readonly name = "PositionError"
  readonly code = "ERR_POSITION_MALFORMED"
  readonly recovery = "stop"
}

/** No such topic, or no such name for one. */
export class TopicError extends SyncError {
  override readonly name = "TopicError"
  readonly code = "ERR_TOPIC_UNKNOWN"
  readonly recovery = "stop"
}

/** A key that is empty, too long, or not UTF-8. */
export class KeyError extends SyncError {
  override readonly name = "KeyError"
  readonly code = "ERR_KEY_INVALID"
  readonly recovery = "stop"
}

/** A value that is too large, or not of its topic's kind. */
export class ValueError extends SyncError {
  override readonly name = "ValueError"
  readonly code: "ERR_VALUE_INVALID" | "ERR_TOO_LARGE"
  readonly recovery = "stop"

  constructor(
    message: string,
    code: "ERR_VALUE_INVALID" | "ERR_TOO_LARGE" = "ERR_VALUE_INVALID",
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
  }
}

/** An option of a public function that is not known, is missing, or makes no sense. */
export class OptionError extends SyncError {
  override readonly name = "OptionError"
  readonly code = "ERR_OPTION_INVALID"
  readonly recovery = "stop"
  readonly option: string

  constructor(option: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.option = option
  }
}

/**
 * The error for an option with a senseless value.
 *
 * @param option may name its function: `createEngine: maxBytes`.
 * @param allowed completes "it must be …".
 */
export function badOption(option: string, value: unknown, allowed: string): OptionError {
  return new OptionError(option, `${option} is ${shown(value)}; it must be ${allowed}`)
}

// Long texts are cut. Objects are not shown: they may hold credentials.
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60))
  if (typeof value === "bigint" || typeof value === "function") return `a ${typeof value}`
  if (typeof value === "object" && value !== null) return "of another kind"
  return String(value)
}

/** A handle was used after it was disposed of. The message names the handle. */
export class DisposedError extends SyncError {
  override readonly name = "DisposedError"
  readonly code = "ERR_ENGINE"
  readonly recovery = "stop"
}

/** The engine hit a trap, which is a bug of ours: every later call on it throws this. */
export class PoisonedError extends SyncError {
  override readonly name = "PoisonedError"
  readonly code = "ERR_ENGINE"
  readonly recovery = "stop"
}

/** An image of an engine that is cut, changed, or of another format: start without it. */
export class ImageError extends SyncError {
  override readonly name = "ImageError"
  readonly code = "ERR_IMAGE"
  readonly recovery = "resync"
}

/** A bug of ours, not of the caller or the network. Never caught; the process should end. */
export class InvariantError extends Error {
  override readonly name = "InvariantError"
}

/** Throws an `InvariantError` unless a condition holds. `message` is the expectation. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}
