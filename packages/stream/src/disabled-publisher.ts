import { TopicError } from "@headwater/core"
import type { EventPublisher } from "./publisher.ts"

/** The methods of `EventPublisher`, which a disabled publisher has, too. */
export type AnyPublisher<Payload> = Pick<
  EventPublisher<Payload>,
  | "subscriptions"
  | "stats"
  | "register"
  | "unregister"
  | "publish"
  | "offer"
  | "subscribe"
  | "refresh"
  | "closeFor"
  | "close"
>

/**
 * A publisher that has no topics: registering and subscribing are refused with a `TopicError`, and
 * everything else does nothing. It holds no memory. Source: Consul's no-op publisher (CS-B61).
 */
export function disabledPublisher<Payload>(): AnyPublisher<Payload> {
  const refuse = () => {
    throw new TopicError("publishing is disabled")
  }
  const ignore = () => {}
  return {
    subscriptions: 0,
    stats: () => ({
      topics: 0,
      subjects: 0,
      subscriptions: { conflate: 0, pin: 0, disconnect: 0 },
      queued: 0,
      unreadMax: { items: 0, bytes: 0, behindMs: 0 },
    }),
    register: refuse,
    unregister: refuse,
    subscribe: refuse,
    publish: ignore,
    offer: async () => {},
    refresh: ignore,
    closeFor: ignore,
    close: ignore,
  }
}
