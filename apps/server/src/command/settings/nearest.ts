import { distance } from "fastest-levenshtein"

/** Returns the known name that is most like an unknown one; `undefined` where none is close. */
export function nearestOf(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const candidate of known) {
    const steps = distance(name, candidate)
    if (steps < least) [best, least] = [candidate, steps]
  }
  return best
}

/** Returns `; did you mean NAME?`, or nothing where no known name is close. */
export function hintFor(name: string, known: Iterable<string>): string {
  const nearest = nearestOf(name, known)
  return nearest === undefined ? "" : `; did you mean ${nearest}?`
}
