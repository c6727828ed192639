import type { SyncError } from "@headwater/core"
import {
  AHEAD_WAIT_MS,
  type Frame,
  HEARTBEAT_MS,
  type HelloFrame,
  readStreamId,
} from "@headwater/protocol"
import type { ClientEvent } from "../client-state.ts"
import type { Report } from "../connect-options.ts"
import type { ClientClock, Link } from "../link.ts"
import { LiveReplica } from "../live-replica.ts"
import type { Mismatch } from "../replica-state.ts"
import { machineClock, StreamLoop } from "../stream-loop.ts"
import { frameText, snapshotTexts } from "./frame-text.ts"

/** A stream of a tab, as its relay writes it. */
export interface TabSink {
  /** The id from which the tab resumes; `""` for none. */
  readonly from: string
  send(text: string): void
  /** Ends it. The tab tries again, as after any loss of a link. */
  end(reason: string): void
}

/** The stream goes on for this long after its last tab, so that a reload finds it. */
export const LINGER_MS = 5_000

/** A comment shows the tabs that the hub is there at most this often: half a heartbeat. */
const BEAT_MS = HEARTBEAT_MS / 2

/**
 * One stream of a hub, passed on to all tabs that ask for it.
 *
 * The relay holds a proven replica of its own. A tab that comes at the replica's id goes on from
 * there; any other gets the replica as a snapshot, with the digest, as of the last id. From then on
 * it gets every frame that the hub sends, unchanged, so that each tab proves its own replica. A tab
 * that is ahead waits: an id never goes back.
 *
 * Where the hub is lost, so are the streams of the tabs: each shows the link as it is.
 */
export class Relay {
  readonly #live: RelayedReplica
  readonly #clock: ClientClock
  /** Those that get every frame, and those that wait for an id to begin at, with their arrival. */
  readonly #sinks = new Set<TabSink>()
  readonly #waiting = new Map<TabSink, number>()
  #hello: HelloFrame | undefined
  #status = ""
  // True between two frames where everything up to the last id is in the replica, and no more.
  #isAtId = false
  // The hub's digest where it is not the replica's: then only a `sync` brings a tab in, which
  // finds the difference itself.
  #otherDigest: string | undefined
  #beatAt = 0
  #stopLinger: (() => void) | undefined

  /** @param link.fetch brings the headers of the credential along. */
  constructor(link: Link) {
    this.#clock = link.clock ?? machineClock
    this.#live = new RelayedReplica(this)
    this.#live.isObserved = true
    this.#live.running = new StreamLoop(this.#live, link).run()
  }

  /** Aborted when the relay has ended, by `close`, by a refusal, or for want of tabs. */
  get closed(): AbortSignal {
    return this.#live.closing.signal
  }

  /** Lets a tab take part. */
  join(sink: TabSink): void {
    this.#stopLinger?.()
    this.#waiting.set(sink, this.#clock.elapsed())
    this.#admit()
  }

  /** Forgets a tab, which has let go. */
  leave(sink: TabSink): void {
    this.#sinks.delete(sink)
    this.#waiting.delete(sink)
    if (this.#sinks.size + this.#waiting.size > 0) return
    this.#stopLinger?.()
    this.#stopLinger = this.#clock.after(LINGER_MS, () => {
      this.close().catch(console.error)
    })
  }

  /** Passes on that the hub is there: the bytes of its stream, also of comments, have come. */
  beat(): void {
    const now = this.#clock.elapsed()
    if (now - this.#beatAt < BEAT_MS) return
    this.#beatAt = now
    for (const sink of [...this.#sinks, ...this.#waiting.keys()]) sink.send(":\n\n")
    this.#admit()
  }

  /** Ends the stream, and those of the tabs. */
  async close(): Promise<void> {
    this.#stopLinger?.()
    this.#live.closing.abort()
    await this.#live.running
  }

  /** Passes on a frame that the replica took. `mismatch` is the difference that it showed. */
  taken(frame: Frame, mismatch: Mismatch | undefined, isTolerant: boolean): void {
    const { type } = frame
    if (type === "hello") {
      this.#hello = frame
      return
    }
    const text = frameText(frame)
    if (type === "status") this.#status = text
    for (const sink of [...this.#sinks]) sink.send(text)
    if (type === "sync") this.#otherDigest = mismatch?.hub
    if (type === "sync" || (type === "delta" && frame.id)) {
      const isKnown = type === "sync" || !this.#otherDigest
      this.#isAtId = isKnown && (!mismatch || isTolerant)
    } else if (type !== "status") this.#isAtId = false
    this.#admit()
  }

  /** Ends the streams of the tabs with the hub's. */
  lost(error: Error | undefined): void {
    this.#isAtId = false
    const { code, message = "the stream was closed" } = (error ?? {}) as Partial<SyncError>
    const isRefused = this.closed.aborted && error !== undefined
    for (const sink of [...this.#sinks, ...this.#waiting.keys()]) {
      // What the hub refused, it refuses each tab, which may have a fresh token.
      if (isRefused && code) {
        sink.send(frameText({ type: "fault", code, retry: "stop", retryMs: 0 }))
      }
      sink.end(message)
    }
    this.#sinks.clear()
    this.#waiting.clear()
    // The tabs come back with a fresh credential, if they have one, to a relay of that.
    if (code === "ERR_UNAUTHENTICATED") this.#live.closing.abort()
  }

  #admit(): void {
    const { position, resume, entries } = this.#live.state
    const digest = this.#otherDigest ?? this.#live.state.digest
    if (!this.#isAtId || !position || !this.#hello) return
    for (const [sink, since] of this.#waiting) {
      const from = readStreamId(sink.from)
      const isAhead = from?.epoch === position.epoch && from.revision > position.revision
      if (isAhead && this.#clock.elapsed() - since < AHEAD_WAIT_MS) continue
      const resumed = sink.from === resume
      this.#waiting.delete(sink)
      sink.send(frameText({ ...this.#hello, epoch: position.epoch, resumed }))
      if (!resumed) {
        if (isAhead) {
          const { epoch } = position
          sink.send(frameText({ type: "reset", reason: "ahead", epoch, id: `${epoch}.0` }))
        }
        for (const text of snapshotTexts(entries.values(), this.#hello.values)) sink.send(text)
      }
      const { revision } = position
      sink.send(frameText({ type: "sync", revision, entries: entries.size, digest, id: resume }))
      if (this.#status) sink.send(this.#status)
      this.#sinks.add(sink)
    }
  }
}

/** A replica that passes on what it takes. */
class RelayedReplica extends LiveReplica {
  readonly #relay: Relay

  constructor(relay: Relay) {
    super()
    this.#relay = relay
  }

  override take(frame: Frame, isTolerant: boolean, now: number): Mismatch | undefined {
    const mismatch = super.take(frame, isTolerant, now)
    this.#relay.taken(frame, mismatch, isTolerant)
    return mismatch
  }

  override transition(event: ClientEvent, error?: Error, report?: Report): void {
    super.transition(event, error, report)
    if (event === "lost" || event === "close") this.#relay.lost(error)
  }
}
