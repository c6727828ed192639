import { isSyncError, type StatusReport, type SyncErrorCode } from "@headwater/core"
import {
  encodeDeltaFrame,
  encodeFrame,
  type GoodbyeReason,
  PROTOCOL_VERSION,
  type ResetReason,
  recoveryOf,
} from "@headwater/protocol"
import type { Pass } from "../fan-out/crowd.ts"
import { statusKeyOf } from "../fan-out/fan-out.ts"
import type { Follower } from "../fan-out/view.ts"
import { type Step, Walker } from "../fan-out/walker.ts"
import type { OpenStream } from "./drain.ts"
import type { FrameSource, Outlet } from "./event-stream.ts"
import { findStart } from "./find-start.ts"
import { type Events, Line } from "./line.ts"
import type { ReaderHost, ReaderRequest } from "./reader-request.ts"
import { retryDelayMs } from "./retry-delay.ts"
import type { StartPoint } from "./start-point.ts"

/**
 * Follows a topic for one connection, in the grammar of the protocol:
 *
 *   stream  = status* hello (resume | fresh) live*
 *   fresh   = reset? (snapshot | delta°)* sync status      delta°: partial, without id
 *   resume  = delta°* sync status
 *   live    = delta | delta°+ delta | status | sync | refresh
 *   refresh = reset (snapshot | delta°)* sync status
 *
 * Each frame is made when the client asks for one, from the reader's place. A reader that falls
 * below the horizon, or whose life ends, while it still catches up begins again, with a `reset`.
 */
export class Reader implements FrameSource, Follower, OpenStream {
  readonly #host: ReaderHost
  readonly #request: ReaderRequest
  readonly #line: Line
  #cut: () => void = () => {}
  #walker: Walker | undefined
  /** Set while the reader is in a walk of many frames. */
  #pass: Pass | undefined
  #outlet: Outlet | undefined
  /** Set while the reader holds everything and waits for more. */
  #resting: Walker | undefined
  /** Of the last frame with data, where that had one: the reader is at it. */
  #id: string | undefined
  /** Of the last id since the last `hello` or `reset`. */
  #revision = 0
  #isRunOpen = false
  #syncedAt = 0
  /** When the first `sync` was sent; the grace of `policy=disconnect` counts from there. */
  #caughtUpAt: number | undefined
  #toldStatus = ""

  constructor(host: ReaderHost, request: ReaderRequest) {
    this.#host = host
    this.#request = request
    this.#line = new Line(host.fanOut.clock, host.fanOut.limits.heartbeatMs)
  }

  /** There is something new. */
  wake(): void {
    try {
      if (!this.#tellAtOnce()) this.#line.ring()
    } catch (error) {
      // The caller wakes other readers as well: the error ends this stream alone.
      this.#line.fail(error)
    }
  }

  attach(outlet: Outlet): void {
    this.#outlet = outlet
  }

  get stalledSince(): number | undefined {
    return this.#line.stalledSince
  }

  get hasLagged(): boolean {
    if (this.#request.policy !== "disconnect" || this.#caughtUpAt === undefined) return false
    const { clock, limits } = this.#host.fanOut
    const isGraceOver = clock.elapsed() - this.#caughtUpAt > limits.lagGraceMs
    return isGraceOver && (this.#walker?.lagMs ?? 0) > limits.lagMs
  }

  goodbye(reason: GoodbyeReason): void {
    this.#line.end(reason)
  }

  leave(): void {
    this.#line.end("left")
  }

  cut(): void {
    this.#cut()
  }

  onCut(cut: () => void): void {
    this.#cut = cut
  }

  async *frames(): Events {
    const { drain, fanOut } = this.#host
    const closers = [
      () => this.#line.close(),
      () => this.#walker?.close(),
      () => this.#pass?.leave(),
    ]
    try {
      closers.push(drain.admit(this))
      closers.push(fanOut.follow(this))
      const start = yield* findStart(this.#host, this.#request, this.#line)
      if (start !== undefined) yield* this.#stream(start)
      const { ending } = this.#line
      if (ending !== undefined && ending !== "left") yield this.#farewell(ending)
    } catch (error) {
      if (this.#line.ending !== "left") yield this.#faultOf(error)
    } finally {
      for (const close of closers) this.#finish(close)
    }
  }

  // Nothing waits for the end of a generator whose client has left, so it must not reject.
  #finish(close: () => void): void {
    try {
      close()
    } catch (error) {
      this.#host.bugs.report("closing a stream failed", error, { topic: this.#host.topic })
    }
  }

  async *#stream(start: StartPoint): Events {
    const walker = this.#enter()
    yield this.#hello(walker, start)
    this.#revision = start.floor
    walker.begin(start.version, start.floor)
    let { reset } = start
    for (;;) {
      if (reset !== undefined) yield this.#reset(reset)
      reset = yield* this.#catchUp(this.#walker ?? walker)
      if (reset !== undefined) continue
      if (this.#request.once) this.#line.end("done")
      reset = yield* this.#live(this.#walker ?? walker)
      if (reset === undefined) return
    }
  }

  /** Up to the first `sync` and its status. Returns why the reader has to begin again, if so. */
  async *#catchUp(walker: Walker): Events<ResetReason | undefined> {
    const line = this.#line
    // Who goes away after one `sync` wants what is newest, not the state that joiners share.
    const newest = this.#request.once ? (this.#host.fanOut.moment?.root.version ?? 0) : 0
    for (let isWhole = false; !isWhole; ) {
      if (this.#isEnding()) return undefined
      const step = await this.#step(walker, false)
      if (step.type === "reset") return step.reason
      isWhole = step.type === "idle" || step.whole
      if (isWhole && walker.held < newest) isWhole = false
      if (step.type === "slice" && step.bytes !== undefined) {
        if (!step.whole && (yield* this.#queue(walker))) continue
        this.#id = undefined
        yield line.sent(step.bytes)
      } else if (line.due) yield line.comment()
    }
    this.#pass?.leave()
    this.#pass = undefined
    const reset = yield* this.#sync(walker)
    if (reset !== undefined || this.#isEnding()) return reset
    this.#caughtUpAt = this.#host.fanOut.clock.elapsed()
    yield this.#status(walker.report)
    return undefined
  }

  /**
   * Before the first frame of a walk of many: waits where too many others are in one. Tells whether
   * it did; then the walk begins again, on what others are told by then.
   */
  async *#queue(walker: Walker): Events<boolean> {
    if (this.#pass !== undefined) {
      this.#pass.take()
      return false
    }
    this.#pass = this.#host.crowd.enter()
    if (this.#pass.isGranted) return false
    yield* this.#line.until(this.#pass.granted)
    walker.begin(walker.held, this.#revision)
    return true
  }

  /** From there on. Ends when the stream does, or says why the reader has to begin again. */
  async *#live(walker: Walker): Events<ResetReason | undefined> {
    const line = this.#line
    while (!this.#isEnding()) {
      if (this.hasLagged) return void line.end("lagged")
      const step = await this.#step(walker, true)
      if (step.type === "reset") return step.reason
      if (step.type === "slice") {
        const event = this.#delta(walker, step.bytes, step.whole)
        if (event !== undefined) yield event
      } else if (!walker.isAtNewest) {
        // A newer root came meanwhile: it is told first.
      } else if (statusKeyOf(walker.report) !== this.#toldStatus) {
        yield this.#status(walker.report)
      } else if (line.due) {
        const reset = yield* this.#heartbeat(walker)
        if (reset !== undefined) return reset
      } else {
        this.#resting = walker
        try {
          await line.wait()
        } finally {
          this.#resting = undefined
        }
      }
    }
    return undefined
  }

  /**
   * Tells a reader at rest what is new, without waking whoever makes its frames: nearly all that is
   * ever told goes this way. Only where it is one whole frame, and the client has taken the last.
   */
  #tellAtOnce(): boolean {
    const walker = this.#resting
    if (walker === undefined || !this.#outlet?.isClear || this.#line.ending !== undefined) {
      return false
    }
    const { fanOut } = this.#host
    if (this.#request.policy === "disconnect" || fanOut.statusKey !== this.#toldStatus) return false
    const hop = walker.hop()
    if (hop?.bytes === undefined) return hop !== undefined
    this.#revision = hop.revision
    this.#id = hop.id
    walker.told(hop.revision)
    // A look at the clock for each reader would cost a tenth of telling it.
    this.#outlet.write(this.#line.sent(hop.bytes, fanOut.wakingSince))
    return true
  }

  async #step(walker: Walker, live: boolean): Promise<Step> {
    try {
      return await walker.step(live)
    } catch (error) {
      if (walker.isOver(error)) return { type: "reset", reason: "epoch-changed" }
      throw error
    }
  }

  /** A walker over the life that is served now, in place of the one before. */
  #enter(): Walker {
    this.#walker?.close()
    this.#walker = undefined
    this.#walker = new Walker(this.#host.fanOut, this.#request, this)
    return this.#walker
  }

  #isEnding(): boolean {
    // A hub that was closed under its readers has nothing more to tell.
    if (this.#host.fanOut.moment === undefined) this.#line.end("shutdown")
    return this.#line.ending !== undefined
  }

  #hello(walker: Walker, { version, reset }: StartPoint): Uint8Array {
    const { heartbeatMs, frameBytesMax } = this.#host.fanOut.limits
    return this.#line.sent(
      encodeFrame({
        type: "hello",
        protocol: PROTOCOL_VERSION,
        topic: this.#host.topic,
        epoch: walker.epoch,
        values: this.#host.fanOut.values,
        view: walker.viewId,
        heartbeatMs,
        frameBytesMax,
        resumed: version > 0 && reset === undefined,
        policy: this.#request.policy,
      }),
    )
  }

  #reset(reason: ResetReason): Uint8Array {
    const walker = this.#enter()
    walker.begin(0, 0)
    this.#revision = 0
    this.#id = undefined
    this.#isRunOpen = false
    const { epoch } = walker
    return this.#line.sent(encodeFrame({ type: "reset", reason, epoch, id: `${epoch}.0` }))
  }

  #delta(walker: Walker, bytes: Uint8Array | undefined, whole: boolean): Uint8Array | undefined {
    if (!whole) {
      if (bytes === undefined) return this.#line.due ? this.#line.comment() : undefined
      this.#isRunOpen = true
      this.#id = undefined
      return this.#line.sent(bytes)
    }
    if (bytes === undefined && !this.#isRunOpen) return undefined
    this.#isRunOpen = false
    const revision = walker.reach
    this.#at(walker, revision)
    // What closes the run may be empty, as when a change was undone meanwhile.
    return this.#line.sent(bytes ?? encodeDeltaFrame(new Uint8Array(), revision, this.#id))
  }

  async *#heartbeat(walker: Walker): Events<ResetReason | undefined> {
    const { clock, limits } = this.#host.fanOut
    // The next heartbeat would be too late for the longest time between two syncs.
    const soonMs = clock.elapsed() - this.#syncedAt + limits.heartbeatMs
    if (walker.revision > this.#revision || soonMs > limits.syncIntervalMs) {
      return yield* this.#sync(walker)
    }
    yield this.#line.comment()
    return undefined
  }

  async *#sync(walker: Walker): Events<ResetReason | undefined> {
    const { fanOut } = this.#host
    const { revision, held } = walker
    let { sums } = walker
    if (sums instanceof Promise) {
      try {
        const counted = yield* this.#line.until(sums)
        if (counted === undefined) return undefined
        sums = counted
      } catch (error) {
        if (walker.isOver(error)) return "epoch-changed"
        throw error
      }
    }
    const { entries, digest } = sums
    this.#at(walker, revision)
    this.#syncedAt = fanOut.clock.elapsed()
    const id = walker.idOf(revision)
    const event = fanOut.frames.share(`sync|${walker.viewNumber}|${held}|${id}`, () =>
      encodeFrame({ type: "sync", revision, entries, digest, id }),
    )
    yield this.#line.sent(event)
    return undefined
  }

  #status(report: StatusReport): Uint8Array {
    const { fanOut } = this.#host
    this.#toldStatus = statusKeyOf(report)
    const key = `status|${this.#toldStatus}|${report.statusSince}|${report.lastContact}`
    const event = fanOut.frames.share(key, () => encodeFrame({ type: "status", report }))
    return this.#line.sent(event)
  }

  #at(walker: Walker, revision: number): void {
    this.#revision = revision
    this.#id = walker.idOf(revision)
    walker.told(revision)
  }

  #farewell(reason: GoodbyeReason): Uint8Array {
    const retryMs = this.#retryMs(CROWD_REASONS.has(reason))
    const id = this.#id
    return encodeFrame({ type: "goodbye", reason, retryMs, ...(id !== undefined && { id }) })
  }

  // A code is said, and nothing else of an error: what it says may be nobody's business.
  #faultOf(error: unknown): Uint8Array {
    const code: SyncErrorCode = isSyncError(error) ? error.code : "ERR_INTERNAL"
    const { topic, log, bugs } = this.#host
    if (code === "ERR_INTERNAL") bugs.report("a stream failed", error, { topic })
    else if (recoveryOf(code) !== "retry") log("a stream failed", { topic, error })
    const retryMs = this.#retryMs(CROWD_REASONS.has(code))
    return encodeFrame({ type: "fault", code, retry: recoveryOf(code), retryMs })
  }

  #retryMs(isCrowd: boolean): number {
    return retryDelayMs(isCrowd ? this.#host.drain.crowd : 0, this.#host.random())
  }
}

/** Ends that many readers meet at once. */
const CROWD_REASONS: ReadonlySet<GoodbyeReason | SyncErrorCode> = new Set([
  "shutdown",
  "draining",
  "auth-changed",
  "ERR_NOT_READY",
  "ERR_TOO_MANY",
] as const)
