import type { GoodbyeReason } from "@headwater/protocol"
import type { SessionHolder } from "../access/session.ts"
import { CatchUpCursor } from "../fan-out/catch-up-cursor.ts"
import type { Sums, Wakeable } from "../fan-out/view.ts"
import type { WalkPermit } from "../fan-out/walk-limiter.ts"
import type { StreamEndReason } from "../observe/hub-observer.ts"
import { describeReader, stageOf } from "./describe-reader.ts"
import { encodeOrder } from "./encode-order.ts"
import type { FrameSource, Sink } from "./event-stream.ts"
import { findStart } from "./find-start.ts"
import type { ReaderStream } from "./open-streams.ts"
import { presentOf } from "./present-of.ts"
import type { ReaderReport, ReaderStage } from "./reader-report.ts"
import type { ReaderContext, ReaderRequest } from "./reader-request.ts"
import {
  type Action,
  assertReaderState,
  isSyncOverdue,
  type Landing,
  type Move,
  moveOn,
  newReader,
  type Order,
  type Present,
  type ReaderEvent,
  type ReaderPhase,
  type ReaderState,
} from "./reader-state.ts"
import { Settling } from "./settling.ts"
import { type Events, StreamConnection } from "./stream-connection.ts"

/**
 * Follows a topic for one connection: acts out what `reader-state.ts` decides, in the grammar of
 * the protocol.
 *
 * Each frame is made when the client asks for one, from the reader's place. While the reader rests,
 * a frame that many readers share is written to its connection without being asked for, by the same
 * decisions: nearly all deltas go this way.
 */
export class Reader implements FrameSource, Wakeable, ReaderStream, SessionHolder {
  readonly #context: ReaderContext
  readonly #request: ReaderRequest
  readonly #connection: StreamConnection
  readonly openedAt: number
  #state: ReaderState
  #cut: () => void = () => {}
  #endReason: StreamEndReason | undefined
  #cursor: CatchUpCursor | undefined
  /** Set while the reader is in a catch-up of many frames. */
  #permit: WalkPermit | undefined
  #sink: Sink | undefined
  /** The version that a reader that leaves after one `sync` has to come to. */
  #newest = 0
  /** The content of the next `sync`, from the moment its sums are asked for. */
  #proof: { readonly sums: Sums | Promise<Sums>; readonly at: Landing } | undefined
  readonly #settling: Settling

  constructor(context: ReaderContext, request: ReaderRequest) {
    this.#context = context
    this.#request = request
    this.openedAt = context.fanOut.clock.elapsed()
    this.#connection = new StreamConnection(context.fanOut.clock, context.fanOut.limits.heartbeatMs)
    const { clock } = context.fanOut
    this.#settling = new Settling(this.#connection, clock, () => this.#interruption())
    this.#state = newReader(request.once)
  }

  /** @throws an invariant error: see `assertReaderState` and `CatchUpCursor.assertInvariants`. */
  assertInvariants(): void {
    assertReaderState(this.#state)
    this.#cursor?.assertInvariants()
  }

  get state(): ReaderState {
    return this.#state
  }

  /** Sends the newest frame at once if that is possible; otherwise wakes the generator. */
  wake(): void {
    try {
      if (!this.#jump()) this.#connection.ring()
    } catch (error) {
      // The caller wakes other readers as well: the error ends this stream alone.
      this.#connection.fail(error)
    }
  }

  attach(sink: Sink): void {
    this.#sink = sink
  }

  get topic(): string {
    return this.#context.topic
  }

  get stalledSince(): number | undefined {
    return this.#connection.stalledSince
  }

  get policy(): ReaderRequest["policy"] {
    return this.#request.policy
  }

  get phase(): ReaderPhase {
    return this.#state.phase
  }

  get framesSent(): number {
    return this.#connection.frames
  }

  get bytesSent(): number {
    return this.#connection.bytes
  }

  noteSent(): void {
    const { readers } = this.#context
    const { frames, bytes } = this.#connection.takeSent()
    readers.framesSent += frames
    readers.bytesSent += bytes
  }

  get lagRevisions(): number {
    return this.#state.isWhole ? (this.#cursor?.lagRevisions ?? 0) : 0
  }

  get lagMs(): number {
    return this.#state.isWhole ? (this.#cursor?.lagMs ?? 0) : 0
  }

  get peer(): string | undefined {
    return this.#request.address
  }

  get hasLagged(): boolean {
    const { isWhole, wholeAt } = this.#state
    if (this.#request.policy !== "disconnect" || !isWhole || wholeAt === undefined) return false
    const { clock, limits } = this.#context.fanOut
    const isGraceOver = clock.elapsed() - wholeAt > limits.lagGraceMs
    return isGraceOver && (this.#cursor?.lagMs ?? 0) > limits.lagMs
  }

  get stage(): ReaderStage {
    return stageOf(this.#state, this.#connection.ending)
  }

  report(): ReaderReport {
    return describeReader(this, this.#request, this.#cursor, this.#context.fanOut)
  }

  goodbye(reason: GoodbyeReason): void {
    this.#connection.end(reason)
  }

  end(): void {
    this.#connection.end("auth-changed")
  }

  leave(): void {
    this.#connection.end("left")
  }

  cut(): void {
    this.#endReason ??= "cut"
    this.#cut()
  }

  onCut(cut: () => void): void {
    this.#cut = cut
  }

  async *frames(): Events {
    const { streams, fanOut } = this.#context
    const closers = [
      () => this.#connection.close(),
      () => this.#cursor?.close(),
      () => this.#permit?.leave(),
    ]
    try {
      closers.push(streams.admit(this, this.#request.identity))
      closers.push(this.#join())
      closers.push(this.#request.session?.hold(this) ?? (() => {}))
      closers.push(fanOut.follow(this))
      const start = yield* findStart(this.#context, this.#request, this.#connection)
      let event: ReaderEvent | undefined = this.#interruption()
      if (start !== undefined) event ??= { type: "started", start }
      while (event !== undefined) {
        const { orders, action } = this.#move(event)
        for (const order of orders) yield this.#encode(order)
        event = await this.#act(action)
      }
    } catch (error) {
      const isLeft = this.#connection.ending === "left"
      const { orders } = this.#move(isLeft ? { type: "left" } : { type: "failed", error })
      for (const order of orders) yield this.#encode(order)
    } finally {
      for (const close of closers) this.#finish(close)
    }
  }

  /** Reports the stream, and then its end. */
  #join(): () => void {
    const { topic, observer, readers, fanOut } = this.#context
    const { policy, openedAt } = this
    const leave = readers.add(this)
    observer.onStream?.({ topic, policy })
    return () => {
      leave()
      this.noteSent()
      const reason = this.#endReason ?? this.#connection.ending ?? "left"
      const durationMs = fanOut.clock.elapsed() - openedAt
      const { framesSent: frames, bytesSent: bytes } = this
      observer.onStreamEnd?.({ topic, policy, reason, frames, bytes, durationMs })
    }
  }

  // Nothing waits for the end of a generator whose client has left, so it must not reject.
  #finish(close: () => void): void {
    try {
      close()
    } catch (error) {
      this.#context.bugs.report("closing a stream failed", error, { topic: this.#context.topic })
    }
  }

  /** Writes a frame that leads to the newest version, if it is one and the client has the last. */
  #jump(): boolean {
    const { phase, statusKey } = this.#state
    if (phase !== "resting" || !this.#sink?.isClear || this.#connection.ending !== undefined) {
      return false
    }
    const { fanOut } = this.#context
    const { policy, isPartial } = this.#request
    const statusNow = isPartial ? fanOut.partStatusKey : fanOut.statusKey
    if (policy === "disconnect" || statusNow !== statusKey) return false
    // A look at the clock for each reader would cost a tenth of the delivery.
    const { limits, wakingSince } = fanOut
    if (isSyncOverdue(this.#state.syncedAt, wakingSince, limits)) return false
    const event = this.#cursor?.jump()
    if (event === undefined) return false
    if (event.isConflated) this.#noteConflation()
    for (const order of this.#move(event).orders) {
      this.#sink.write(this.#encode(order, wakingSince))
    }
    return true
  }

  #noteConflation(): void {
    const { topic, observer } = this.#context
    observer.onConflation?.({ topic })
  }

  #move(event: ReaderEvent): Move {
    const move = moveOn(this.#state, event)
    if (move.state.revision !== this.#state.revision) this.#cursor?.told(move.state.revision)
    this.#state = move.state
    return move
  }

  /** Does the work that brings the next event; returns `undefined` after the last. */
  async #act(action: Action): Promise<ReaderEvent | undefined> {
    if (action.type === "finish") return undefined
    const interruption = this.#interruption()
    if (interruption !== undefined) return interruption
    switch (action.type) {
      case "begin":
        this.#begin(action.version)
        return this.#step()
      case "step":
        return this.#step()
      case "count":
        return this.#count()
      case "wait-for-permit":
        return this.#waitForPermit()
      case "rest":
        await this.#connection.wait()
        return this.#interruption() ?? { type: "woken" }
    }
  }

  #interruption(): ReaderEvent | undefined {
    // A hub that was closed has nothing more to send.
    if (this.#cursor !== undefined && this.#context.fanOut.current === undefined) {
      this.#connection.end("shutdown")
    }
    const { ending } = this.#connection
    if (ending === undefined) return undefined
    return ending === "left" ? { type: "left" } : { type: "closing", reason: ending }
  }

  #begin(version: number): void {
    // A reader with `once` wants the newest version, not the one that joining readers share.
    this.#newest = this.#request.once ? (this.#context.fanOut.current?.pinned.version ?? 0) : 0
    this.#proof = undefined
    this.#cursor?.begin(version, this.#state.revision)
  }

  async #step(): Promise<ReaderEvent> {
    const cursor = this.#cursor!
    const isLive = this.#state.phase === "live"
    if (isLive && this.hasLagged) return { type: "closing", reason: "lagged" }
    let step: Awaited<ReturnType<CatchUpCursor["step"]>>
    try {
      step = await cursor.step(isLive)
    } catch (error) {
      if (cursor.isOver(error)) return { type: "void", reason: "epoch-changed" }
      throw error
    }
    if (step.type === "reset") return { type: "void", reason: step.reason }
    const isThere = cursor.held >= this.#newest
    if (step.type === "idle") {
      if (!isThere) return { type: "slice", bytes: undefined }
      return {
        type: "idle",
        isNewest: cursor.isAtNewest,
        ...this.#present(cursor),
      }
    }
    const { bytes, whole } = step
    if (bytes !== undefined && !whole && !isLive && !this.#hasPermit()) return { type: "crowded" }
    if (bytes === undefined && !whole && this.#connection.due) return { type: "due" }
    if (!whole || !isThere) return { type: "slice", bytes }
    return { type: "slice", bytes, at: this.#landing(cursor, cursor.reach) }
  }

  /** True if the reader may go on with a walk of many frames. */
  #hasPermit(): boolean {
    if (this.#permit !== undefined) {
      this.#permit.take()
      return true
    }
    this.#permit = this.#context.walkLimiter.enter()
    return this.#permit.isGranted
  }

  async #waitForPermit(): Promise<ReaderEvent> {
    const event = await this.#settling.of(this.#permit!.granted)
    // Its slice may be old by now: it begins again, at the version that others are sent.
    return event ?? { type: "granted", version: this.#cursor!.held }
  }

  async #count(): Promise<ReaderEvent> {
    this.#permit?.leave()
    this.#permit = undefined
    const cursor = this.#cursor!
    this.#proof ??= { sums: cursor.sums, at: this.#landing(cursor, cursor.revision) }
    const { sums, at } = this.#proof
    if (sums instanceof Promise) {
      const event = await this.#settling.of(sums)
      if (event !== undefined) return event
    }
    this.#proof = undefined
    try {
      return {
        type: "counted",
        sums: await sums,
        at,
        ...this.#present(cursor),
      }
    } catch (error) {
      if (cursor.isOver(error)) return { type: "void", reason: "epoch-changed" }
      throw error
    }
  }

  #present(cursor: CatchUpCursor): Present {
    const { isPartial } = this.#request
    return presentOf(cursor, this.#context.fanOut, { isPartial, isDue: this.#connection.due })
  }

  #landing(cursor: CatchUpCursor, revision: number): Landing {
    return { revision, id: cursor.idOf(revision) }
  }

  /** Opens a cursor over the epoch that is served now, in place of the one before. */
  #enter(): CatchUpCursor {
    this.#cursor?.close()
    this.#cursor = undefined
    this.#cursor = new CatchUpCursor(this.#context.fanOut, this.#request, this)
    return this.#cursor
  }

  /** The bytes of a frame that goes out now, or at a time not long ago. */
  #encode(order: Order, at?: number): Uint8Array {
    if (order.type === "bytes") return this.#connection.sent(order.bytes, at)
    if (order.type === "comment") return this.#connection.comment()
    if (order.type === "goodbye") this.#endReason = order.reason
    if (order.type === "fault") this.#endReason = "failed"
    const { topic, observer } = this.#context
    if (order.type === "reset") observer.onReset?.({ topic, reason: order.reason })
    if (order.type === "hello" || order.type === "reset") this.#enter()
    const of = { request: this.#request, cursor: this.#cursor }
    return this.#connection.sent(encodeOrder(order, this.#context, of), at)
  }
}
