import type { Clock } from "@headwater/core"

/**
 * Reads an iterable, and calls `onSilence` whenever its next item is out for longer than
 * `silenceMs`. Time in which `use` is at work does not count.
 */
export async function readAll<T>(
  items: AsyncIterable<T>,
  watchdog: { readonly clock: Clock; readonly silenceMs: number; readonly onSilence: () => void },
  use: (item: T) => Promise<void>,
): Promise<void> {
  const { clock, silenceMs, onSilence } = watchdog
  let cancel = () => {}
  const arm = () => {
    cancel = clock.after(silenceMs, () => {
      arm()
      onSilence()
    })
  }
  arm()
  try {
    for await (const item of items) {
      cancel()
      await use(item)
      arm()
    }
  } finally {
    cancel()
  }
}
