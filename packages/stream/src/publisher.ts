import {
  assert,
  type Clock,
  ClosedError,
  type CloseReason,
  type Event,
  LaggedError,
  type Revision,
  TopicError,
} from "@headwater/core"
import { createEngine, type Engine } from "@headwater/core/engine"
import { type Codec, jsonCodec } from "./codec.ts"
import type { EventCursor } from "./event-cursor.ts"
import { STREAM_LIMITS, type StreamLimits } from "./limits.ts"
import { type Keeps, keepsOf, type Policy } from "./policy.ts"
import { type Feed, type StreamFrame, Subscription } from "./subscription.ts"
import { TooManyError } from "./too-many-error.ts"
import { type SnapshotHandler, type TopicBuffer, TopicBuffers } from "./topic-buffers.ts"

/** What a subscriber asks for. */
export interface SubscribeRequest {
  readonly topic: string
  /** The part of the topic; `""` by default. */
  readonly subject?: string
  /** The subscriber holds everything up to this revision. Absent or 0: nothing. */
  readonly from?: Revision
  /** In whose name, for `closeFor`. */
  readonly identity?: string
  /** `conflate` by default. */
  readonly policy?: Policy
}

/** What a publisher is made with. */
export interface EventPublisherOptions<Payload> {
  readonly clock: Clock
  /** Where items live. By default an engine of its own, which goes when the publisher is closed. */
  readonly engine?: Engine
  /** JSON by default. See `Codec` for why payloads are bytes. */
  readonly codec?: Codec<Payload>
  readonly limits?: Partial<StreamLimits>
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
  readonly #handlers = new Map<string, SnapshotHandler<Payload> | undefined>()
  readonly #buffers: TopicBuffers<Payload>
  readonly #byIdentity = new Map<string, Set<Subscription<Payload>>>()
  #subscriptions = 0
  #closed = false

  constructor(options: EventPublisherOptions<Payload>) {
    this.#ownsEngine = options.engine === undefined
    this.#engine = options.engine ?? createEngine()
    this.#limits = { ...STREAM_LIMITS, ...options.limits }
    this.#buffers = new TopicBuffers({
      engine: this.#engine,
      clock: options.clock,
      codec: options.codec ?? jsonCodec<Payload>(),
      limits: this.#limits,
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
  register(topic: string, handler?: SnapshotHandler<Payload>): void {
    this.#assertOpen()
    if (topic === "") throw new TopicError("a topic has a name")
    if (this.#handlers.has(topic)) throw new TopicError(`topic ${topic} is registered already`)
    if (this.#handlers.size >= this.#limits.topicsMax) {
      throw new TooManyError("topics", this.#limits.topicsMax)
    }
    this.#handlers.set(topic, handler)
  }

  /** Publishes the events of one commit: all of one revision, above 0. None is nothing. */
  publish(events: readonly Event<Payload>[]): void {
    this.#assertOpen()
    const [first] = events
    if (first === undefined) return
    const { revision } = first
    assert(revision > 0, "a commit has a revision")
    const groups = new Map<TopicBuffer<Payload>, Payload[]>()
    for (const event of events) {
      assert(event.revision === revision, "events that are published together are of one commit")
      const buffer = this.#buffers.find(event)
      if (buffer === undefined) continue
      const group = groups.get(buffer)
      if (group === undefined) groups.set(buffer, [event.payload])
      else group.push(event.payload)
    }
    for (const [buffer, payloads] of groups) buffer.publish(revision, payloads)
  }

  /**
   * Subscribes. The frames come in one of two shapes, settled here: see `Subscription`. It is
   * resumed when `from` is the revision of the newest event that the subject's trail holds.
   *
   * @throws {TopicError} no such topic.
   * @throws {TooManyError} there are `subscriptionsMax` subscriptions.
   */
  subscribe(request: SubscribeRequest): Subscription<Payload> {
    this.#assertOpen()
    const { topic, subject = "", from = 0, identity, policy = { type: "conflate" } } = request
    if (!this.#handlers.has(topic)) throw new TopicError(`no topic ${topic}`)
    if (this.#subscriptions >= this.#limits.subscriptionsMax) {
      throw new TooManyError("subscriptions", this.#limits.subscriptionsMax)
    }
    const buffer = this.#buffers.open({ topic, subject }, this.#handlers.get(topic))
    const { unreadItemsMax: itemsMax, unreadBytesMax: bytesMax } = this.#limits
    const feed = new TopicFeed(buffer, policy, keepsOf(policy, { itemsMax, bytesMax }))
    const subscription: Subscription<Payload> = new Subscription<Payload>(feed, identity, () => {
      this.#subscriptions--
      this.#forget(subscription)
      buffer.leave(subscription)
    })
    buffer.subscriptions.add(subscription)
    this.#subscriptions++
    this.#remember(subscription)
    try {
      feed.begin(from)
    } catch (error) {
      subscription.close()
      throw error
    }
    return subscription
  }

  /** The state of a topic, or of all, was replaced: every subscription is closed as `refresh`. */
  refresh(topic?: string): void {
    if (topic !== undefined && !this.#handlers.has(topic)) throw new TopicError(`no topic ${topic}`)
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
    for (const buffer of this.#buffers.of(undefined)) buffer.closeAll("shutdown")
    if (this.#ownsEngine) this.#engine.dispose()
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError("shutdown")
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

/** What one subscription reads: a snapshot and then the trail, or the trail alone. */
class TopicFeed<Payload> implements Feed<Payload> {
  readonly #buffer: TopicBuffer<Payload>
  readonly #policy: Policy
  readonly #keeps: Keeps
  #cursor: EventCursor | undefined
  #resets = false
  #floor: Revision = 0

  constructor(buffer: TopicBuffer<Payload>, policy: Policy, keeps: Keeps) {
    this.#buffer = buffer
    this.#policy = policy
    this.#keeps = keeps
  }

  begin(from: Revision): void {
    const { live } = this.#buffer
    if (from > 0 && from === live.revision) this.#cursor = live.follow(this.#keeps)
    else this.#beginAfresh(from > 0)
  }

  read(): StreamFrame<Payload> | undefined {
    if (this.#resets) {
      this.#resets = false
      return { type: "reset" }
    }
    try {
      for (;;) {
        const item = this.#cursor?.advance()
        if (item === undefined) return undefined
        // A state may hold a commit that is published only after the two were spliced.
        if (item.sequence > 0 && item.revision <= this.#floor) continue
        if (item.sequence === 0) this.#floor = item.revision
        return this.#buffer.frameOf(item)
      }
    } catch (error) {
      if (this.#policy.type !== "conflate" || !(error instanceof LaggedError)) throw error
      this.#beginAfresh(false)
      return { type: "reset" }
    }
  }

  close(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }

  #beginAfresh(resets: boolean): void {
    this.#cursor?.close()
    this.#cursor = this.#buffer.snapshot().follow(this.#keeps)
    this.#floor = 0
    this.#resets = resets
  }
}
