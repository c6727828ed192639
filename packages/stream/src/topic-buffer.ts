import {
  type Clock,
  type CloseReason,
  type Event,
  MemoryFullError,
  type Revision,
} from "@headwater/core"
import type { Engine } from "@headwater/core/engine"
import { type Codec, checkSubject, decodeBatch, encodePayload, joinBatch } from "./codec.ts"
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
import type { Topic, TopicLife } from "./topics.ts"

/** What all buffers of a publisher share. */
export interface Surroundings<Payload> {
  readonly engine: Engine
  readonly clock: Clock
  readonly codec: Codec<Payload>
  readonly limits: StreamLimits
  readonly observer: StreamObserver | undefined
}

/** An event's subject, and its payload encoded. */
export interface EncodedEvent {
  readonly subject: string
  readonly payload: Uint8Array
}

/** Whom a buffer tells: nobody listens any more; memory is full, and history is to go first. */
export interface TopicBufferOwner {
  readonly onUnused: () => void
  readonly onFull: () => void
}

/** One subject's live trail, its snapshot while that is shared, and who listens. */
export class TopicBuffer<Payload> {
  readonly of: Subject
  readonly live: EventBuffer
  readonly #history: History
  readonly #life: TopicLife
  readonly #subscriptions = new Set<Subscription<Payload>>()
  readonly #surroundings: Surroundings<Payload>
  readonly #owner: TopicBufferOwner
  readonly #shared: SharedSnapshot<Payload>
  readonly #unlinkedOptions: SharedSnapshotOptions<Payload>
  #unlinked: SharedSnapshot<Payload>[] = []
  #lastRead: { readonly item: EventItem; readonly frame: StreamFrame<Payload> } | undefined

  constructor(
    of: Subject,
    { handler, life }: Topic<Payload>,
    surroundings: Surroundings<Payload>,
    owner: TopicBufferOwner,
  ) {
    const { engine, clock, limits, observer } = surroundings
    const { historyItemsMax, historyBytesMax, unreadItemsMax, unreadBytesMax } = limits
    const bounds = { itemsMax: unreadItemsMax, bytesMax: unreadBytesMax }
    const keeps = keepsOf({ type: "conflate" }, bounds)
    this.of = of
    this.#life = life
    this.#surroundings = surroundings
    this.#owner = owner
    this.live = new EventBuffer(engine, clock)
    this.#history = new History(this.live, { itemsMax: historyItemsMax, bytesMax: historyBytesMax })
    const options = { engine, clock, limits, observer, handler }
    this.#shared = new SharedSnapshot(this, { ...options, keeps })
    this.#unlinkedOptions = { ...options, keeps: undefined }
  }

  /** Who listens. */
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
    // Nobody can become whole by this one any more.
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
    if (revision === 1 && this.#life.wasToldEmpty) return undefined
    return this.#history.resume(revision, keeps)
  }

  /**
   * Appends the events of one commit as one item, and wakes who waits. When memory is full, nobody
   * may go on as if nothing had happened: every subscription is closed as `forced`, which frees
   * what they held.
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
    this.#surroundings.observer?.onEncode?.(this.of.topic, payload.byteLength)
  }

  /** A batch of a snapshot as the payload of one item. */
  encode(events: readonly Event<Payload>[]): Uint8Array {
    const { codec, observer } = this.#surroundings
    const encode = ({ subject, payload }: Event<Payload>): EncodedEvent => {
      if (this.of.subject === EVERY_SUBJECT) checkSubject(subject)
      return { subject, payload: encodePayload(codec, payload) }
    }
    const payload = this.#join(events.map(encode))
    observer?.onEncode?.(this.of.topic, payload.byteLength)
    return payload
  }

  /** A snapshot of this revision is whole. */
  onBuilt(revision: Revision): void {
    if (revision === 0) this.#life.wasToldEmpty = true
    this.#history.noteSnapshot(revision)
  }

  /** A frame of an item. Who reads the newest item after another shares what that one decoded. */
  frameOf(item: EventItem): StreamFrame<Payload> {
    if (this.#lastRead?.item === item) return this.#lastRead.frame
    const { revision } = item
    const of = { ...this.of, revision }
    const events = decodeBatch(this.#surroundings.codec, item.payload, of)
    if (events === undefined) return { type: "sync", revision: Math.max(1, revision) }
    const frame: StreamFrame<Payload> = { type: "events", revision, events }
    if (item.sequence > 0) this.#lastRead = { item, frame }
    return frame
  }

  /** Lets everybody who waits look again. */
  wake(): void {
    let woken = 0
    for (const subscription of this.#subscriptions) if (subscription.wake()) woken++
    if (woken > 0) this.#surroundings.observer?.onWake?.(this.of.topic, woken)
  }

  /** Somebody listens. */
  join(subscription: Subscription<Payload>): void {
    this.#subscriptions.add(subscription)
  }

  /** Somebody listens no longer. With the last one everything goes. */
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

  /** Memory is full, and nobody here may go on. */
  giveUp(): void {
    this.closeAll("forced")
  }

  /** Gives up what is kept for those who are not here yet: history, and the shared snapshot. */
  yieldMemory(): void {
    this.#history.drop()
    this.#shared.yieldMemory()
    for (const each of this.#unlinked) each.yieldMemory()
  }

  // History goes before subscribers do: it only spares a snapshot to those who come back.
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
