import { RequestError } from "../errors.ts"

/**
 * Reads the body of a request, as bytes, up to a bound.
 *
 * @throws {RequestError} 413 as soon as it is larger; 400 when it breaks off.
 */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax)
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = request.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      length += value.byteLength
      if (length > bytesMax) throw tooLarge(bytesMax)
      chunks.push(value)
    }
  } catch (error) {
    void reader.cancel().catch(() => {})
    if (error instanceof RequestError) throw error
    throw new RequestError("ERR_REQUEST_INVALID", "the body broke off")
  }
  return joined(chunks, length)
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

function tooLarge(bytesMax: number): RequestError {
  return new RequestError("ERR_TOO_LARGE", `at most ${bytesMax} bytes are taken here`)
}
