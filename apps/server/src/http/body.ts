import { isSyncError } from "@headwater/core"
import type { Session } from "../access/session.ts"
import { RequestError, UnauthenticatedError } from "../errors.ts"
import type { Hub } from "../hub.ts"

/** First size of the buffer that a body is copied into, in bytes. */
const BUFFER_BYTES = 4_096

/**
 * Reads the body of a request, as bytes, up to a bound of size and within `bodyMs`.
 *
 * The bytes are copied into one buffer that grows: a body that comes byte by byte would otherwise
 * be held as that many chunks, each of which may pin a much larger buffer of the runtime.
 *
 * @param session of the request; reading ends with it.
 * @throws {UnauthenticatedError} the grant ended meanwhile.
 * @throws {RequestError} 413 as soon as it is larger; 400 when it breaks off, or is late.
 */
export async function readBody(
  request: Request,
  bytesMax: number,
  { clock, limits: { bodyMs } }: Pick<Hub, "clock" | "limits">,
  session: Pick<Session, "hold" | "hasEnded">,
): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax)
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  let isLate = false
  // The request has failed: nothing is left to be told.
  const stop = () => {
    reader.cancel().catch(() => {})
  }
  const stopTimer = clock.after(bodyMs, () => {
    isLate = true
    stop()
  })
  const release = session.hold({ end: stop })
  let buffer = new Uint8Array(Math.min(BUFFER_BYTES, bytesMax))
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (isLate) throw late(bodyMs, length)
      if (session.hasEnded(clock.now())) throw ended()
      if (done) return buffer.subarray(0, length)
      if (length + value.byteLength > bytesMax) throw tooLarge(bytesMax)
      buffer = withRoom(buffer, length + value.byteLength, bytesMax)
      buffer.set(value, length)
      length += value.byteLength
    }
  } catch (error) {
    reader.cancel().catch(() => {})
    if (isSyncError(error)) throw error
    if (session.hasEnded(clock.now())) throw ended()
    if (isLate) throw late(bodyMs, length)
    throw new RequestError("ERR_REQUEST_INVALID", `the body broke off after ${length} bytes`)
  } finally {
    stopTimer()
    release()
  }
}

function withRoom(buffer: Uint8Array, bytes: number, bytesMax: number) {
  if (bytes <= buffer.byteLength) return buffer as Uint8Array<ArrayBuffer>
  const larger = new Uint8Array(Math.min(bytesMax, Math.max(bytes, buffer.byteLength * 2)))
  larger.set(buffer)
  return larger
}

function late(bodyMs: number, bytes: number): RequestError {
  return new RequestError(
    "ERR_REQUEST_INVALID",
    `the body did not end within ${bodyMs} ms, after ${bytes} bytes`,
  )
}

function ended(): UnauthenticatedError {
  return new UnauthenticatedError("the grant of this request ended while its body arrived")
}

function tooLarge(bytesMax: number): RequestError {
  return new RequestError("ERR_TOO_LARGE", `at most ${bytesMax} bytes are taken here`)
}
