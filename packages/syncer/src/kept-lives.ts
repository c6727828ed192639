import type { PastLife, SourceLife } from "./epoch.ts"

/** The lives that a syncer knows, the newest of them by itself. */
export interface KeptLives {
  readonly life: SourceLife
  readonly past: readonly PastLife[]
}

/**
 * What an image keeps beside the entries, for whoever goes on from it: which lives this hub knew,
 * by which names, and how far they had come. Without it a history that went back, before the image
 * or after it, would be taken for one that goes on.
 */
export function memoOf({ life, past }: KeptLives): string {
  return JSON.stringify({ life, past })
}

/** The lives of a memo. */
export function keptLives(memo: string): KeptLives {
  return JSON.parse(memo) as KeptLives
}
