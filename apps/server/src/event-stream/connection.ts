import type { Clock } from "@headwater/core"
import { COMMENT, type GoodbyeReason, OPENING_COMMENT } from "@headwater/protocol"
import { NotReadyError } from "../errors.ts"
import { AutoResetEvent } from "./auto-reset-event.ts"
import { HeartbeatTimer } from "./heartbeat-timer.ts"

/** Whole events, one at a time, each made when it is asked for. */
export type Events<T = void> = AsyncGenerator<Uint8Array, T>

/**
 * One connection, as those see it who write to it: when to wake, when to give a sign of life, and
 * whether it ends. Whoever yields an event yields `sent(event)`.
 */
export class Connection {
  readonly #news = new AutoResetEvent()
  readonly #heartbeat: HeartbeatTimer
  readonly #clock: Clock
  #ending: GoodbyeReason | "left" | undefined
  #hasBegun = false
  #isWaiting = false
  #failure: { readonly error: unknown } | undefined

  constructor(clock: Clock, heartbeatMs: number) {
    this.#clock = clock
    this.#heartbeat = new HeartbeatTimer(clock, heartbeatMs, () => this.#news.ring())
  }

  /** Why it ends, once it does; `left` when the other side has. */
  get ending(): GoodbyeReason | "left" | undefined {
    return this.#ending
  }

  /** See `OpenStream.stalledSince`: until it waits for news, what it sent last is under way. */
  get stalledSince(): number | undefined {
    return this.#isWaiting ? undefined : this.#heartbeat.last
  }

  /** Whether it has been silent for a heartbeat. */
  get due(): boolean {
    return this.#heartbeat.due
  }

  /** Wakes whoever waits. */
  ring(): void {
    this.#news.ring()
  }

  /** Ends it. The first reason counts, but for `left`, after which nothing can be said. */
  end(reason: GoodbyeReason | "left"): void {
    if (reason === "left") {
      this.#ending = reason
      this.#heartbeat.stop()
    }
    this.#ending ??= reason
    this.#news.ring()
  }

  /** Ends it by an error, which the one that waits gets. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#news.ring()
  }

  /** Notes that an event goes out: see `HeartbeatTimer.beat`. */
  sent(event: Uint8Array, at?: number): Uint8Array {
    this.#hasBegun = true
    this.#heartbeat.beat(at)
    return event
  }

  /** A comment that goes out now: see `OPENING_COMMENT` for what it is before the first event. */
  comment(): Uint8Array {
    this.#heartbeat.beat()
    return this.#hasBegun ? COMMENT : OPENING_COMMENT
  }

  /** Resolves when something has happened since the last wait; rejects after `fail`. */
  async wait(): Promise<void> {
    this.#isWaiting = true
    await this.#news.wait()
    this.#isWaiting = false
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /**
   * Waits for the next thing to happen, with a comment when a heartbeat is due.
   *
   * @param until on the clock that never goes back.
   * @throws {NotReadyError} with `message`, at `until`.
   */
  async *rest(until: number, message: string): Events {
    if (this.#clock.elapsed() >= until) throw new NotReadyError(message)
    if (this.due) yield this.comment()
    else await this.wait()
  }

  /** Stops its timer. */
  close(): void {
    this.#heartbeat.stop()
  }
}
