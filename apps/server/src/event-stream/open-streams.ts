import type { Clock } from "@headwater/core"
import type { GoodbyeReason } from "@headwater/protocol"
import { NotReadyError, TooManyError } from "../errors.ts"
import { KeyedCounts } from "../keyed-counts.ts"
import type { HubLimits } from "../limits.ts"

/** An open event stream, or another answer that is waited for, as seen from outside. */
export interface OpenStream {
  /** The topic that it follows. */
  readonly topic?: string | undefined
  /**
   * When the frame was handed over that the connection has not taken since, on the clock that never
   * goes back; `undefined` while it has taken all.
   */
  readonly stalledSince?: number | undefined
  /** The address that it counts for, where streams of one address are bounded. */
  readonly peer?: string | undefined
  /** True if the reader lags too far and asked to be ended then. */
  readonly hasLagged?: boolean
  /** Sends what is begun, then `goodbye`, and ends. */
  goodbye(reason: GoodbyeReason): void
  /** Ends now, without a word: for a reader that has stopped reading. */
  cut(): void
}

/** Interval at which `end` checks whether all streams have ended, in ms. */
const LOOK_MS = 20

/** Bounds of the interval at which open streams are checked for stalled ones, in ms. */
const SWEEP_MS_MIN = 50
const SWEEP_MS_MAX = 5_000

/** A hub that is full gives the place of a reader away that has taken nothing for so long. */
const HEARTBEATS_STALLED = 3

/** A search for such a reader that found none is not repeated for this long, in ms. */
const FULL_MS = 250

/**
 * The open streams of a hub: bounds their number, cuts those whose readers have stopped reading,
 * and ends all of them when the hub stops.
 *
 * A reader is cut when nothing could be written to its connection for `stalledMs`; it holds an id,
 * and resumes from there. A reader under `policy=disconnect` that lags too far is cut after a
 * heartbeat without reading, since it will not read a goodbye.
 */
export class OpenStreams {
  readonly #clock: Clock
  readonly #limits: HubLimits
  /** Each with the identity that it counts for, where its reader has one. */
  readonly #open = new Map<OpenStream, string | undefined>()
  readonly #byPeer = new KeyedCounts()
  readonly #byIdentity = new KeyedCounts()
  #draining = false
  #leaving = 0
  #fullUntil = Number.NEGATIVE_INFINITY
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** True when the hub is shutting down: it takes no more streams, and is not ready. */
  get draining(): boolean {
    return this.#draining
  }

  /** Streams open now. */
  get size(): number {
    return this.#open.size
  }

  /** Streams open now, or when the hub began to end them, if that were more. */
  get leaving(): number {
    return Math.max(this.#open.size, this.#leaving)
  }

  /**
   * Adds a stream. The returned function takes it out.
   *
   * @throws {NotReadyError} the hub is shutting down.
   * @throws {TooManyError} `streamsMax` are open, and none of them is stalled; or
   *   `streamsPerAddressMax` of its address are, or `streamsPerIdentityMax` of its identity.
   */
  admit(stream: OpenStream, identity?: string): () => void {
    if (this.#draining) throw new NotReadyError("this hub is shutting down")
    this.#checkShare(stream.peer, identity)
    if (this.#open.size >= this.#limits.streamsMax) this.#cutLongestStalled()
    if (this.#open.size >= this.#limits.streamsMax) {
      throw new TooManyError(`all ${this.#limits.streamsMax} streams of this hub are in use`)
    }
    this.#open.set(stream, identity)
    this.#byPeer.add(stream.peer, 1)
    this.#byIdentity.add(identity, 1)
    this.#cancelTimer ??= this.#clock.after(this.#sweepMs, () => this.#sweep())
    return () => this.#forget(stream)
  }

  /**
   * Sends goodbye to all readers, and after `graceMs` cuts those that have not read it. Rejects
   * with the signal's reason, leaving the rest open.
   */
  async end(reason: GoodbyeReason, graceMs: number, signal: AbortSignal): Promise<void> {
    this.#draining = true
    this.#leaving = this.#open.size
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const until = this.#clock.elapsed() + graceMs
    for (const stream of [...this.#open.keys()]) stream.goodbye(reason)
    while (this.#open.size > 0 && this.#clock.elapsed() < until) {
      await this.#clock.sleep(LOOK_MS, signal)
    }
    for (const stream of [...this.#open.keys()]) this.#cut(stream)
  }

  /** Sends goodbye to the readers of a topic, and cuts those that have not read it in time. */
  async endTopic(topic: string, reason: GoodbyeReason, graceMs: number): Promise<void> {
    const streams = [...this.#open.keys()].filter((stream) => stream.topic === topic)
    const until = this.#clock.elapsed() + graceMs
    for (const stream of streams) stream.goodbye(reason)
    const isOpen = (stream: OpenStream) => this.#open.has(stream)
    while (streams.some(isOpen) && this.#clock.elapsed() < until) {
      await this.#clock.sleep(LOOK_MS, new AbortController().signal)
    }
    for (const stream of streams.filter(isOpen)) this.#cut(stream)
  }

  // A quarter of a bound late at the most.
  get #sweepMs(): number {
    const { stalledMs, lagMs } = this.#limits
    return Math.max(SWEEP_MS_MIN, Math.min(SWEEP_MS_MAX, stalledMs / 4, lagMs / 4))
  }

  #sweep(): void {
    const { stalledMs, heartbeatMs } = this.#limits
    const now = this.#clock.elapsed()
    for (const stream of [...this.#open.keys()]) {
      const ms = now - (stream.stalledSince ?? now)
      if (ms >= stalledMs || (ms >= heartbeatMs && stream.hasLagged)) this.#cut(stream)
    }
    this.#cancelTimer =
      this.#open.size === 0 ? undefined : this.#clock.after(this.#sweepMs, () => this.#sweep())
  }

  #cutLongestStalled(): void {
    const now = this.#clock.elapsed()
    if (now < this.#fullUntil) return
    let longest: OpenStream | undefined
    let since = now - this.#limits.heartbeatMs * HEARTBEATS_STALLED
    for (const stream of this.#open.keys()) {
      const { stalledSince } = stream
      if (stalledSince === undefined || stalledSince > since) continue
      longest = stream
      since = stalledSince
    }
    if (longest === undefined) this.#fullUntil = now + FULL_MS
    else this.#cut(longest)
  }

  #cut(stream: OpenStream): void {
    this.#forget(stream)
    stream.cut()
  }

  #checkShare(peer: string | undefined, identity: string | undefined): void {
    const { streamsPerAddressMax, streamsPerIdentityMax } = this.#limits
    if (this.#byPeer.of(peer) >= streamsPerAddressMax) {
      throw new TooManyError(
        `all ${streamsPerAddressMax} streams of the address ${peer} are in use`,
      )
    }
    if (this.#byIdentity.of(identity) >= streamsPerIdentityMax) {
      throw new TooManyError(`all ${streamsPerIdentityMax} streams of this identity are in use`)
    }
  }

  #forget(stream: OpenStream): void {
    const identity = this.#open.get(stream)
    if (!this.#open.delete(stream)) return
    this.#byPeer.add(stream.peer, -1)
    this.#byIdentity.add(identity, -1)
  }
}
