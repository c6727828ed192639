import { signal } from "@preact/signals"

/** The present time, ms since 1970; a component that reads it is drawn every second. */
export const now = signal(Date.now())

setInterval(() => {
  now.value = Date.now()
}, 1_000)
