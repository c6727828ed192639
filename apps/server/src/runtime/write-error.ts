import { write } from "node:fs"

/** The descriptor of standard error. */
const STDERR = 2

/** Time until an output that takes nothing now is tried again, in ms. */
const AGAIN_MS = 20

/**
 * Writes a text to standard error, apart from the event loop: a pipe that is not read holds up
 * this text, and not the process. For Node and Bun: see `deno.ts`.
 *
 * @throws the output is closed.
 */
export async function writeError(text: string): Promise<void> {
  let rest = new TextEncoder().encode(text)
  while (rest.length > 0) {
    const written = await writeSome(rest)
    if (written === 0) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    rest = rest.subarray(written)
  }
}

function writeSome(bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(STDERR, bytes, (error, written) => {
      if (error === null) resolve(written)
      else if (error.code === "EAGAIN") resolve(0)
      else reject(error)
    })
  })
}
