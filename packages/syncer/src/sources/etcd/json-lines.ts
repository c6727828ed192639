import { FrameError, utf8Decoder } from "@headwater/core"

/**
 * The lines of a body that are not empty, without their ends. A last line that was cut is left out.
 *
 * Leaving the loop cancels the body, and so does the signal: the `fetch` of Node 20 and 22 forgets
 * its own once the request was collected as garbage.
 *
 * @param charsMax a longer line is a `FrameError`, so that a line cannot fill the memory.
 */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
  charsMax: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const reader = body.getReader()
  const cancel = () => {
    reader.cancel().catch(() => {})
  }
  signal.addEventListener("abort", cancel, { once: true })
  const decoder = utf8Decoder()
  // A long line comes in many chunks: they are joined once, when it has ended.
  let parts: string[] = []
  let chars = 0
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const pieces = decoder.decode(chunk.value, { stream: true }).split("\n")
      const rest = pieces.pop() as string
      for (const piece of pieces) {
        const line = parts.length > 0 ? parts.join("") + piece : piece
        parts = []
        chars = 0
        if (line.length > charsMax) throw tooLong(line, charsMax)
        if (line !== "") yield line
      }
      if (rest !== "") parts.push(rest)
      chars += rest.length
      if (chars > charsMax) throw tooLong(parts[0] as string, charsMax)
    }
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener("abort", cancel)
    await reader.cancel().catch(() => {})
  }
}

function tooLong(line: string, charsMax: number): FrameError {
  return new FrameError(`a line is longer than ${charsMax} characters`, line)
}
