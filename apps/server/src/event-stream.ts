import { encodeOpening, RETRY_MS_MAX, RETRY_MS_MIN, STREAM_HEADERS } from "@headwater/protocol"

/** Who makes the frames of a stream, one when one is asked for. */
export interface FrameSource {
  /** Yields whole events; ends after the last one. Rejecting cuts the connection. */
  frames(): AsyncGenerator<Uint8Array, void>
  /** The client has left: whatever is waited for, end. */
  leave(): void
  /** Is told how to cut the connection, once there is one. */
  onCut(cut: () => void): void
}

/**
 * Streams frames as `text/event-stream`, each made when the client is ready for it: one that stops
 * reading stops being served, and nothing is queued for it.
 *
 * Opens with a comment, because Bun holds back the headers until the first byte of body
 * (oven-sh/bun#33660), and with a jittered `retry:`, so that readers who are cut off together do
 * not come back together. Learns that the client left from `cancel`, not from `request.signal`,
 * which Deno aborts on success too (denoland/deno#27005).
 */
export function eventStream(source: FrameSource, random: () => number): Response {
  const frames = source.frames()
  let isOpen = true
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const retryMs = RETRY_MS_MIN + Math.floor(random() * (RETRY_MS_MAX - RETRY_MS_MIN))
        controller.enqueue(encodeOpening(retryMs))
        source.onCut(() => {
          if (!isOpen) return
          isOpen = false
          source.leave()
          void frames.return()
          controller.error(new Error("the hub cut the stream"))
        })
      },

      async pull(controller) {
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
        await frames.return()
      },
    },
    // Nothing is made ahead: what waits in a queue would be old by the time it is read.
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: STREAM_HEADERS })
}
