import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2"
import type { Duplex } from "node:stream"

/**
 * Most streams of one connection at once. A page has one for each topic, a proxy one for each of
 * its clients: it opens another connection when it needs more.
 */
const STREAMS_MAX = 128

/** Most bytes of the head of a request, as for HTTP/1.1. */
const HEAD_BYTES_MAX = 16_384

/**
 * Streams of a connection that may end by a reset, whichever side sent it, and PING and SETTINGS
 * frames that its client may send, both in 10 s. A connection with more ends: a client that resets
 * what it has just asked for costs work for nothing (CVE-2023-44487, CVE-2025-8671).
 */
const RESETS_MAX = 200
const CONTROL_FRAMES_MAX = 100
const WINDOW_MS = 10_000

/** Time after which a connection without a stream is closed, in ms. */
const IDLE_MS = 60_000

/** Interval at which connections without a stream are looked for, in ms. */
const SWEEP_MS = 1_000

/** Answers one request. */
export type Http2Listener = (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => void

interface SessionState {
  /** Streams that are open. */
  streams: number
  /** When the last stream ended, or the connection began. */
  idleSince: number
  /** Time without a stream after which it is closed: that of a head until its first stream. */
  idleMs: number
  /** Resets and control frames in the present window, and its start. */
  resets: number
  controlFrames: number
  windowStart: number
  /** True once it is to be ended. */
  isEnding: boolean
}

/**
 * The HTTP/2 connections of a server, by `node:http2`, within bounds: streams at once, resets,
 * control frames, bytes of a head, and time without a stream.
 */
export class Http2Sessions {
  readonly #server: Http2Server
  readonly #headMs: number
  readonly #sessions = new Map<ServerHttp2Session, SessionState>()
  readonly #sweep: ReturnType<typeof setInterval>

  /** `headMs`: a connection that opens no stream for so long is closed. */
  constructor(headMs: number, answer: Http2Listener) {
    this.#headMs = headMs
    this.#server = createServer({
      settings: { maxConcurrentStreams: STREAMS_MAX, maxHeaderListSize: HEAD_BYTES_MAX },
    })
    this.#server.on("session", (session) => this.#begin(session))
    this.#server.on("request", answer)
    this.#sweep = setInterval(() => this.#closeIdle(), Math.min(SWEEP_MS, headMs))
    this.#sweep.unref?.()
  }

  /** Speaks HTTP/2 on a connection. */
  take(socket: Duplex): void {
    this.#server.emit("connection", socket)
  }

  /** Takes no further stream; a connection ends with its last one. */
  close(): void {
    clearInterval(this.#sweep)
    for (const session of this.#sessions.keys()) session.close()
  }

  #begin(session: ServerHttp2Session): void {
    const now = performance.now()
    const state: SessionState = {
      streams: 0,
      idleSince: now,
      idleMs: this.#headMs,
      resets: 0,
      controlFrames: 0,
      windowStart: now,
      isEnding: false,
    }
    this.#sessions.set(session, state)
    session.on("stream", (stream) => {
      state.streams += 1
      state.idleMs = IDLE_MS
      stream.once("close", () => {
        state.streams -= 1
        state.idleSince = performance.now()
        if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#count(session, state, "resets")
      })
    })
    session.on("ping", () => this.#count(session, state, "controlFrames"))
    session.on("remoteSettings", () => this.#count(session, state, "controlFrames"))
    session.once("close", () => this.#sessions.delete(session))
  }

  #count(session: ServerHttp2Session, state: SessionState, what: "resets" | "controlFrames"): void {
    const now = performance.now()
    if (now - state.windowStart >= WINDOW_MS) {
      state.windowStart = now
      state.resets = 0
      state.controlFrames = 0
    }
    state[what] += 1
    if (state.resets <= RESETS_MAX && state.controlFrames <= CONTROL_FRAMES_MAX) return
    // Later: to destroy a session while it reads a frame ends the whole process on Deno.
    state.isEnding ||= this.#end(session)
  }

  #end(session: ServerHttp2Session): true {
    setImmediate(() => {
      if (!session.destroyed) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
    })
    return true
  }

  #closeIdle(): void {
    const now = performance.now()
    for (const [session, state] of this.#sessions) {
      if (state.streams > 0 || now - state.idleSince < state.idleMs) continue
      // A goodbye first; what has not ended by the next look does not read.
      if (session.closed) session.destroy()
      else session.close()
    }
  }
}
