import type { Clock } from "@headwater/core"
import type { GoodbyeReason } from "@headwater/protocol"
import { NotReadyError, TooManyError } from "../errors.ts"
import { KeyedCounts } from "../keyed-counts.ts"
import type { HubLimits } from "../limits.ts"
import type { OpenReader } from "./open-reader.ts"
import type { ReaderReport, ReaderStage } from "./reader-report.ts"
import type { ReaderState } from "./reader-state.ts"

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
  /** Of a reader. */
  readonly stage?: ReaderStage
  /** Sends what is begun, then `goodbye`, and ends. */
  goodbye(reason: GoodbyeReason): void
  /** Ends now, without a word: for a reader that has stopped reading. */
  cut(): void
}

/** The stream of a reader, which follows a topic. */
export interface ReaderStream extends OpenStream, OpenReader {
  readonly topic: string
  readonly stage: ReaderStage
  /** Its phase, and the frames that it was sent. */
  readonly state: ReaderState
  readonly stalledSince: number | undefined
  /** Returns the facts of the reader as of now, for an operator. */
  report(): ReaderReport
}

/** The number of a stream, and the identity that it counts for, where its reader has one. */
interface Admission {
  readonly number: number
  readonly identity: string | undefined
}

/** Interval at which `end` checks whether all streams have ended, in ms. */
const LOOK_MS = 20

/** Time that a reader which is ended alone has to take its goodbye, in ms. Then it is cut. */
const LAST_MS = 1_000

/** Bounds of the interval at which open streams are checked for stalled ones, in ms. */
const SWEEP_MS_MIN = 50
const SWEEP_MS_MAX = 5_000

/** A hub that is full gives the place of a reader away that has taken nothing for so long. */
const HEARTBEATS_STALLED = 3

/** A search for such a reader that found none is not repeated for this long, in ms. */
const FULL_MS = 250

/**
 * The open streams of a hub: bounds and numbers them, cuts those whose readers have stopped
 * reading, and ends one, or all of them when the hub stops.
 *
 * A reader is cut when nothing could be written to its connection for `stalledMs`; it holds an id,
 * and resumes from there. A reader under `policy=disconnect` that lags too far is cut after a
 * heartbeat without reading, since it will not read a goodbye.
 */
export class OpenStreams {
  readonly #clock: Clock
  readonly #limits: HubLimits
  /** In the order in which they came. */
  readonly #open = new Map<OpenStream, Admission>()
  readonly #byPeer = new KeyedCounts()
  readonly #byIdentity = new KeyedCounts()
  /** By numbers that are never used again. */
  readonly #readers = new Map<number, ReaderStream>()
  /** Those that are to be cut soon, with what cancels that. */
  readonly #dismissed = new Map<OpenStream, () => void>()
  #numbers = 0
  #refusal: string | undefined
  #isDraining = false
  #leaving = 0
  #onReader: () => void = () => {}
  #fullUntil = Number.NEGATIVE_INFINITY
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** True when no more streams are taken, and those that are open leave. */
  get isClosing(): boolean {
    return this.#refusal !== undefined
  }

  /** True when readers leave this hub for others. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Streams open now. */
  get size(): number {
    return this.#open.size
  }

  /** Readers among them; the others are answers that are waited for. */
  get readers(): number {
    return this.#readers.size
  }

  /** Streams open now, or when they began to leave, if that were more. */
  get leaving(): number {
    return Math.max(this.#open.size, this.#leaving)
  }

  /** Those that are open now, in the order in which they came. */
  get all(): readonly OpenStream[] {
    return [...this.#open.keys()]
  }

  /** Readers whose number is above `after`, in their order. Others may come and go meanwhile. */
  *readersAfter(after: number): Generator<readonly [number, ReaderStream]> {
    for (const entry of this.#readers) if (entry[0] > after) yield entry
  }

  /** Returns the reader of a number, or `undefined` when it has left. */
  reader(number: number): ReaderStream | undefined {
    return this.#readers.get(number)
  }

  /** True while a stream is open. */
  has(stream: OpenStream): boolean {
    return this.#open.has(stream)
  }

  /** Takes a function that is called for each reader that comes. */
  onReader(came: () => void): void {
    this.#onReader = came
  }

  /**
   * Adds a stream. The returned function takes it out.
   *
   * @throws {NotReadyError} the hub drains or shuts down.
   * @throws {TooManyError} `streamsMax` are open, and none of them is stalled; or
   *   `streamsPerAddressMax` of its address are, or `streamsPerIdentityMax` of its identity.
   */
  admit(stream: OpenStream, identity?: string): () => void {
    if (this.#refusal !== undefined) throw new NotReadyError(this.#refusal)
    this.#checkShare(stream.peer, identity)
    if (this.#open.size >= this.#limits.streamsMax) this.#cutLongestStalled()
    if (this.#open.size >= this.#limits.streamsMax) {
      throw new TooManyError(`all ${this.#limits.streamsMax} streams of this hub are in use`)
    }
    const number = ++this.#numbers
    this.#open.set(stream, { number, identity })
    this.#byPeer.add(stream.peer, 1)
    this.#byIdentity.add(identity, 1)
    this.#cancelTimer ??= this.#clock.after(this.#sweepMs, () => this.#sweep())
    if (isReader(stream)) {
      this.#readers.set(number, stream)
      this.#onReader()
    }
    return () => this.#forget(stream)
  }

  /**
   * Takes no more streams from now on.
   *
   * @param isDraining other hubs go on: readers are sent to them without delay.
   */
  refuse(message: string, isDraining = false): void {
    this.#refusal ??= message
    this.#isDraining ||= isDraining
    this.#leaving = Math.max(this.#leaving, this.#open.size)
  }

  /** Sends goodbye to one stream, and cuts it after a second if it has not read that. */
  dismiss(stream: OpenStream, reason: GoodbyeReason): void {
    stream.goodbye(reason)
    if (this.#dismissed.has(stream) || !this.#open.has(stream)) return
    this.#dismissed.set(
      stream,
      this.#clock.after(LAST_MS, () => this.#cut(stream)),
    )
  }

  /** Ends what is open, without a word. */
  cutAll(): void {
    for (const stream of this.all) this.#cut(stream)
  }

  /**
   * Sends goodbye to all readers, and after `graceMs` cuts those that have not read it. Rejects
   * with the signal's reason, leaving the rest open.
   */
  async end(reason: GoodbyeReason, graceMs: number, signal: AbortSignal): Promise<void> {
    this.refuse("this hub is shutting down")
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const until = this.#clock.elapsed() + graceMs
    for (const stream of this.all) stream.goodbye(reason)
    while (this.#open.size > 0 && this.#clock.elapsed() < until) {
      await this.#clock.sleep(LOOK_MS, signal)
    }
    this.cutAll()
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
    for (const stream of this.all) {
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
    const admission = this.#open.get(stream)
    if (admission === undefined) return
    this.#open.delete(stream)
    this.#readers.delete(admission.number)
    this.#dismissed.get(stream)?.()
    this.#dismissed.delete(stream)
    this.#byPeer.add(stream.peer, -1)
    this.#byIdentity.add(admission.identity, -1)
  }
}

function isReader(stream: OpenStream): stream is ReaderStream {
  return (stream as Partial<ReaderStream>).report !== undefined
}
