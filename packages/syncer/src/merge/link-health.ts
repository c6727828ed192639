import type { Effect, Held } from "./sync-state.ts"

/** The counts of a link's failures. */
export type LinkFailures = Pick<Held, "attempts" | "unanswered" | "relists">

/**
 * The failed step that is tried again: the question for the identity, or the watch or list that
 * follows the answer.
 */
export type Failed = "question" | "watch" | "list"

/**
 * The delay before the next try, by its cost to the source and by the source's health since.
 *
 *                 grows with each failure of         falls
 *   unanswered    a question                         to 0 by an answer
 *   attempts      a watch, or a list                 to 1 by a watch that told something new, or
 *                                                    stood for `settleMs`
 *   relists       whatever makes another list        to 0 by a watch that stood for `settleMs`
 *   all           –                                  to 0 by a watch that stood for `healthyMs`
 *
 * So the first failure of a healthy link is tried again at once, and no other: not even a link that
 * works for a moment each time makes a tight loop. A source that is away is asked, which is cheap,
 * every `askMaxMs` at the least, and is found soon after it is back, however long it was away. One
 * that answers, but of which nothing can be had, is left alone for up to `backoffMaxMs`; and so is
 * one that can be listed but forgets faster than it can be watched, as lists cost most.
 *
 * Source: Typha's watchersyncer, whose budget at one revision is `Held.errors`.
 *
 * Decision: docs/decisions/syncer.md, “Each kind of retry backs off”.
 */
export function failAgain(
  { attempts, unanswered, relists }: LinkFailures,
  what: Failed,
): { readonly failures: LinkFailures; readonly effect: Effect } {
  const lists = what === "list" ? relists + 1 : relists
  // A link that was healthy has lost a connection, more often than not.
  if (attempts === 0) {
    return { failures: { attempts: 1, unanswered, relists: lists }, effect: { type: "ask" } }
  }
  if (what === "question") {
    const attempt = unanswered + 1
    const failures = { attempts, unanswered: attempt, relists }
    return { failures, effect: { type: "pause", attempt, of: "question" } }
  }
  const failures = { attempts: attempts + 1, unanswered, relists: lists }
  const attempt = what === "list" ? Math.max(attempts, relists) : attempts
  return { failures, effect: { type: "pause", attempt } }
}

/** The source answered a question: it is there. */
export function answered(held: Held): Held {
  return held.unanswered === 0 ? held : { ...held, unanswered: 0 }
}

/** A watch told something new: it works, be it for a moment. */
export function worked(held: Held): Held {
  return held.attempts <= 1 ? held : { ...held, attempts: 1 }
}

/** A watch stood for a while: what is listed can be watched. */
export function stood(held: Held): Held {
  return held.relists === 0 ? worked(held) : { ...worked(held), relists: 0 }
}

/** A watch stood for long: what failed before is forgotten. */
export function recovered(held: Held): Held {
  return { ...held, attempts: 0, unanswered: 0, relists: 0, errors: 0 }
}
