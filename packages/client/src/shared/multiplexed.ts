import { MULTIPLEX_VIEWS_MAX } from "@headwater/protocol"
import { keyOf } from "./holder-protocol.ts"
import { runMuxConnection } from "./mux-connection.ts"
import { MuxView } from "./mux-view.ts"
import { sharedRequestOf } from "./shared-request.ts"

/** Views that are asked for at one moment share one request. */
const GATHER_MS = 10

/** A view that others wait for, since it is in the middle of a snapshot, is cut after this. */
const SETTLE_MS = 5_000

/**
 * A `fetch` that puts the streams of one hub on one connection, `/v1/stream`, where a page follows
 * more than one: `connect({ …, fetch: multiplexed() })`.
 *
 * Each replica sees a stream of its own. A view that comes or goes opens the connection anew, from
 * the ids of all views, which their replicas do not notice. A hub that does not know `/v1/stream`
 * gets a request for each view. Other requests go their own way.
 *
 * @param fetch for the connections themselves.
 */
export function multiplexed(
  fetch: typeof globalThis.fetch = (...args) => globalThis.fetch(...args),
): typeof globalThis.fetch {
  const hubs = new Map<string, MuxHub>()
  return async (input, init) => {
    const request = sharedRequestOf(input, init)
    if (!request) return fetch(input, init)
    // Same hub and credential, whatever the topic.
    const base = request.url.replace(/\/topics\/[^/]+\/stream(\?.*)?$/, "")
    const key = keyOf({ ...request, url: base })
    let hub = hubs.get(key)
    if (!hub) {
      hub = new MuxHub(fetch, () => hubs.delete(key))
      hubs.set(key, hub)
    }
    return hub.open(new MuxView(request, init?.signal, hub.onChange), init)
  }
}

/** The views of one hub and credential, and the connection that they are on. */
class MuxHub {
  readonly #fetch: typeof globalThis.fetch
  readonly #onEmpty: () => void
  #views: MuxView[] = []
  #connection = new AbortController()
  #isPlain = false
  #timer: ReturnType<typeof setTimeout> | undefined
  // When the present change was asked for.
  #since = 0

  constructor(fetch: typeof globalThis.fetch, onEmpty: () => void) {
    this.#fetch = fetch
    this.#onEmpty = onEmpty
  }

  open(view: MuxView, init: RequestInit | undefined): Promise<Response> {
    if (this.#isPlain || this.#views.length >= MULTIPLEX_VIEWS_MAX) {
      view.answerBy(this.#fetch(view.url, init))
    } else {
      this.#views.push(view)
      this.onChange()
    }
    return view.response
  }

  /** Opens the connection anew, soon. */
  readonly onChange = (): void => {
    if (this.#timer !== undefined) return
    this.#since = performance.now()
    this.#timer = setTimeout(this.#reopen, GATHER_MS)
  }

  readonly #reopen = (): void => {
    this.#timer = undefined
    this.#views = this.#views.filter(({ isOver }) => !isOver)
    const busy = this.#views.filter((view) => view.isAnswered && !view.isAtId)
    if (busy.length > 0 && performance.now() - this.#since < SETTLE_MS) {
      this.#timer = setTimeout(this.#reopen, GATHER_MS)
      return
    }
    this.#connection.abort()
    for (const view of busy) view.end(new Error("the view moved to another connection"))
    this.#views = this.#views.filter(({ isOver }) => !isOver)
    if (this.#views.length === 0) {
      this.#onEmpty()
      return
    }
    const connection = new AbortController()
    this.#connection = connection
    this.#run(this.#views, connection.signal).catch(console.error)
  }

  async #run(views: readonly MuxView[], signal: AbortSignal): Promise<void> {
    const isUnknown = await runMuxConnection(views, this.#fetch, signal)
    if (!isUnknown || signal.aborted) return
    this.#isPlain = true
    for (const view of views) {
      if (view.isAnswered) view.end()
      else view.answerBy(this.#fetch(view.url, { headers: view.request.headers }))
    }
  }
}
