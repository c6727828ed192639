import {
  assert,
  type Clock,
  ClosedError,
  type CloseReason,
  checkOptions,
  type Event,
  functionRule,
  GuardedObserver,
  integerRule,
  type OptionRules,
  objectRule,
  type Revision,
  required,
  TopicError,
} from "@headwater/core"
import { createEngine, type Engine } from "@headwater/core/engine"
import { jsonCodec, type PayloadCodec } from "./codec.ts"
import { STREAM_LIMIT_RULES, STREAM_LIMITS, type StreamLimits } from "./limits.ts"
import { OBSERVER_METHODS, type StreamObserver, type StreamStats } from "./observer.ts"
import { checkPolicy, keepsOf, type Policy } from "./policy.ts"
import { PreparedCommit } from "./prepared-commit.ts"
import { PublishQueue } from "./publish-queue.ts"
import type { SnapshotHandler } from "./shared-snapshot.ts"
import { EVERY_SUBJECT } from "./subject.ts"
import { Subscribers } from "./subscribers.ts"
import { Subscription } from "./subscription.ts"
import { TopicBuffers } from "./topic-buffers.ts"
import { type Permits, TopicFeed } from "./topic-feed.ts"
import { type RegisterOptions, type TopicEpoch, Topics } from "./topics.ts"

/** A request for a subscription. */
export interface SubscribeRequest<Payload = unknown> {
  readonly topic: string
  /** The part of the topic; `""` by default. `EVERY_SUBJECT`, where the topic allows it, is all. */
  readonly subject?: string
  /** The subscriber holds everything up to this revision. Absent or 0: nothing. */
  readonly from?: Revision
  /** The identity of the subscriber, for `closeFor`. */
  readonly identity?: string
  /** The `epoch` of the subscription that `from` was learnt from. Another one is a `reset`. */
  readonly epoch?: string
  /** `conflate` by default. */
  readonly policy?: Policy
  /** Which events it may see; all by default. Called for each as it is delivered. */
  readonly permits?: Permits<Payload>
}

/** The options of a publisher. */
export interface EventPublisherOptions<Payload> {
  readonly clock: Clock
  /** The engine that holds items. By default one of its own, disposed of with the publisher. */
  readonly engine?: Engine
  /** JSON by default. See `PayloadCodec` for why payloads are bytes. */
  readonly codec?: PayloadCodec<Payload>
  readonly limits?: Partial<StreamLimits>
  /** Told what happens, for metrics: see `StreamObserver`. Costs nothing when absent. */
  readonly observer?: StreamObserver
}

/**
 * Publish and subscribe in one process: the present state of a subject, and then every event of it,
 * without gap or repeat, however publishing and reading the state interleave.
 *
 *   - Events of one commit are published by one call, and seen together by each subscriber.
 *   - Order holds for each (topic, subject); between two subjects there is none.
 *   - Events of a subject without subscribers are dropped: the next snapshot holds them.
 *   - `publish` never waits. The backlog of slow subscribers is bounded by their policy.
 *
 * Under `conflate`, a subscriber beyond `unreadItemsMax` or `unreadBytesMax` gets a `reset` and a
 * new snapshot in place of what it missed.
 *
 * Publish after the state has changed, never before: else a snapshot may miss what was published
 * before it was asked for. Source: Consul `stream.EventPublisher`.
 */
export class EventPublisher<Payload> {
  readonly #engine: Engine
  readonly #ownsEngine: boolean
  readonly #limits: StreamLimits
  readonly #codec: PayloadCodec<Payload>
  readonly #guard: GuardedObserver<StreamObserver> | undefined
  readonly #observer: StreamObserver | undefined
  readonly #queue: PublishQueue<Offered<Payload>>
  readonly #topics: Topics<Payload>
  readonly #buffers: TopicBuffers<Payload>
  readonly #subscribers: Subscribers<Payload>
  #closed = false

  /** @throws {OptionError} an option is not known, or makes no sense. */
  constructor(options: EventPublisherOptions<Payload>) {
    checkOptions("EventPublisher", options, PUBLISHER_RULES)
    checkOptions("EventPublisher: limits", options.limits ?? {}, STREAM_LIMIT_RULES)
    const { clock } = options
    const limits = { ...STREAM_LIMITS, ...options.limits }
    const engine = options.engine ?? createEngine()
    const codec = options.codec ?? jsonCodec<Payload>()
    this.#guard = options.observer && new GuardedObserver(options.observer, OBSERVER_METHODS)
    this.#observer = this.#guard?.tells
    this.#ownsEngine = options.engine === undefined
    this.#engine = engine
    this.#limits = limits
    this.#codec = codec
    this.#queue = new PublishQueue(
      (offered) => this.#publishOffered(offered),
      () => clock.yield(),
      { batchesMax: limits.queueBatchesMax },
    )
    this.#topics = new Topics(limits.topicsMax)
    this.#subscribers = new Subscribers(limits.subscriptionsMax)
    this.#buffers = new TopicBuffers({ engine, clock, codec, limits, observer: this.#observer })
  }

  /** Subscriptions that are open. */
  get subscriptions(): number {
    return this.#subscribers.size
  }

  /** Counts for gauges, as of now. Cost: O(subscriptions). */
  stats(): StreamStats {
    const buffers = this.#buffers.of(undefined)
    const unreadMax = { items: 0, bytes: 0, behindMs: 0 }
    for (const { unread } of buffers.flatMap(({ subscriptions }) => [...subscriptions])) {
      unreadMax.items = Math.max(unreadMax.items, unread?.items ?? 0)
      unreadMax.bytes = Math.max(unreadMax.bytes, unread?.bytes ?? 0)
      unreadMax.behindMs = Math.max(unreadMax.behindMs, unread?.behindMs ?? 0)
    }
    return {
      topics: this.#topics.size,
      subjects: buffers.length,
      subscriptions: this.#subscribers.byPolicy,
      queued: this.#queue.size,
      unreadMax,
    }
  }

  /**
   * Registers a topic. Without a handler its state is empty: a subscriber gets a `sync` at once,
   * of the newest event so far, and then new events.
   *
   * @throws {TopicError} the name is empty, or registered already.
   * @throws {PublisherFullError} there are `topicsMax` topics.
   */
  register(topic: string, handler?: SnapshotHandler<Payload>, options: RegisterOptions = {}): void {
    this.#assertOpen()
    this.#topics.register(topic, handler, options)
  }

  /**
   * Removes a topic, at any time: its subscriptions are closed as `refresh`, and it may
   * be registered anew, with another handler.
   */
  unregister(topic: string): void {
    this.refresh(topic)
    this.#topics.unregister(topic)
  }

  /**
   * Publishes the events of one commit: all of one revision, which is above that of what was last
   * published of their subjects. None is nothing. All are published, or, throwing, none.
   */
  publish(events: readonly Event<Payload>[]): void {
    this.#publish(events)
  }

  #publish(
    events: readonly Event<Payload>[],
    isCurrent?: (event: Event<Payload>) => boolean,
  ): void {
    this.#assertOpen()
    const [first] = events
    if (first === undefined) return
    const commit = new PreparedCommit(first.revision, events, {
      buffers: this.#buffers,
      codec: this.#codec,
      ...(isCurrent && { isCurrent }),
    })
    // The codec may have closed it.
    this.#assertOpen()
    commit.publish()
    const { onPublish } = this.#observer ?? {}
    if (onPublish === undefined) return
    for (const [topic, counts] of commit.counts) onPublish(topic, counts)
  }

  /**
   * Publishes a commit as soon as all commits offered before it are published. At most
   * `queueBatchesMax` commits are queued; beyond that the caller waits. Resolves when the commit is
   * published. A `refresh` of a topic drops the commits offered before it, since they belong to the
   * replaced state. Do not mix with `publish`, which does not wait for the queue.
   *
   * @throws {ClosedError} the publisher was closed; nothing was published.
   * @throws `signal.reason`, while it waits for room; nothing was published.
   */
  async offer(events: readonly Event<Payload>[], signal?: AbortSignal): Promise<void> {
    this.#assertOpen()
    if (events.length === 0) return
    const epochs = events.map(({ topic }) => this.#topics.epochOf(topic))
    await this.#queue.offer({ events, epochs }, signal)
  }

  /**
   * Subscribes. The frames come in one of two shapes, settled here: see `Subscription`. It is
   * resumed when the subject's trail still holds everything after `from`: up to `historyItemsMax`
   * items and `historyBytesMax` bytes, for as long as it has subscribers.
   *
   * A handler that meanwhile closes what it is asked for gets its subscriber a closed subscription.
   *
   * @throws {OptionError} an option is not known, or makes no sense.
   * @throws {TopicError} no such topic, or it does not allow subscribing to every subject.
   * @throws {PublisherFullError} there are `subscriptionsMax` subscriptions.
   * @throws {MemoryFullError} there is no room for one more.
   */
  subscribe(request: SubscribeRequest<Payload>): Subscription<Payload> {
    this.#assertOpen()
    checkOptions("subscribe", request, REQUEST_RULES)
    const { topic, subject = "", identity, permits, policy = { type: "conflate" } } = request
    checkPolicy(policy)
    const registered = this.#topics.get(topic)
    const epoch = registered.epoch.name
    if (subject === EVERY_SUBJECT && !registered.wildcard) {
      throw new TopicError(`topic ${topic} does not support wildcard subscriptions`)
    }
    this.#subscribers.assertRoom()
    const buffer = this.#buffers.open({ topic, subject }, registered)
    const { unreadItemsMax: itemsMax, unreadBytesMax: bytesMax } = this.#limits
    const keeps = keepsOf(policy, { itemsMax, bytesMax })
    const feed = new TopicFeed(buffer, { policy, keeps, permits, observer: this.#observer })
    const subscription: Subscription<Payload> = new Subscription<Payload>(feed, {
      identity,
      epoch,
      assertOutside: this.#guard && (() => this.#guard?.assertOutside()),
      onClose: (reason) => {
        this.#subscribers.remove(subscription, policy.type)
        buffer.leave(subscription)
        this.#observer?.onClose?.(topic, { policy: policy.type, reason })
      },
    })
    buffer.join(subscription)
    this.#subscribers.add(subscription, policy.type)
    const isOfAnother = request.epoch !== undefined && request.epoch !== epoch
    try {
      const resumed = feed.begin(request.from ?? 0, isOfAnother)
      this.#observer?.onSubscribe?.(topic, { policy: policy.type, resumed })
    } catch (error) {
      if (subscription.closed !== undefined) return subscription
      subscription.close()
      throw error
    }
    return subscription
  }

  /**
   * The state of a topic, or of all, was replaced: every subscription is closed as `refresh`, and
   * what was learnt before is of another epoch.
   *
   * @throws {TopicError} no such topic.
   */
  refresh(topic?: string): void {
    this.#assertOpen()
    this.#topics.renew(topic)
    for (const buffer of this.#buffers.of(topic)) buffer.closeAll("refresh")
  }

  /** Closes what was subscribed in this name, before it returns. */
  closeFor(identity: string, reason: CloseReason): void {
    this.#guard?.assertOutside()
    this.#subscribers.closeFor(identity, reason)
  }

  /**
   * Closes everything as `shutdown`. Twice is harmless; everything else is refused from then on.
   */
  close(): void {
    this.#guard?.assertOutside()
    if (this.#closed) return
    this.#closed = true
    this.#queue.close()
    for (const buffer of this.#buffers.of(undefined)) buffer.closeAll("shutdown")
    if (this.#ownsEngine) this.#engine.dispose()
  }

  /**
   * Asserts the invariants of subscriptions, buffers, histories and snapshots, which hold between
   * any two calls. For tests. Cost: O(subscriptions).
   */
  assertInvariants(): void {
    const buffers = this.#buffers.of(undefined)
    const joined = buffers.reduce((sum, { subscriptions }) => sum + subscriptions.size, 0)
    assert(joined === this.#subscribers.size, "an open subscription is in one buffer")
    for (const { of } of buffers) this.#topics.get(of.topic)
    assert(!this.#closed || joined === 0, "a closed publisher has no subscriptions")
    this.#buffers.assertInvariants()
    this.#subscribers.assertInvariants()
  }

  #assertOpen(): void {
    this.#guard?.assertOutside()
    if (this.#closed) throw new ClosedError("shutdown")
  }

  #publishOffered({ events, epochs }: Offered<Payload>): void {
    const epochOf = new Map(events.map((event, index) => [event, epochs[index]]))
    const isCurrent = (event: Event<Payload>) =>
      this.#topics.epochOf(event.topic) === epochOf.get(event)
    const current = events.every(isCurrent) ? events : events.filter(isCurrent)
    this.#publish(current, isCurrent)
  }
}

const PUBLISHER_RULES: OptionRules<EventPublisherOptions<unknown>> = {
  clock: required(objectRule),
  engine: objectRule,
  codec: objectRule,
  limits: objectRule,
  observer: objectRule,
}

const anyText = { allowed: "a text", test: (value: unknown) => typeof value === "string" }

const REQUEST_RULES: OptionRules<SubscribeRequest> = {
  topic: required(anyText),
  subject: anyText,
  from: integerRule(0),
  identity: anyText,
  epoch: anyText,
  policy: objectRule,
  permits: functionRule,
}

/** A commit that was offered, and the epoch of the topic of each event. */
interface Offered<Payload> {
  readonly events: readonly Event<Payload>[]
  readonly epochs: readonly (TopicEpoch | undefined)[]
}
