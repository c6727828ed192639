import { encodeOpening, RETRY_MS_MAX, RETRY_MS_MIN, STREAM_HEADERS } from "@headwater/protocol"

/** Takes frames that are written without being asked for. */
export interface Sink {
  /** True when everything written has been taken. Only then may more be written. */
  readonly isClear: boolean
  write(event: Uint8Array): void
}

/** Makes the frames of a stream on demand. */
export interface FrameSource {
  /** Converts the opening of the stream, for a source whose bytes are coded. */
  opening?(event: Uint8Array): Uint8Array
  /** Yields whole events; ends after the last one. Rejecting cuts the connection. */
  frames(): AsyncGenerator<Uint8Array, void>
  /**
   * Takes the sink of the stream. While `frames` waits for news, the source may write there
   * itself, at a tenth of the cost.
   */
  attach(sink: Sink): void
  /** Ends `frames`, since the client has left. */
  leave(): void
  /** Takes a function that cuts the connection. */
  onCut(cut: () => void): void
}

/** An unread stream, for a runtime with a shorter way to the socket. */
export interface EventStream {
  readonly source: FrameSource
  /** The bytes before the first frame. */
  readonly opening: Uint8Array
}

const untouched = new WeakMap<ReadableStream, EventStream>()

/** Returns the stream behind an unread response of `eventStream`; its headers may differ. */
export function eventStreamOf(response: Response): EventStream | undefined {
  // Asking for a body costs time in short answers of Node's server.
  if (response.headers.get("content-type") !== STREAM_HEADERS["content-type"]) return undefined
  const { body } = response
  return body === null || body.locked ? undefined : untouched.get(body)
}

/**
 * Streams frames as `text/event-stream`, each made when the client is ready for it. For a client
 * that stops reading, no more than a frame or two is queued.
 *
 * Opens with a comment, because Bun holds back the headers until the first byte of body
 * (oven-sh/bun#33660), and with a jittered `retry:`, so that readers that are cut together do not
 * come back together. The stream's `cancel` tells that the client left; Deno aborts
 * `request.signal` on success too (denoland/deno#27005).
 */
export function eventStream(
  source: FrameSource,
  random: () => number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const retryMs = RETRY_MS_MIN + Math.floor(random() * (RETRY_MS_MAX - RETRY_MS_MIN))
  const event = encodeOpening(retryMs)
  const opening = source.opening?.(event) ?? event
  const body = bodyOf(source, opening)
  const response = new Response(body, { headers: { ...STREAM_HEADERS, ...headers } })
  untouched.set(body, { source, opening })
  return response
}

function bodyOf(source: FrameSource, opening: Uint8Array): ReadableStream<Uint8Array> {
  let frames: AsyncGenerator<Uint8Array, void> | undefined
  let isOpen = true
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (frames === undefined) {
          frames = source.frames()
          source.attach(sinkOf(controller, () => isOpen))
          source.onCut(() => {
            if (!isOpen) return
            isOpen = false
            source.leave()
            void frames?.return()
            controller.error(new Error("the hub cut the stream"))
          })
          controller.enqueue(opening)
          return
        }
        const { done, value } = await frames.next()
        if (!isOpen) return
        if (!done) {
          controller.enqueue(value)
          return
        }
        isOpen = false
        controller.close()
      },

      async cancel() {
        isOpen = false
        source.leave()
        await frames?.return()
      },
    },
    // No frame is made ahead: it would be old by the time it is read.
    { highWaterMark: 0 },
  )
}

function sinkOf(
  controller: ReadableStreamDefaultController<Uint8Array>,
  isOpen: () => boolean,
): Sink {
  return {
    // Below 0 while something is queued that was not read.
    get isClear() {
      return isOpen() && (controller.desiredSize ?? -1) >= 0
    },
    write: (event) => controller.enqueue(event),
  }
}
