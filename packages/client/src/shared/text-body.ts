import { onAbort } from "@headwater/core"

/** The body of an answer: text in, bytes out; its end counts after all text before it. */
export class TextBody {
  readonly body: ReadableStream<Uint8Array>
  readonly #queue: string[] = []
  readonly #encoder = new TextEncoder()
  // Its reason, or `null` for an end without one.
  #ended: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /** @param drop called once when the reader lets go, by the signal or by itself. */
  constructor(signal: AbortSignal | null | undefined, drop: () => void) {
    const letGo = onAbort(signal ?? undefined, () => {
      this.#queue.length = 0
      this.finish(signal?.reason)
      drop()
    })
    this.body = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          while (this.#queue.length === 0) {
            if (this.#ended) {
              letGo()
              if (this.#ended.error === undefined) controller.close()
              else controller.error(this.#ended.error)
              return
            }
            await new Promise<void>((resolve) => {
              this.#wake = resolve
            })
          }
          controller.enqueue(this.#encoder.encode(this.#queue.splice(0).join("")))
        },
        cancel: () => {
          letGo()
          drop()
          // A pull that waits ends with the stream.
          this.finish(new Error("the reader let go"))
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Adds text. */
  push(text: string): void {
    if (this.#ended) return
    this.#queue.push(text)
    this.#wake?.()
  }

  /** Ends it, by an error if there is one. The first end counts. */
  finish(error?: unknown): void {
    this.#ended ??= { error }
    this.#wake?.()
  }
}
