import { signal } from "@preact/signals"

/** The topic in which a new entry is being made; undefined while none is. */
export const creating = signal<{ readonly topic: string } | undefined>(undefined)
