/**
 * Publish and subscribe in one process: topics, subjects, a snapshot and then every event, without
 * gap or repeat. Items live in linear memory, and exactly as long as a reader stands before them.
 *
 * @example
 * import { systemClock as clock } from "@headwater/core"
 * import { EventPublisher } from "@headwater/stream"
 *
 * const publisher = new EventPublisher<string>({ clock })
 * publisher.register("news")
 * const subscription = publisher.subscribe({ topic: "news" })
 * publisher.publish([{ topic: "news", subject: "", revision: 1, payload: "hello" }])
 * for await (const frame of subscription) console.log(frame)
 *
 * @module
 */
export { jsonCodec, type PayloadCodec } from "./codec.ts"
export { type AnyPublisher, disabledPublisher } from "./disabled-publisher.ts"
export { EventBuffer, type NewItem } from "./event-buffer.ts"
export { type CursorContext, EventCursor } from "./event-cursor.ts"
export type { BufferMark, EventItem } from "./event-item.ts"
export { EventSnapshot } from "./event-snapshot.ts"
export { STREAM_LIMITS, type StreamLimits } from "./limits.ts"
export type {
  Lag,
  PolicyType,
  PublishCounts,
  SnapshotOutcome,
  StreamObserver,
  StreamStats,
} from "./observer.ts"
export {
  DISCONNECT_DEFAULTS,
  type Keeps,
  keepsOf,
  lagsTooFar,
  type Policy,
  type Unread,
} from "./policy.ts"
export {
  EventPublisher,
  type EventPublisherOptions,
  type SubscribeRequest,
} from "./publisher.ts"
export { PublisherFullError } from "./publisher-full-error.ts"
export type { SnapshotHandler } from "./shared-snapshot.ts"
export { EVERY_SUBJECT, type Subject } from "./subject.ts"
export { type Feed, type StreamFrame, Subscription } from "./subscription.ts"
export type { Permits } from "./topic-feed.ts"
export type { RegisterOptions } from "./topics.ts"
