/**
 * The wire format of Headwater, both directions, without WebAssembly: positions and ids, frames,
 * errors, limits and the digest. PROTOCOL.md beside it is the contract in words.
 *
 * @example
 * import { decodeFrame, parsePosition } from "@headwater/protocol"
 *
 * const frame = decodeFrame(event.type, event.data, event.lastEventId)
 * if (frame?.type === "sync") console.log(parsePosition(frame.id).revision, frame.digest)
 *
 * @module
 */
export { decodeFrame } from "./decode.ts"
export { DIGEST_SEED_HI, DIGEST_SEED_LO, Digest, h64 } from "./digest.ts"
export {
  COMMENT,
  encodeDeltaFrame,
  encodeFrame,
  encodeOpening,
  encodeSnapshotFrame,
  type FramingFrame,
  OPENING_COMMENT,
  wireStatus,
} from "./encode.ts"
export type {
  DeltaFrame,
  FaultFrame,
  Frame,
  GoodbyeFrame,
  GoodbyeReason,
  HelloFrame,
  ResetFrame,
  ResetReason,
  SnapshotFrame,
  StatusFrame,
  SyncFrame,
  WireChange,
  WireEntry,
} from "./frame.ts"
export {
  decodeErrorBody,
  type ErrorBody,
  encodeErrorBody,
  httpStatusOf,
  POSITION_HEADER,
  REVISION_HEADER,
  recoveryOf,
  STREAM_HEADERS,
  streamPath,
  VALUE_HEADERS,
  valueKindOf,
} from "./http.ts"
export {
  AHEAD_WAIT_MS,
  BATCH_OPERATIONS_MAX,
  FRAME_BYTES_MAX,
  HEARTBEAT_MS,
  HEARTBEATS_MISSED_MAX,
  MULTIPLEX_VIEWS_MAX,
  PAGE_KEPT_MS,
  PROTOCOL_VERSION,
  RETRY_MS_FLOOR,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  STREAM_ID_BYTES_MAX,
  SYNC_INTERVAL_MS,
  TOPIC_PATTERN,
  VIEW_QUERY_BYTES_MAX,
  VIEW_TERMS_MAX,
  WAIT_JITTER_DIVISOR,
  WAIT_MS_DEFAULT,
  WAIT_MS_MAX,
} from "./limits.ts"
export { formatPosition, parsePosition } from "./position.ts"
export { formatStreamId, parseStreamId, readStreamId, type StreamId } from "./stream-id.ts"
export { CONTENT_TYPES, isValueKind, type ValueKind } from "./value-kind.ts"
export { type GrantedFilter, type ViewFilter, type ViewSpec, viewOf } from "./view.ts"
export { xxHash32 } from "./xx-hash32.ts"
