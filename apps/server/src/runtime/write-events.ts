import { ServerResponse } from "node:http"
import type { ServerHttp2Stream } from "node:http2"
import type { Socket } from "node:net"
import type { EventStream, Sink } from "../event-stream/event-stream.ts"
import { chunkOf, writeChunk } from "./chunk.ts"

/**
 * Longest event that goes to the socket in one piece with its chunk's frame, in bytes. Beyond it
 * three pieces at once cost a few percent more, and no copy is kept.
 */
const PIECE_BYTES_MAX = 8_192

/**
 * Writes a stream as the body of a response whose head has been written, and ends it. Of HTTP/2 it
 * is the stream of the response.
 */
export async function writeEvents(
  { source, opening }: EventStream,
  response: ServerResponse | ServerHttp2Stream,
): Promise<void> {
  const frames = source.frames()
  const sink = new ResponseSink(response)
  response.once("close", () => {
    sink.close()
    source.leave()
    void frames.return()
  })
  source.onCut(() => response.destroy())
  source.attach(sink)
  try {
    response.write(opening)
    for await (const event of frames) {
      if (response.destroyed) return
      if (!sink.write(event)) await sink.drained()
    }
    sink.end()
  } catch {
    response.destroy()
  }
}

/**
 * Writes events to a response, each in one piece straight to its socket where that can be.
 *
 * `ServerResponse.write` hands a chunk to the socket in four pieces, which it corks for one turn:
 * a third of what it costs to tell a reader something. The head, the opening and the end stay
 * Node's own, so that it knows when the connection can be used again. Its own way is also taken
 * where the body is not chunked (HTTP/1.0 and HTTP/2), and while an earlier request on the
 * connection is still being answered.
 *
 * Decision: docs/decisions/server.md, “On Node an event goes to the socket in one piece”.
 */
class ResponseSink implements Sink {
  readonly #response: ServerResponse | ServerHttp2Stream
  /** Node's word for it, final once the head is written. */
  readonly #isChunked: boolean
  /** Set from when on this response is the one that is written to it. */
  #socket: Socket | null = null
  /** Known here, because to ask the response costs a twentieth of a write. */
  #isOpen = true

  constructor(response: ServerResponse | ServerHttp2Stream) {
    this.#response = response
    this.#isChunked = response instanceof ServerResponse && response.chunkedEncoding === true
  }

  get isClear(): boolean {
    return this.#isOpen && !(this.#socket ?? this.#response).writableNeedDrain
  }

  /** Returns whether it has been taken on; if not, `drained` tells when it has. */
  write(event: Uint8Array): boolean {
    if (this.#socket === null) {
      if (this.#isChunked) this.#socket = (this.#response as ServerResponse).socket
      if (this.#socket === null) return this.#response.write(event)
    }
    if (event.byteLength > PIECE_BYTES_MAX) return writeChunk(this.#socket, event)
    return this.#socket.write(chunkOf(event))
  }

  /** Resolves when the socket has taken everything that was written, or is closed. */
  async drained(): Promise<void> {
    const response = this.#response
    if (response.destroyed) return
    const place = this.#socket ?? response
    await new Promise<void>((resolve) => {
      const settle = () => {
        place.off("drain", settle)
        response.off("close", settle)
        resolve()
      }
      place.on("drain", settle)
      response.on("close", settle)
    })
  }

  /** Notes that the connection has gone. */
  close(): void {
    this.#isOpen = false
  }

  end(): void {
    this.#isOpen = false
    this.#socket = null
    this.#response.end()
  }
}
