import type { SharedRequest } from "./holder-protocol.ts"
import { TextBody } from "./text-body.ts"

/** One view of a multiplexed connection, as its reader sees it: a stream of its own. */
export class MuxView {
  readonly request: SharedRequest
  /** The topic's path, and the query of the view, in the URL of its own stream. */
  readonly url: URL
  /** The id from which its next connection resumes; `""` for none. */
  id: string
  /** Nothing is under way after `id`: another connection can go on from there. */
  isAtId = false
  /** Its answer was given, so a connection that fails ends the body. */
  isAnswered = false
  /** Its reader has let go, or its stream has ended. */
  isOver = false
  readonly response: Promise<Response>
  readonly #text: TextBody
  readonly #answer: (response: Response | Promise<Response>) => void
  readonly #refuse: (error: unknown) => void
  #hasHello = false

  /** @param onOver called when the reader lets go. */
  constructor(request: SharedRequest, signal: AbortSignal | null | undefined, onOver: () => void) {
    this.request = request
    this.url = new URL(request.url)
    this.id = request.headers["last-event-id"] ?? ""
    let answer!: (response: Response | Promise<Response>) => void
    let refuse!: (error: unknown) => void
    this.response = new Promise((resolve, reject) => {
      answer = resolve
      refuse = reject
    })
    this.#answer = answer
    this.#refuse = refuse
    this.#text = new TextBody(signal, () => {
      this.isOver = true
      refuse(signal?.reason ?? new Error("the reader let go"))
      onOver()
    })
  }

  /** The view as a request for several names it. */
  get named(): object {
    const { pathname, searchParams } = this.url
    const topic = decodeURIComponent(/([^/]+)\/stream$/.exec(pathname)![1]!)
    const prefixes = searchParams.getAll("prefix")
    const keys = searchParams.getAll("key")
    return { topic, prefixes, keys, ...(this.id && { id: this.id }) }
  }

  /** The hub has answered by a stream. */
  begin(): void {
    if (this.isAnswered) return
    this.isAnswered = true
    const headers = { "content-type": "text/event-stream" }
    this.#answer(new Response(this.#text.body, { headers }))
  }

  /** The hub has given another answer, for this view alone. */
  answerBy(response: Promise<Response>): void {
    this.isOver = true
    this.#answer(response)
  }

  /** Takes a frame. The text of its data is passed on as it is. */
  take(type: string, data: string, id: string): void {
    if (this.isOver) return
    if (type === "hello") {
      // Another connection goes on where the one before was: the reader does not notice.
      if (this.#hasHello) {
        const { resumed } = JSON.parse(data)
        if (resumed !== true) this.end(new Error("the hub could not resume the view"))
        return
      }
      this.#hasHello = true
    }
    if (id) this.id = id
    const isChange = type === "delta" || type === "snapshot" || type === "reset"
    if (type === "sync" || isChange) this.isAtId = !!id && type !== "reset"
    this.#text.push(`event: ${type}\n${id && `id: ${id}\n`}data: ${data}\n\n`)
    if (type === "goodbye" || type === "fault") this.end()
  }

  /** Passes on a comment, or a delay. */
  push(text: string): void {
    this.#text.push(text)
  }

  /** Ends its stream; without an error, as a connection that ends. */
  end(error?: unknown): void {
    this.isOver = true
    this.#refuse(error ?? new Error("the connection ended"))
    this.#text.finish(error)
  }
}
