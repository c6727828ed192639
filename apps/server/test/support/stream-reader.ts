import { decodeFrame, type Frame } from "@headwater/protocol"
import { createParser } from "eventsource-parser"
import { Grammar } from "./grammar.ts"
import { ModelReplica } from "./model-replica.ts"

/** The longest wait of a test for a frame. Only a failing test waits so long. */
const PATIENCE_MS = 120_000

/**
 * Reads a stream by `fetch`, as a reader does, and checks each frame: the grammar, that ids never
 * go back, and every digest. Close it.
 */
export class StreamReader {
  readonly response: Response
  readonly replica: ModelReplica
  /** Names of the frames so far, comments included. */
  readonly heard: string[] = []
  /** The `id:` of the last event that had one. */
  lastId: string | undefined
  /** The `retry:` that was heard last, in ms. */
  retryMs: number | undefined
  readonly #abort: AbortController
  readonly #body: ReadableStreamDefaultReader<Uint8Array>
  readonly #grammar = new Grammar()
  readonly #decoder = new TextDecoder()
  readonly #parser
  #frames: Frame[] = []

  constructor(response: Response, abort: AbortController, replica = new ModelReplica()) {
    this.response = response
    this.replica = replica
    this.#abort = abort
    this.#body = response.body!.getReader()
    this.#parser = createParser({
      onEvent: ({ event = "", data, id }) => this.#hear(event, data, id),
      onComment: () => this.heard.push("comment"),
      onRetry: (retryMs) => {
        this.retryMs = retryMs
      },
      onError: (error) => {
        throw error
      },
    })
  }

  /** Opens a stream. `replica`: of the reader who comes back. */
  static async open(
    url: string,
    headers: Record<string, string> = {},
    replica?: ModelReplica,
  ): Promise<StreamReader> {
    const abort = new AbortController()
    const response = await fetch(url, { headers, signal: abort.signal })
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    return new StreamReader(response, abort, replica)
  }

  /** The next frame, whatever it is; `undefined` when the stream has ended. */
  async next(): Promise<Frame | undefined> {
    while (this.#frames.length === 0) if (!(await this.read())) return undefined
    return this.#frames.shift()
  }

  /** Reads one chunk. False when the stream has ended. */
  async read(): Promise<boolean> {
    const { done, value } = await soon(this.#body.read(), () => `heard ${this.heard.join(" ")}`)
    if (value !== undefined) this.#parser.feed(this.#decoder.decode(value, { stream: true }))
    return !done
  }

  /** Reads on to a frame of a type. */
  async until<T extends Frame["type"]>(type: T): Promise<Extract<Frame, { type: T }>> {
    for (;;) {
      const frame = await this.next()
      if (frame === undefined) throw new Error(`ended without ${type}: ${this.heard.join(" ")}`)
      if (frame.type === type) return frame as Extract<Frame, { type: T }>
    }
  }

  /** Reads on until the reader has caught up: past the first `sync` and its status. */
  async caughtUp(): Promise<this> {
    await this.until("sync")
    await this.until("status")
    return this
  }

  /** Reads on until everything up to a revision has been told. */
  async reached(revision: number): Promise<this> {
    while (Number(this.lastId?.split(".")[1] ?? 0) < revision) {
      if ((await this.next()) === undefined) throw new Error(`ended before revision ${revision}`)
    }
    return this
  }

  /** Reads to the end; returns the frames from here on. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = []
    for (let frame = await this.next(); frame; frame = await this.next()) frames.push(frame)
    return frames
  }

  /** Leaves. */
  async close(): Promise<void> {
    this.#abort.abort()
    await this.#body.cancel().catch(() => {})
  }

  #hear(event: string, data: string, id: string | undefined): void {
    this.heard.push(event)
    if (id !== undefined) this.lastId = id
    const frame = decodeFrame(event, data, id ?? "")
    if (frame === undefined) throw new Error(`unknown event ${event}`)
    this.#grammar.hear(frame)
    this.replica.hear(frame)
    this.#frames.push(frame)
  }
}

async function soon<T>(promise: Promise<T>, what: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came; ${what()}`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
