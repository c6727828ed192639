import { type Clock, SourceError } from "@headwater/core"
import { LinkedAbort } from "./linked-abort.ts"

/** Who is asked, and how long that may take. */
export interface Deadline {
  readonly clock: Clock
  readonly timeoutMs: number
  /** Who did not answer, for the message. */
  readonly name: string
}

/**
 * Asks with a signal that is aborted, with a `SourceError`, when the time is up; and with `signal`.
 */
export async function withDeadline<T>(
  { clock, timeoutMs, name }: Deadline,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const link = new LinkedAbort(signal)
  const cancel = clock.after(timeoutMs, () =>
    link.abort(new SourceError(`${name} did not answer within ${timeoutMs} ms`)),
  )
  try {
    return await ask(link.signal)
  } finally {
    cancel()
    link.unlink()
  }
}
