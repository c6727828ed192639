import {
  assert,
  type Clock,
  ClosedError,
  type CloseReason,
  type Event,
  type Revision,
  TopicError,
} from "@headwater/core"
import { createEngine, type Engine } from "@headwater/core/engine"
import { type Codec, jsonCodec } from "./codec.ts"
import { STREAM_LIMITS, type StreamLimits } from "./limits.ts"
import type { StreamObserver } from "./observer.ts"
import { keepsOf, type Policy } from "./policy.ts"
import { PublishQueue } from "./publish-queue.ts"
import { Subscription } from "./subscription.ts"
import { TooManyError } from "./too-many-error.ts"
import {
  type EncodedEvent,
  EVERY_SUBJECT,
  type SnapshotHandler,
  type TopicBuffer,
  TopicBuffers,
} from "./topic-buffers.ts"
import { type Permits, TopicFeed } from "./topic-feed.ts"

/** What a subscriber asks for. */
export interface SubscribeRequest<Payload = unknown> {
  readonly topic: string
  /** The part of the topic; `""` by default. `EVERY_SUBJECT`, where the topic allows it, is all. */
  readonly subject?: string
  /** The subscriber holds everything up to this revision. Absent or 0: nothing. */
  readonly from?: Revision
  /** In whose name, for `closeFor`. */
  readonly identity?: string
  /** The `epoch` of the subscription that `from` was learnt from. Another one is a `reset`. */
  readonly epoch?: string
  /** `conflate` by default. */
  readonly policy?: Policy
  /** Which events it may see; all by default. Called for each as it is delivered. */
  readonly permits?: Permits<Payload>
}

/** How a topic is registered. */
export interface TopicOptions {
  /** Whether somebody may subscribe to every subject of it at once; not by default. */
  readonly wildcard?: boolean
}

/** What a publisher is made with. */
export interface EventPublisherOptions<Payload> {
  readonly clock: Clock
  /** Where items live. By default an engine of its own, which goes when the publisher is closed. */
  readonly engine?: Engine
  /** JSON by default. See `Codec` for why payloads are bytes. */
  readonly codec?: Codec<Payload>
  readonly limits?: Partial<StreamLimits>
  /** Told what happens, for metrics. Costs nothing when absent. */
  readonly observer?: StreamObserver
}

interface Topic<Payload> {
  readonly handler: SnapshotHandler<Payload> | undefined
  readonly wildcard: boolean
  epoch: string
}

/**
 * Publish and subscribe in one process: the present state of a subject, and then every event of it,
 * without gap or repeat, however publishing and reading the state interleave.
 *
 *   - Events of one commit are published by one call, and seen together by each subscriber.
 *   - Order holds for each (topic, subject); between two subjects there is none.
 *   - Where nobody listens, events are dropped: the next subscriber's snapshot holds them.
 *   - `publish` waits for nobody. What slow subscribers leave unread is bounded by their policy.
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
  readonly #codec: Codec<Payload>
  readonly #observer: StreamObserver | undefined
  readonly #queue: PublishQueue<readonly Event<Payload>[]>
  readonly #topics = new Map<string, Topic<Payload>>()
  readonly #buffers: TopicBuffers<Payload>
  readonly #byIdentity = new Map<string, Set<Subscription<Payload>>>()
  #subscriptions = 0
  #epochs = 0
  #closed = false

  constructor(options: EventPublisherOptions<Payload>) {
    this.#ownsEngine = options.engine === undefined
    this.#engine = options.engine ?? createEngine()
    this.#limits = { ...STREAM_LIMITS, ...options.limits }
    this.#codec = options.codec ?? jsonCodec<Payload>()
    this.#observer = options.observer
    const { clock } = options
    this.#queue = new PublishQueue(
      (events) => this.publish(events),
      () => clock.yield(),
      { batchesMax: this.#limits.queueBatchesMax },
    )
    this.#buffers = new TopicBuffers({
      engine: this.#engine,
      clock,
      codec: this.#codec,
      limits: this.#limits,
      observer: this.#observer,
    })
  }

  /** Subscriptions that are open. */
  get subscriptions(): number {
    return this.#subscriptions
  }

  /**
   * Makes a topic known. Without a handler its state is empty: a subscriber gets a `sync` at once.
   *
   * @throws {TopicError} the name is empty, or registered already.
   * @throws {TooManyError} there are `topicsMax` topics.
   */
  register(topic: string, handler?: SnapshotHandler<Payload>, options: TopicOptions = {}): void {
    this.#assertOpen()
    if (topic === "") throw new TopicError("a topic has a name")
    if (this.#topics.has(topic)) throw new TopicError(`topic ${topic} is registered already`)
    if (this.#topics.size >= this.#limits.topicsMax) {
      throw new TooManyError("topics", this.#limits.topicsMax)
    }
    const { wildcard = false } = options
    this.#topics.set(topic, { handler, wildcard, epoch: this.#nextEpoch() })
  }

  /**
   * Makes a topic unknown again, at any time: its subscriptions are closed as `refresh`, and it may
   * be registered anew, with another handler.
   */
  unregister(topic: string): void {
    this.#assertOpen()
    this.refresh(topic)
    this.#topics.delete(topic)
  }

  /** Publishes the events of one commit: all of one revision, above 0. None is nothing. */
  publish(events: readonly Event<Payload>[]): void {
    this.#assertOpen()
    const [first] = events
    if (first === undefined) return
    const { revision } = first
    assert(revision > 0, "a commit has a revision")
    const groups = new Map<TopicBuffer<Payload>, EncodedEvent[]>()
    const counts = new Map<string, { events: number; dropped: number }>()
    for (const event of events) {
      assert(event.revision === revision, "events that are published together are of one commit")
      assert(event.subject !== EVERY_SUBJECT, "an event has one subject")
      const buffers = this.#buffersOf(event)
      if (this.#observer?.onPublish !== undefined) count(counts, event, buffers.length === 0)
      if (buffers.length === 0) continue
      const encoded = { subject: event.subject, payload: this.#codec.encode(event.payload) }
      for (const buffer of buffers) {
        const group = groups.get(buffer)
        if (group === undefined) groups.set(buffer, [encoded])
        else group.push(encoded)
      }
    }
    for (const [topic, counted] of counts) this.#observer?.onPublish?.(topic, counted)
    for (const [buffer, group] of groups) buffer.publish(revision, group)
  }

  /**
   * Publishes as soon as what was offered before is published: at most `queueBatchesMax` commits
   * wait, and beyond that so does the caller. Resolves when it is published. Do not mix with
   * `publish`, which waits for nothing that is queued.
   *
   * @throws {ClosedError} the publisher was closed; nothing was published.
   * @throws `signal.reason`, while it waits for room; nothing was published.
   */
  async offer(events: readonly Event<Payload>[], signal?: AbortSignal): Promise<void> {
    this.#assertOpen()
    if (events.length > 0) await this.#queue.offer(events, signal)
  }

  /**
   * Subscribes. The frames come in one of two shapes, settled here: see `Subscription`. It is
   * resumed when the subject's trail still holds everything after `from`: up to `historyItemsMax`
   * items and `historyBytesMax` bytes, for as long as somebody listens.
   *
   * @throws {TopicError} no such topic, or it does not allow subscribing to every subject.
   * @throws {TooManyError} there are `subscriptionsMax` subscriptions.
   */
  subscribe(request: SubscribeRequest<Payload>): Subscription<Payload> {
    this.#assertOpen()
    const { topic, subject = "", identity, permits, policy = { type: "conflate" } } = request
    const registered = this.#topics.get(topic)
    if (registered === undefined) throw new TopicError(`no topic ${topic}`)
    const { handler, wildcard, epoch } = registered
    if (subject === EVERY_SUBJECT && !wildcard) {
      throw new TopicError(`topic ${topic} does not support wildcard subscriptions`)
    }
    if (this.#subscriptions >= this.#limits.subscriptionsMax) {
      throw new TooManyError("subscriptions", this.#limits.subscriptionsMax)
    }
    const buffer = this.#buffers.open({ topic, subject }, handler)
    const { unreadItemsMax: itemsMax, unreadBytesMax: bytesMax } = this.#limits
    const keeps = keepsOf(policy, { itemsMax, bytesMax })
    const feed = new TopicFeed(buffer, { policy, keeps, permits, observer: this.#observer })
    const subscription: Subscription<Payload> = new Subscription<Payload>(feed, {
      identity,
      epoch,
      onClose: (reason) => {
        this.#subscriptions--
        this.#forget(subscription)
        buffer.leave(subscription)
        this.#observer?.onClose?.(topic, { policy: policy.type, reason })
      },
    })
    buffer.subscriptions.add(subscription)
    this.#subscriptions++
    this.#remember(subscription)
    try {
      const isOfAnother = request.epoch !== undefined && request.epoch !== epoch
      const resumed = feed.begin(request.from ?? 0, isOfAnother)
      this.#observer?.onSubscribe?.(topic, { policy: policy.type, resumed })
    } catch (error) {
      subscription.close()
      throw error
    }
    return subscription
  }

  /**
   * The state of a topic, or of all, was replaced: every subscription is closed as `refresh`, and
   * what was learnt before is of another epoch.
   */
  refresh(topic?: string): void {
    this.#assertOpen()
    if (topic !== undefined && !this.#topics.has(topic)) throw new TopicError(`no topic ${topic}`)
    for (const [name, registered] of this.#topics) {
      if (topic === undefined || name === topic) registered.epoch = this.#nextEpoch()
    }
    for (const buffer of this.#buffers.of(topic)) buffer.closeAll("refresh")
  }

  /** Closes what was subscribed in this name, before it returns. */
  closeFor(identity: string, reason: CloseReason): void {
    for (const subscription of [...(this.#byIdentity.get(identity) ?? [])]) {
      subscription.close(reason)
    }
  }

  /**
   * Closes everything as `shutdown`. Twice is harmless; everything else is refused from then on.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue.close()
    for (const buffer of this.#buffers.of(undefined)) buffer.closeAll("shutdown")
    if (this.#ownsEngine) this.#engine.dispose()
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError("shutdown")
  }

  #nextEpoch(): string {
    this.#epochs++
    return String(this.#epochs)
  }

  #buffersOf(event: Event<Payload>): TopicBuffer<Payload>[] {
    const { topic, subject } = event
    const named = this.#buffers.find({ topic, subject })
    const every = this.#topics.get(topic)?.wildcard
      ? this.#buffers.find({ topic, subject: EVERY_SUBJECT })
      : undefined
    return [named, every].filter((buffer) => buffer !== undefined)
  }

  #remember(subscription: Subscription<Payload>): void {
    const { identity } = subscription
    if (identity === undefined) return
    const known = this.#byIdentity.get(identity)
    if (known === undefined) this.#byIdentity.set(identity, new Set([subscription]))
    else known.add(subscription)
  }

  #forget(subscription: Subscription<Payload>): void {
    const { identity } = subscription
    if (identity === undefined) return
    const known = this.#byIdentity.get(identity)
    known?.delete(subscription)
    if (known?.size === 0) this.#byIdentity.delete(identity)
  }
}

function count(
  counts: Map<string, { events: number; dropped: number }>,
  { topic }: { readonly topic: string },
  isDropped: boolean,
): void {
  const counted = counts.get(topic) ?? { events: 0, dropped: 0 }
  counted.events++
  if (isDropped) counted.dropped++
  counts.set(topic, counted)
}
