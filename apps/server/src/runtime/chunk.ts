/**
 * Chunks of HTTP/1.1 (RFC 9112, section 7.1). No event is empty: that would be the last chunk.
 *
 * @module
 */
import type { Writable } from "node:stream"

const CRLF = Buffer.from("\r\n")

const framed = new WeakMap<Uint8Array, Buffer>()

/** An event as a chunk, made once for all who are sent the same bytes, and kept as long as they. */
export function chunkOf(event: Uint8Array): Buffer {
  const known = framed.get(event)
  if (known !== undefined) return known
  const chunk = Buffer.concat([headOf(event), event, CRLF])
  framed.set(event, chunk)
  return chunk
}

/** Writes an event as a chunk, at once, without a copy of it. Returns what `write` does. */
export function writeChunk(socket: Writable, event: Uint8Array): boolean {
  socket.cork()
  socket.write(headOf(event))
  socket.write(event)
  const isTaken = socket.write(CRLF)
  socket.uncork()
  return isTaken
}

function headOf(event: Uint8Array): Buffer {
  return Buffer.from(`${event.byteLength.toString(16)}\r\n`, "latin1")
}
