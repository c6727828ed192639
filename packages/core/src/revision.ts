/**
 * A state's place in the order of its source's commits: an integer, 0 … 2⁵³−1.
 *
 * It only grows within an epoch, and is never reused there. 0 stands for "nothing known" and never
 * belongs to a commit. Source: etcd's revision, Typha's.
 */
export type Revision = number

/** The largest revision: 2⁵³−1, the largest integer up to which doubles are exact. */
export const REVISION_MAX: Revision = 9_007_199_254_740_991

/** True when a value is a revision: a safe integer, not below 0. */
export function isRevision(value: unknown): value is Revision {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
