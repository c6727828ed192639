/**
 * Waits until `begin` calls what it is given, or until the signal is aborted: the same to it, so
 * that its caller looks for data before it looks at the signal. Leaves nothing behind.
 *
 * @param begin returns what ends it.
 */
export async function wait(
  begin: (wake: () => void) => () => void,
  signal?: AbortSignal,
): Promise<void> {
  let ends: (() => void)[] = []
  await new Promise<void>((wake) => {
    ends = [begin(wake), onAbort(signal, wake)]
  })
  for (const end of ends) end()
}

/** Runs a task when a signal is aborted; at once, if it is. Returns what ends that. */
export function onAbort(signal: AbortSignal | undefined, task: () => void): () => void {
  signal?.addEventListener("abort", task)
  if (signal?.aborted) task()
  return () => signal?.removeEventListener("abort", task)
}
