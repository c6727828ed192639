import { encodeOpening, RETRY_MS_MAX, RETRY_MS_MIN, STREAM_HEADERS } from "@headwater/protocol"

/** Where the frames of a stream go out, beside those that it is asked for. */
export interface Sink {
  /** Whether everything that was written has been taken on. Only then may more be written. */
  readonly isClear: boolean
  write(event: Uint8Array): void
}

/** Who makes the frames of a stream, one when one is asked for. */
export interface FrameSource {
  /** What opens the stream in place of an event, where its bytes are not those of events. */
  opening?(event: Uint8Array): Uint8Array
  /** Yields whole events; ends after the last one. Rejecting cuts the connection. */
  frames(): AsyncGenerator<Uint8Array, void>
  /**
   * Is told where frames go out. While it waits inside of `frames` for something to tell, it may
   * write there itself, which costs a tenth of being asked.
   */
  attach(sink: Sink): void
  /** The client has left: whatever is waited for, end. */
  leave(): void
  /** Is told how to cut the connection, once there is one. */
  onCut(cut: () => void): void
}

/** A stream that nobody has read from yet, for a runtime with a shorter way to the socket. */
export interface EventStream {
  readonly source: FrameSource
  /** What comes before the first frame. */
  readonly opening: Uint8Array
}

const untouched = new WeakMap<ReadableStream, EventStream>()

/** What is behind the body of an `eventStream`, as long as nobody reads it; headers may differ. */
export function eventStreamOf(response: Response): EventStream | undefined {
  // To ask for a body has a cost for the short answers of Node's server.
  if (response.headers.get("content-type") !== STREAM_HEADERS["content-type"]) return undefined
  const { body } = response
  return body === null || body.locked ? undefined : untouched.get(body)
}

/**
 * Streams frames as `text/event-stream`, each made when the client is ready for it: one that stops
 * reading stops being served, and nothing is queued for it but a frame or two.
 *
 * Opens with a comment, because Bun holds back the headers until the first byte of body
 * (oven-sh/bun#33660), and with a jittered `retry:`, so that readers who are cut off together do
 * not come back together. Learns that the client left from `cancel`, not from `request.signal`,
 * which Deno aborts on success too (denoland/deno#27005).
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
    // Nothing is made ahead: what waits in a queue would be old by the time it is read.
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
