import { onAbort } from "@headwater/core"

/**
 * Waits until `begin` calls the function that it is given, or until the signal is aborted: either
 * resolves, so that the caller looks for data before it looks at the signal. Leaves nothing behind.
 *
 * @param begin returns a function that ends it.
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
