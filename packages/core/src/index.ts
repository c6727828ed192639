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
export { type Clock, systemClock } from "./clock.ts"
export type { Delta, Entry } from "./entry.ts"
export {
  assert,
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
export { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "./limits.ts"
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
export type { Status, StatusReport } from "./status.ts"
export { Waiters } from "./waiters.ts"
