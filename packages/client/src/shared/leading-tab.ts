import { HEARTBEAT_MS } from "@headwater/protocol"
import {
  type ElectionEffect,
  type ElectionEvent,
  type ElectionState,
  elect,
  newElection,
} from "./election.ts"
import { ANSWER_MS, type Holder } from "./holder.ts"
import type { Port } from "./holder-protocol.ts"
import { RelayHost } from "./relay-host.ts"
import { TabStreams } from "./tab-streams.ts"
import type { WebLocks } from "./web-locks.ts"

/** A tab that steals waits for up to this much longer, so that one of many does. */
const STEAL_WAIT_MS = 500

/** A leader that says nothing for this long is asked whether it lives: a heartbeat and a half. */
const SILENCE_MS = HEARTBEAT_MS * 1.5

/** A message of a tab to all others. A channel is the private one of two tabs. */
type LobbyMessage =
  | { readonly type: "who" }
  | { readonly type: "lead"; readonly leader: string }
  | { readonly type: "join"; readonly leader: string; readonly channel: string }

/**
 * Acts out the election of one tab: the lock, the channels, and the host where this tab leads.
 *
 * A tab joins a leader by a channel with a fresh random name, which no other tab opens.
 */
export class LeadingTab implements Holder {
  readonly #name: string
  readonly #locks: WebLocks
  readonly #lobby: BroadcastChannel
  #state: ElectionState = newElection(crypto.randomUUID())
  #host: RelayHost | undefined
  #streams: TabStreams | undefined
  // Settles once this tab is joined to a leader.
  #joined = deferred<TabStreams>()
  #isJoined = false
  // Ends the wait for the lock, or gives it back.
  #release: (() => void) | undefined

  constructor(name: string, locks: WebLocks) {
    this.#name = name
    this.#locks = locks
    this.#lobby = new BroadcastChannel(name)
    this.#lobby.onmessage = ({ data }: { readonly data: unknown }) =>
      this.#hear(data as LobbyMessage)
    this.#move({ type: "begin" })
    setInterval(() => {
      if ((this.#streams?.silentMs ?? 0) > SILENCE_MS) this.#move({ type: "silent" })
    }, HEARTBEAT_MS / 2)
    // A page that may come back from the cache of the browser takes part anew.
    const page = globalThis as unknown as Partial<EventTarget>
    page.addEventListener?.("pagehide", () => this.#move({ type: "close" }))
    page.addEventListener?.("pageshow", () => {
      if (this.#state.phase !== "closed") return
      this.#state = newElection(this.#state.self)
      this.#move({ type: "begin" })
    })
  }

  find(): Promise<TabStreams | undefined> {
    return this.#joined.promise
  }

  suspect(): void {
    this.#move({ type: "silent" })
  }

  #hear(message: LobbyMessage): void {
    if (message.type === "who") this.#move({ type: "asked" })
    if (message.type === "lead") this.#move({ type: "heard", leader: message.leader })
    if (message.type !== "join" || message.leader !== this.#state.self) return
    this.#host?.serve(portOf(new BroadcastChannel(message.channel)))
  }

  #move(event: ElectionEvent): void {
    const { state, effects } = elect(this.#state, event)
    this.#state = state
    for (const effect of effects) this.#act(effect)
  }

  #act(effect: ElectionEffect): void {
    switch (effect) {
      case "queue":
      case "steal":
        this.#lock(effect === "steal")
        break
      case "ask":
        this.#say({ type: "who" })
        break
      case "draw":
      case "wait": {
        const firstMs = effect === "wait" ? ANSWER_MS : 0
        setTimeout(() => this.#move({ type: "waited" }), firstMs + Math.random() * STEAL_WAIT_MS)
        break
      }
      case "announce":
        this.#say({ type: "lead", leader: this.#state.self })
        break
      case "host":
        this.#host = new RelayHost()
        break
      case "unhost":
        this.#host?.close().catch(console.error)
        this.#host = undefined
        break
      case "join":
        this.#join()
        break
      case "leave":
        this.#leave()
        break
      case "ping":
        this.#ping().catch(console.error)
        break
      case "release":
        this.#release?.()
    }
  }

  #say(message: LobbyMessage): void {
    this.#lobby.postMessage(message)
  }

  #lock(steal: boolean): void {
    this.#release?.()
    const waiting = new AbortController()
    this.#release = () => waiting.abort()
    const hold = () =>
      new Promise<void>((resolve) => {
        this.#release = resolve
        this.#move({ type: "granted" })
      })
    // A request may not have both.
    const options = steal ? { steal } : { signal: waiting.signal }
    this.#locks.request(this.#name, options, hold).catch(() => {
      // It was stolen, or this tab no longer waits for it.
      if (!waiting.signal.aborted) this.#move({ type: "stolen" })
    })
  }

  #join(): void {
    const { leader, self } = this.#state
    if (leader === self) {
      const { port1, port2 } = new MessageChannel()
      const own = new TabStreams(portOf(port1), () => this.#arrive(own))
      this.#streams = own
      this.#host!.serve(portOf(port2))
      return
    }
    const channel = crypto.randomUUID()
    const streams = new TabStreams(portOf(new BroadcastChannel(channel)), () =>
      this.#arrive(streams),
    )
    this.#streams = streams
    this.#say({ type: "join", leader: leader!, channel })
    // A leader that goes in this very moment does not answer.
    setTimeout(() => {
      if (this.#streams === streams && !this.#isJoined) this.#move({ type: "silent" })
    }, ANSWER_MS)
  }

  #arrive(streams: TabStreams): void {
    if (this.#streams !== streams) return
    this.#isJoined = true
    this.#joined.resolve(streams)
  }

  #leave(): void {
    this.#streams?.close("the tab that held the stream has gone")
    this.#streams = undefined
    // A stream that waits for a leader waits on.
    if (this.#isJoined) this.#joined = deferred()
    this.#isJoined = false
  }

  async #ping(): Promise<void> {
    const { leader } = this.#state
    const isAlive = await this.#streams?.isAlive(ANSWER_MS)
    this.#move({ type: isAlive ? "alive" : "dead", leader: leader! })
  }
}

// Both have the members of a port; their event types differ.
function portOf(channel: BroadcastChannel | MessagePort): Port {
  return channel as unknown as Port
}

function deferred<Value>(): {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
} {
  let resolve!: (value: Value) => void
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
