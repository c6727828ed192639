import type { ClientClock } from "../link.ts"
import type { HolderMessage, Port, SharedRequest, TabMessage } from "./holder-protocol.ts"
import { keyOf } from "./holder-protocol.ts"
import { multiplexed } from "./multiplexed.ts"
import { Relay, type TabSink } from "./relay.ts"

/**
 * A tab that took nothing of so many characters is cut off. It comes back by its id: a frozen tab
 * must not fill the memory of the one that serves it.
 */
export const UNTAKEN_CHARACTERS_MAX = 8_388_608

/** The means of a host. */
export interface RelayHostOptions {
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
  readonly random?: (() => number) | undefined
  /** See `UNTAKEN_CHARACTERS_MAX`. */
  readonly untakenCharactersMax?: number | undefined
}

/**
 * Serves the streams of tabs: one relay for each hub, topic, view and credential. Runs in a shared
 * worker, or in the tab that leads.
 */
export class RelayHost {
  readonly #options: RelayHostOptions
  // The topics of one hub share a connection, too.
  readonly #fetch: typeof globalThis.fetch
  readonly #relays = new Map<string, Relay>()
  readonly #ports = new Map<Port, Map<number, HostedStream>>()

  constructor(options: RelayHostOptions = {}) {
    this.#options = options
    this.#fetch = multiplexed(options.fetch)
  }

  /** The number of streams of hubs that are open. */
  get size(): number {
    return this.#relays.size
  }

  /** Serves one tab. @param lock held for as long as this host lives, where there are locks. */
  serve(port: Port, lock?: string): void {
    const streams = new Map<number, HostedStream>()
    this.#ports.set(port, streams)
    const tell = (message: HolderMessage) => port.postMessage(message)
    port.onmessage = ({ data }) => {
      const message = data as TabMessage
      if (message.type === "ping") return tell({ type: "pong" })
      const { stream } = message
      const hosted = streams.get(stream)
      if (message.type === "took") hosted?.took(message.characters)
      if (message.type === "close") hosted?.leave()
      if (message.type === "open") {
        const relay = this.#relayOf(message.request)
        const from = message.request.headers["last-event-id"] ?? ""
        const { untakenCharactersMax: max = UNTAKEN_CHARACTERS_MAX } = this.#options
        const forget = () => streams.delete(stream)
        const opened = new HostedStream(relay, from, { stream, max, tell, forget })
        streams.set(stream, opened)
        relay.join(opened)
      }
    }
    tell({ type: "ready", lock })
  }

  /** Forgets a tab, which is gone. */
  forget(port: Port): void {
    for (const hosted of this.#ports.get(port)?.values() ?? []) hosted.leave()
    this.#ports.delete(port)
    port.onmessage = null
    port.close()
  }

  /** Ends all streams, of hubs and of tabs. */
  async close(): Promise<void> {
    for (const streams of this.#ports.values()) {
      for (const hosted of streams.values()) hosted.end("the tab that held the stream lets go")
    }
    for (const port of [...this.#ports.keys()]) this.forget(port)
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()))
  }

  #relayOf(request: SharedRequest): Relay {
    const key = keyOf(request)
    let relay = this.#relays.get(key)
    if (relay && !relay.closed.aborted) return relay
    const opened = new Relay(this.#linkOf(request, () => opened.beat()))
    relay = opened
    this.#relays.set(key, relay)
    relay.closed.addEventListener("abort", () => {
      if (this.#relays.get(key) === opened) this.#relays.delete(key)
    })
    return relay
  }

  #linkOf({ url, headers, credentials }: SharedRequest, onBytes: () => void) {
    const { clock, random } = this.#options
    const fetch = this.#fetch
    const shared = new Headers({ ...headers })
    shared.delete("last-event-id")
    const request: typeof globalThis.fetch = async (target, init) => {
      const all = new Headers(shared)
      for (const [name, value] of new Headers(init?.headers)) all.set(name, value)
      const own = { ...init, headers: all, ...(credentials && { credentials }) }
      const response = await fetch(target, own)
      return response.status === 200 ? heard(response, onBytes) : response
    }
    return { urls: [new URL(url)], fetch: request, clock, random }
  }
}

/** The parts of its host that a stream uses. */
interface HostedContext {
  readonly stream: number
  /** See `UNTAKEN_CHARACTERS_MAX`. */
  readonly max: number
  readonly tell: (message: HolderMessage) => void
  readonly forget: () => void
}

/** One stream of one tab. */
class HostedStream implements TabSink {
  readonly from: string
  readonly #relay: Relay
  readonly #context: HostedContext
  #untaken = 0

  constructor(relay: Relay, from: string, context: HostedContext) {
    this.#relay = relay
    this.from = from
    this.#context = context
  }

  send(text: string): void {
    // A single state that is larger than the bound passes: the bound is on what comes after.
    if (this.#untaken > this.#context.max) {
      this.#relay.leave(this)
      this.end("this tab has not taken its stream for a while")
      return
    }
    this.#untaken += text.length
    const { stream, tell } = this.#context
    tell({ type: "text", stream, text })
  }

  end(reason: string): void {
    const { stream, tell, forget } = this.#context
    forget()
    tell({ type: "end", stream, reason })
  }

  took(characters: number): void {
    this.#untaken -= characters
  }

  leave(): void {
    this.#context.forget()
    this.#relay.leave(this)
  }
}

// Calls a function whenever bytes come, also those of a comment: they show that the hub is there.
function heard(response: Response, onBytes: () => void): Response {
  const { status, headers } = response
  const reader = response.body?.getReader()
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done = true, value } = (await reader?.read()) ?? {}
        if (done || !value) return controller.close()
        onBytes()
        controller.enqueue(value)
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status, headers })
}
