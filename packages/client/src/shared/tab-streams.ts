import { ReplicaError } from "../replica-error.ts"
import type { HolderMessage, Port, SharedRequest, TabMessage } from "./holder-protocol.ts"
import { TextBody } from "./text-body.ts"

/**
 * The streams of one tab at one holder. Each is an answer like a hub's, whose text the holder
 * sends. With the holder they end, and the replicas come back by their ids.
 */
export class TabStreams {
  readonly #port: Port
  readonly #streams = new Map<number, TextBody>()
  readonly #onReady: (lock: string | undefined) => void
  readonly #pings = new Set<() => void>()
  #last = 0
  #heardAt = performance.now()
  #isClosed = false

  /** @param onReady called once the holder serves this tab, with the lock that it holds. */
  constructor(port: Port, onReady: (lock: string | undefined) => void) {
    this.#port = port
    this.#onReady = onReady
    port.onmessage = ({ data }) => this.#take(data as HolderMessage)
  }

  /** Opens a stream. `signal` ends it. */
  open(request: SharedRequest, signal: AbortSignal | null | undefined): Response {
    this.#last += 1
    const stream = this.#last
    const opened = new TextBody(signal, () => {
      if (this.#streams.delete(stream)) this.#tell({ type: "close", stream })
    })
    if (this.#streams.size === 0) this.#heardAt = performance.now()
    this.#streams.set(stream, opened)
    this.#tell({ type: "open", stream, request })
    return new Response(opened.body, { headers: { "content-type": "text/event-stream" } })
  }

  /** The time since the last message of the holder, in ms; 0 where no stream is open. */
  get silentMs(): number {
    return this.#streams.size > 0 ? performance.now() - this.#heardAt : 0
  }

  /** Resolves with true once the holder shows that it lives, with false after some time. */
  async isAlive(withinMs: number): Promise<boolean> {
    let heard: (() => void) | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const isAlive = await new Promise<boolean>((resolve) => {
      heard = () => resolve(true)
      this.#pings.add(heard)
      timer = setTimeout(() => resolve(false), withinMs)
      this.#tell({ type: "ping" })
    })
    clearTimeout(timer)
    this.#pings.delete(heard!)
    return isAlive
  }

  /** Lets go of the holder. */
  close(reason: string): void {
    if (this.#isClosed) return
    for (const [stream, opened] of [...this.#streams]) {
      this.#tell({ type: "close", stream })
      opened.finish(new ReplicaError(reason))
    }
    this.#streams.clear()
    this.#isClosed = true
    this.#port.onmessage = null
    this.#port.close()
  }

  #take(message: HolderMessage): void {
    this.#heardAt = performance.now()
    for (const heard of this.#pings) heard()
    switch (message.type) {
      case "ready":
        this.#onReady(message.lock)
        break
      case "text": {
        const { stream, text } = message
        this.#streams.get(stream)?.push(text)
        this.#tell({ type: "took", stream, characters: text.length })
        break
      }
      case "end": {
        const opened = this.#streams.get(message.stream)
        this.#streams.delete(message.stream)
        opened?.finish(new ReplicaError(message.reason))
      }
    }
  }

  #tell(message: TabMessage): void {
    if (!this.#isClosed) this.#port.postMessage(message)
  }
}
