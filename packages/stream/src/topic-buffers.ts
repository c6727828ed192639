import {
  type Clock,
  type CloseReason,
  type Event,
  MemoryFullError,
  type Revision,
} from "@headwater/core"
import type { Engine } from "@headwater/core/engine"
import { type Codec, decodeBatch, encodeSync, joinBatch } from "./codec.ts"
import { EventBuffer } from "./event-buffer.ts"
import type { EventItem } from "./event-item.ts"
import { EventSnapshot } from "./event-snapshot.ts"
import { History } from "./history.ts"
import type { StreamLimits } from "./limits.ts"
import type { StreamObserver } from "./observer.ts"
import { type Keeps, keepsOf } from "./policy.ts"
import type { StreamFrame, Subscription } from "./subscription.ts"

/** Which part of which topic. */
export interface Subject {
  readonly topic: string
  readonly subject: string
}

/**
 * Tells the state of a subject: appends it batch by batch, and answers the revision that it is of.
 *
 * Called once for all who ask meanwhile. Whatever is published while it runs is not lost. 0, of an
 * empty state, is told as 1, because 0 is "nothing known".
 */
export type SnapshotHandler<Payload> = (
  of: Subject,
  append: (events: readonly Event<Payload>[]) => void,
) => Revision | Promise<Revision>

/** What all buffers of a publisher share. */
export interface Surroundings<Payload> {
  readonly engine: Engine
  readonly clock: Clock
  readonly codec: Codec<Payload>
  readonly limits: StreamLimits
  readonly observer: StreamObserver | undefined
}

/** As a subject: every subject of a topic that was registered with `wildcard`. */
export const EVERY_SUBJECT = "*"

/** An event's subject, and its payload encoded. */
export interface EncodedEvent {
  readonly subject: string
  readonly payload: Uint8Array
}

/**
 * The buffers that somebody listens to, by topic and subject. One exists from the first
 * subscription to the last, and with it goes its snapshot: so what is published where nobody
 * listens is dropped, and no snapshot leads to a trail that is not appended to.
 */
export class TopicBuffers<Payload> {
  readonly #surroundings: Surroundings<Payload>
  readonly #buffers = new Map<string, TopicBuffer<Payload>>()

  constructor(surroundings: Surroundings<Payload>) {
    this.#surroundings = surroundings
  }

  /** The buffer of a subject, if anybody listens. */
  find(of: Subject): TopicBuffer<Payload> | undefined {
    return this.#buffers.get(keyOf(of))
  }

  /** The buffer of a subject. Whoever asks subscribes to it. */
  open(of: Subject, handler: SnapshotHandler<Payload> | undefined): TopicBuffer<Payload> {
    const key = keyOf(of)
    const open = this.#buffers.get(key)
    if (open !== undefined) return open
    const buffer = new TopicBuffer(of, handler, this.#surroundings, {
      onUnused: () => this.#buffers.delete(key),
      onFull: () => {
        for (const buffer of this.#buffers.values()) buffer.yieldMemory()
      },
    })
    this.#buffers.set(key, buffer)
    return buffer
  }

  /** All of a topic, or all. */
  of(topic: string | undefined): TopicBuffer<Payload>[] {
    const buffers = [...this.#buffers.values()]
    return topic === undefined ? buffers : buffers.filter(({ of }) => of.topic === topic)
  }
}

/** Whom a buffer tells: nobody listens any more; memory is full, and history is to go first. */
interface Owner {
  readonly onUnused: () => void
  readonly onFull: () => void
}

/** One subject's live trail, its snapshot while that is shared, and who listens. */
export class TopicBuffer<Payload> {
  readonly of: Subject
  readonly live: EventBuffer
  readonly history: History
  readonly subscriptions = new Set<Subscription<Payload>>()
  readonly #handler: SnapshotHandler<Payload> | undefined
  readonly #surroundings: Surroundings<Payload>
  readonly #owner: Owner
  readonly #keeps: Keeps
  #snapshot: EventSnapshot | undefined
  #cancelExpiry: (() => void) | undefined
  #lastRead: { readonly sequence: number; readonly frame: StreamFrame<Payload> } | undefined

  constructor(
    of: Subject,
    handler: SnapshotHandler<Payload> | undefined,
    surroundings: Surroundings<Payload>,
    owner: Owner,
  ) {
    const { engine, clock, limits } = surroundings
    this.of = of
    this.live = new EventBuffer(engine, clock)
    this.#handler = handler
    this.#surroundings = surroundings
    this.#owner = owner
    this.history = new History(this.live, {
      itemsMax: limits.historyItemsMax,
      bytesMax: limits.historyBytesMax,
    })
    const bounds = { itemsMax: limits.unreadItemsMax, bytesMax: limits.unreadBytesMax }
    this.#keeps = keepsOf({ type: "conflate" }, bounds)
  }

  /**
   * Appends the events of one commit as one item. When memory is full, nobody may go on as if
   * nothing had happened: every subscription is closed as `forced`, which frees what they held.
   */
  publish(revision: Revision, events: readonly EncodedEvent[]): void {
    const payload = this.#join(events)
    try {
      this.#append(revision, payload)
    } catch (error) {
      if (!(error instanceof MemoryFullError)) throw error
      this.closeAll("forced")
    }
    this.wake()
  }

  /** The snapshot to start from: the one that is shared, or a new one. */
  snapshot(): EventSnapshot {
    if (this.#snapshot?.usable) {
      this.#surroundings.observer?.onSnapshotShared?.(this.of.topic)
      return this.#snapshot
    }
    this.dropSnapshot()
    const snapshot = new EventSnapshot(this.#surroundings.engine, this.live, this.#keeps)
    this.#snapshot = snapshot
    this.#build(snapshot)
    return snapshot
  }

  /** Nobody new starts from the snapshot. Who reads it goes on. */
  dropSnapshot(): void {
    this.#cancelExpiry?.()
    this.#cancelExpiry = undefined
    this.#snapshot?.close()
    this.#snapshot = undefined
  }

  /** Gives up what is kept for those who are not here yet: history, and the shared snapshot. */
  yieldMemory(): void {
    this.history.drop()
    if (this.#snapshot?.building === false) this.dropSnapshot()
  }

  /** A frame of an item. Who reads the newest item after another shares what that one decoded. */
  frameOf(item: EventItem): StreamFrame<Payload> {
    if (item.sequence > 0 && this.#lastRead?.sequence === item.sequence) return this.#lastRead.frame
    const { revision } = item
    const of = { ...this.of, revision }
    const events = decodeBatch(this.#surroundings.codec, item.payload, of)
    const frame: StreamFrame<Payload> =
      events === undefined
        ? { type: "sync", revision: Math.max(1, revision) }
        : { type: "events", revision, events }
    if (item.sequence > 0) this.#lastRead = { sequence: item.sequence, frame }
    return frame
  }

  /** Lets everybody who waits look again. */
  wake(): void {
    this.#surroundings.observer?.onWake?.(this.of.topic, this.subscriptions.size)
    for (const subscription of this.subscriptions) subscription.wake()
  }

  /** Somebody listens no longer. With the last one everything goes. */
  leave(subscription: Subscription<Payload>): void {
    if (!this.subscriptions.delete(subscription) || this.subscriptions.size > 0) return
    this.#owner.onUnused()
    this.dropSnapshot()
    this.history.drop()
    this.live.close()
  }

  /** Closes every subscription. */
  closeAll(reason: CloseReason): void {
    for (const subscription of [...this.subscriptions]) subscription.close(reason)
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
    this.history.noteItem(revision)
  }

  #join(events: readonly EncodedEvent[]): Uint8Array {
    const subjects = events.map(({ subject }) => subject)
    const hasSubjects = this.of.subject === EVERY_SUBJECT
    const batch = joinBatch(
      events.map(({ payload }) => payload),
      hasSubjects ? subjects : undefined,
    )
    this.#surroundings.observer?.onEncode?.(this.of.topic, batch.byteLength)
    return batch
  }

  #build(snapshot: EventSnapshot): void {
    const { codec, clock, observer } = this.#surroundings
    const began = clock.elapsed()
    const tell = (ok: boolean) => {
      observer?.onSnapshot?.(this.of.topic, { ok, durationMs: clock.elapsed() - began })
    }
    const append = (events: readonly Event<Payload>[]) => {
      const [first] = events
      if (first === undefined) return
      const encoded = events.map(({ subject, payload }) => ({
        subject,
        payload: codec.encode(payload),
      }))
      snapshot.append(first.revision, this.#join(encoded))
      this.wake()
    }
    const finish = (revision: Revision) => {
      if (!snapshot.building) return
      snapshot.finish(revision, encodeSync())
      this.history.noteSnapshot(revision)
      tell(true)
      this.#afterBuild(snapshot)
    }
    const fail = (error: unknown) => {
      if (snapshot.building) tell(false)
      try {
        snapshot.fail(error)
      } catch {
        // There is not even room to say so.
        this.closeAll("forced")
      }
      this.#afterBuild(snapshot)
    }
    try {
      const revision = this.#handler?.(this.of, append) ?? this.live.revision
      if (typeof revision === "number") finish(revision)
      else revision.then(finish).catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  // A snapshot is shared for a time from here on; without one, by those who asked until now.
  #afterBuild(snapshot: EventSnapshot): void {
    const { clock, limits } = this.#surroundings
    const drop = () => {
      if (this.#snapshot === snapshot) this.dropSnapshot()
    }
    if (this.#snapshot !== snapshot) return
    if (limits.snapshotTtlMs > 0 && snapshot.usable) {
      this.#cancelExpiry = clock.after(limits.snapshotTtlMs, drop)
    } else queueMicrotask(drop)
    this.wake()
  }
}

function keyOf({ topic, subject }: Subject): string {
  return `${topic}\u0000${subject}`
}
