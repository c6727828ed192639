import type { Revision } from "@headwater/core"
import type { Answer, Held } from "./sync-state.ts"

/**
 * Whether it is the source of before, and its history that of before. Its answer was true at some
 * moment after the question, so it is compared with what had been heard when that began.
 */
export function goesOn(held: Held, asked: Answer): boolean {
  return held.life?.identity === asked.identity && asked.revision >= asked.floor
}

/** The source named this revision. */
export function hear(held: Held, revision: Revision): Held {
  return revision <= held.heard ? held : { ...held, heard: revision }
}
