const CRLF = "\r\n"

const framed = new WeakMap<Uint8Array, Buffer>()

/**
 * An event as a chunk of HTTP/1.1 (RFC 9112, section 7.1): one piece, made once for all who are
 * sent the same bytes, and kept as long as they are. Events are never empty: an empty chunk would
 * be the last one.
 */
export function chunkOf(event: Uint8Array): Buffer {
  const known = framed.get(event)
  if (known !== undefined) return known
  const head = event.byteLength.toString(16) + CRLF
  const chunk = Buffer.allocUnsafeSlow(head.length + event.byteLength + CRLF.length)
  chunk.write(head, "latin1")
  chunk.set(event, head.length)
  chunk.write(CRLF, head.length + event.byteLength, "latin1")
  framed.set(event, chunk)
  return chunk
}
