import type { ClientHttp2Session } from "node:http2"
import { decodeFrame, type Frame } from "@headwater/protocol"
import { createParser } from "eventsource-parser"
import { ModelReplica } from "../../apps/server/test/support/model-replica.ts"
import { pause } from "./hub-process.ts"

/** Waits before an attempt that follows a connection which broke, in ms. */
const BROKEN_MS = 250

/** The connection to go by, and the head of a request: by HTTP/2, many streams share it. */
export interface Route {
  readonly session: ClientHttp2Session
  readonly authority: string
  readonly path: string
}

/**
 * A reader that follows a topic over many streams, as an `EventSource` does: it waits for exactly
 * `retryMs` after each, and comes back with its last id. It proves every digest on the way.
 */
export class HoppingReader {
  readonly replica = new ModelReplica()
  /** Everything that must not happen: resets, wrong digests, streams that broke, other statuses. */
  readonly faults: string[] = []
  /** The reasons for which its streams ended. */
  readonly ends: string[] = []
  /** The longest wait that a hub asked for, and the longest time without a stream, in ms. */
  askedMs = 0
  gapMs = 0
  revision = 0
  #lastId = ""
  #isClosed = false
  #endedAt: number | undefined
  #close: () => void = () => {}
  readonly #route: () => Route
  readonly #running: Promise<void>

  /** `route` is asked before each stream. */
  constructor(route: () => Route) {
    this.#route = route
    this.#running = this.#run()
  }

  /** Leaves. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#close()
    await this.#running
  }

  /** Resolves once it holds everything up to a revision. */
  async reached(revision: number, patienceMs: number): Promise<void> {
    const until = performance.now() + patienceMs
    while (this.revision < revision) {
      if (performance.now() > until) {
        throw new Error(`at ${this.#lastId}, not ${revision}: ${this.ends} ${this.faults}`)
      }
      await pause(20)
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const retryMs = await this.#stream()
      this.#endedAt ??= performance.now()
      if (!this.#isClosed) await pause(retryMs)
    }
  }

  /** Follows one stream to its end; returns the time to wait after it. */
  #stream(): Promise<number> {
    const { session, authority, path } = this.#route()
    return new Promise((resolve) => {
      let retryMs: number | undefined
      const stream = session.request({
        ":path": path,
        ":authority": authority,
        ...(this.#lastId !== "" && { "last-event-id": this.#lastId }),
      })
      this.#close = () => stream.destroy()
      const parser = createParser({
        onEvent: ({ event = "", data, id }) => {
          const frame = decodeFrame(event, data, id ?? "")
          if (frame !== undefined) retryMs = this.#hear(frame) ?? retryMs
          if (id !== undefined) this.#at(id)
        },
      })
      stream.on("response", ({ ":status": status }) => {
        if (status !== 200) this.faults.push(`status ${status}`)
      })
      stream.setEncoding("utf8")
      stream.on("data", (text: string) => parser.feed(text))
      stream.on("error", () => {})
      stream.on("close", () => {
        if (retryMs === undefined && !this.#isClosed) this.faults.push("a stream broke")
        resolve(retryMs ?? BROKEN_MS)
      })
    })
  }

  /** Takes a frame; returns the time to wait, if it is a last one. */
  #hear(frame: Frame): number | undefined {
    if (frame.type === "reset") this.faults.push(`reset ${frame.reason}`)
    if (frame.type === "hello") this.#gapEnds()
    try {
      this.replica.hear(frame)
    } catch (error) {
      this.faults.push((error as Error).message)
    }
    if (frame.type !== "goodbye" && frame.type !== "fault") return undefined
    this.ends.push(frame.type === "goodbye" ? frame.reason : frame.code)
    const retryMs = frame.retryMs ?? BROKEN_MS
    this.askedMs = Math.max(this.askedMs, retryMs)
    return retryMs
  }

  #at(id: string): void {
    this.#lastId = id
    this.revision = Number(id.split(".")[1])
  }

  #gapEnds(): void {
    if (this.#endedAt !== undefined) {
      this.gapMs = Math.max(this.gapMs, performance.now() - this.#endedAt)
    }
    this.#endedAt = undefined
  }
}
