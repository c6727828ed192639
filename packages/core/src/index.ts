/**
 * The vocabulary of Headwater: revisions, positions, entries, events, errors, and the contracts of
 * clocks and sources. The WebAssembly engine is behind `@headwater/core/engine`.
 *
 * @example
 * import { isSyncError } from "@headwater/core"
 *
 * if (isSyncError(error) && error.recovery === "resync") startAfresh()
 *
 * @module
 */
export { type Deadline, LinkedAbort, untilAborted, withDeadline } from "./abort.ts"
export { type BackoffLimits, backoffCeilingMs, backoffMs, countFailure } from "./backoff.ts"
export { decodeBase64, encodeBase64 } from "./base64.ts"
export { checkBytes } from "./bytes.ts"
export type {
  CacheRequest,
  CacheType,
  FetchOptions,
  FetchResult,
  LastResult,
  RateLimit,
  ViewFeed,
  ViewFrame,
} from "./cache-type.ts"
export { type Clock, checkDelay, sleepOn, startTimer, systemClock, TIMER_MS_MAX } from "./clock.ts"
export type { Delta, Entry } from "./entry.ts"
export {
  AccessError,
  assert,
  badOption,
  ClosedError,
  type CloseReason,
  CompactedError,
  DisposedError,
  EpochChangedError,
  FrameError,
  ImageError,
  InvariantError,
  isSyncError,
  KeyError,
  LaggedError,
  MemoryFullError,
  OptionError,
  OutcomeUnknownError,
  PoisonedError,
  PositionError,
  type Recovery,
  SourceError,
  SyncError,
  type SyncErrorCode,
  TopicError,
  ValueError,
} from "./errors.ts"
export type { Event } from "./event.ts"
export { GuardedObserver } from "./guarded-observer.ts"
export { KEY_BYTES_MAX, VALUE_BYTES_DEFAULT } from "./limits.ts"
export { onAbort } from "./on-abort.ts"
export {
  booleanRule,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  type OptionRule,
  type OptionRules,
  objectRule,
  oneOfRule,
  required,
  secret,
  signalRule,
  textRule,
  withDefaults,
} from "./options.ts"
export type { Position } from "./position.ts"
export { isRevision, REVISION_MAX, type Revision } from "./revision.ts"
export type {
  Change,
  Commit,
  Condition,
  InvalidEntry,
  ListPage,
  ListRequest,
  LostReason,
  Source,
  WatchEvent,
  WriteOutcome,
  WriteRequest,
} from "./source.ts"
export type {
  HelpRow,
  NamedSource,
  SourceContext,
  SourceName,
  SourceOption,
  SourceSecret,
  SourceType,
} from "./source-type.ts"
export type { Status, StatusReport } from "./status.ts"
export {
  decodeUtf8,
  encodeUtf8,
  isLongerThan,
  isWellFormed,
  readUtf8,
  utf8Decoder,
} from "./utf8.ts"
export { Waiters } from "./waiters.ts"
