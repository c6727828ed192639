import {
  assert,
  type Clock,
  type CloseReason,
  type Event,
  MemoryFullError,
  type Revision,
} from "@headwater/core"
import type { Engine } from "@headwater/core/engine"
import { checkSubject, decodeBatch, encodePayload, joinBatch, type PayloadCodec } from "./codec.ts"
import { EventBuffer } from "./event-buffer.ts"
import type { EventCursor } from "./event-cursor.ts"
import type { EventItem } from "./event-item.ts"
import type { EventSnapshot } from "./event-snapshot.ts"
import { History } from "./history.ts"
import type { StreamLimits } from "./limits.ts"
import type { StreamObserver } from "./observer.ts"
import { type Keeps, keepsOf } from "./policy.ts"
import { SharedSnapshot, type SharedSnapshotOptions } from "./shared-snapshot.ts"
import { EVERY_SUBJECT, type Subject } from "./subject.ts"
import type { StreamFrame, Subscription } from "./subscription.ts"
import type { RegisteredTopic, TopicEpoch } from "./topics.ts"

/** The parts of a publisher that all its buffers share. */
export interface PublisherContext<Payload> {
  readonly engine: Engine
  readonly clock: Clock
  readonly codec: PayloadCodec<Payload>
  readonly limits: StreamLimits
  readonly observer: StreamObserver | undefined
}

/** An event's subject, and its payload encoded. */
export interface EncodedEvent {
  readonly subject: string
  readonly payload: Uint8Array
}

/** Called by a buffer: it has no subscribers any more; memory is full, and history is to go. */
export interface TopicBufferContext {
  readonly onUnused: () => void
  readonly onFull: () => void
}

/** One subject's live trail, its snapshot while that is shared, and its subscriptions. */
export class TopicBuffer<Payload> {
  readonly of: Subject
  readonly live: EventBuffer
  readonly #history: History
  readonly #epoch: TopicEpoch
  readonly #subscriptions = new Set<Subscription<Payload>>()
  readonly #context: PublisherContext<Payload>
  readonly #owner: TopicBufferContext
  readonly #shared: SharedSnapshot<Payload>
  readonly #unlinkedOptions: SharedSnapshotOptions<Payload>
  #unlinked: SharedSnapshot<Payload>[] = []
  #lastRead: { readonly item: EventItem; readonly frame: StreamFrame<Payload> } | undefined

  constructor(
    of: Subject,
    { handler, epoch }: RegisteredTopic<Payload>,
    context: PublisherContext<Payload>,
    owner: TopicBufferContext,
  ) {
    const { engine, clock, limits, observer } = context
    const { historyItemsMax, historyBytesMax, unreadItemsMax, unreadBytesMax } = limits
    const bounds = { itemsMax: unreadItemsMax, bytesMax: unreadBytesMax }
    const keeps = keepsOf({ type: "conflate" }, bounds)
    this.of = of
    this.#epoch = epoch
    this.#context = context
    this.#owner = owner
    this.live = new EventBuffer(engine, clock)
    this.#history = new History(this.live, { itemsMax: historyItemsMax, bytesMax: historyBytesMax })
    const options = { engine, clock, limits, observer, handler }
    this.#shared = new SharedSnapshot(this, { ...options, keeps })
    this.#unlinkedOptions = { ...options, keeps: undefined }
  }

  /** The open subscriptions. */
  get subscriptions(): ReadonlySet<Subscription<Payload>> {
    return this.#subscriptions
  }

  /** The snapshot to start from: the one that is shared, or a new one. */
  snapshot(): EventSnapshot {
    return this.#shared.get()
  }

  /**
   * A state by itself, for a reader that is too slow for one with the trail behind it. It is newer
   * than what that reader has seen, and shared like any other.
   */
  unlinkedSnapshot(seen: Revision): EventSnapshot {
    // No reader can become whole by this one any more.
    this.#shared.failLagged()
    const newest = this.#unlinked.at(-1)
    if (newest?.isNewerThan(seen)) return newest.get()
    for (const each of this.#unlinked) each.yieldMemory()
    this.#unlinked = this.#unlinked.filter(({ isBuilding }) => isBuilding)
    const made = new SharedSnapshot(this, this.#unlinkedOptions)
    this.#unlinked.push(made)
    return made.get()
  }

  /** A cursor after `revision`; nothing when what follows it is not all held. */
  resume(revision: Revision, keeps: Keeps): EventCursor | undefined {
    if (revision === 1 && this.#epoch.hasSentEmpty) return undefined
    return this.#history.resume(revision, keeps)
  }

  /**
   * Appends the events of one commit as one item, and wakes waiting readers. When memory is
   * full, no reader may go on as if nothing had happened: every subscription is closed as `forced`,
   * which frees their items.
   */
  publish(revision: Revision, events: readonly EncodedEvent[]): void {
    const payload = this.#join(events)
    try {
      this.#append(revision, payload)
    } catch (error) {
      if (!(error instanceof MemoryFullError)) throw error
      this.giveUp()
    }
    this.wake()
    this.#context.observer?.onEncode?.(this.of.topic, payload.byteLength)
  }

  /** A batch of a snapshot as the payload of one item. */
  encode(events: readonly Event<Payload>[]): Uint8Array {
    const { codec, observer } = this.#context
    const encode = ({ subject, payload }: Event<Payload>): EncodedEvent => {
      if (this.of.subject === EVERY_SUBJECT) checkSubject(subject)
      return { subject, payload: encodePayload(codec, payload) }
    }
    const payload = this.#join(events.map(encode))
    observer?.onEncode?.(this.of.topic, payload.byteLength)
    return payload
  }

  /** Notes that a snapshot of this revision is whole. */
  onBuilt(revision: Revision): void {
    if (revision === 0) this.#epoch.hasSentEmpty = true
    this.#history.noteSnapshot(revision)
  }

  /** A frame of an item. Readers of the newest item share what the first of them decoded. */
  frameOf(item: EventItem): StreamFrame<Payload> {
    if (this.#lastRead?.item === item) return this.#lastRead.frame
    const { revision } = item
    const of = { ...this.of, revision }
    const events = decodeBatch(this.#context.codec, item.payload, of)
    if (events === undefined) return { type: "sync", revision: Math.max(1, revision) }
    const frame: StreamFrame<Payload> = { type: "events", revision, events }
    if (item.sequence > 0) this.#lastRead = { item, frame }
    return frame
  }

  /** Has every waiting reader look again. */
  wake(): void {
    let woken = 0
    for (const subscription of this.#subscriptions) if (subscription.wake()) woken++
    if (woken > 0) this.#context.observer?.onWake?.(this.of.topic, woken)
  }

  /** Adds a subscription. */
  join(subscription: Subscription<Payload>): void {
    this.#subscriptions.add(subscription)
  }

  /** Removes a subscription. With the last one everything goes. */
  leave(subscription: Subscription<Payload>): void {
    if (!this.#subscriptions.delete(subscription) || this.#subscriptions.size > 0) return
    this.#owner.onUnused()
    this.#lastRead = undefined
    this.#shared.drop()
    for (const each of this.#unlinked) each.drop()
    this.#history.drop()
    this.live.close()
  }

  /** Closes every subscription. */
  closeAll(reason: CloseReason): void {
    for (const subscription of [...this.#subscriptions]) subscription.close(reason)
  }

  /** Closes every subscription, as memory is full. */
  giveUp(): void {
    this.closeAll("forced")
  }

  /** Gives up what is kept for later subscribers: history, and shared snapshots. */
  yieldMemory(): void {
    this.#history.drop()
    this.#shared.yieldMemory()
    for (const each of this.#unlinked) each.yieldMemory()
  }

  /** Asserts what must hold between two calls: see `EventPublisher.assertInvariants`. */
  assertInvariants(): void {
    assert(this.#subscriptions.size > 0, "a buffer has subscriptions")
    assert(this.live.closed === undefined, "a buffer with subscriptions is open")
    for (const { closed } of this.#subscriptions) {
      assert(closed === undefined, "a subscription of a buffer is open")
    }
    assert(this.live.followers >= 1, "history follows the trail, or a reader does")
    this.#history.assertInvariants()
    this.#shared.assertInvariants()
    for (const each of this.#unlinked) each.assertInvariants()
  }

  // History goes before subscribers do: it only spares a snapshot to subscribers that come back.
  #append(revision: Revision, payload: Uint8Array): void {
    try {
      this.live.append({ revision, payload })
    } catch (error) {
      if (!(error instanceof MemoryFullError)) throw error
      this.#owner.onFull()
      this.live.append({ revision, payload })
    }
    this.#history.noteItem(revision)
  }

  #join(events: readonly EncodedEvent[]): Uint8Array {
    const payloads = events.map(({ payload }) => payload)
    if (this.of.subject !== EVERY_SUBJECT) return joinBatch(payloads)
    return joinBatch(
      payloads,
      events.map(({ subject }) => subject),
    )
  }
}
