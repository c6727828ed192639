/** Each second, a hub sheds this share of its readers above the ceiling. */
const SHED_SHARE = 0.1

/** Most readers that a hub sheds in a second; another hub takes them back without effort. */
const SHED_MAX = 50

/** Time that a reader stays at the least before it can be shed, in ms. */
export const STAY_MS_MIN = 5_000

/**
 * Returns the number of readers that a hub sheds in the next second: none up to the ceiling, and
 * above it the more, the further it is above. A fraction is rounded at random.
 *
 * A hub above its ceiling refuses no reader. It sends some away, for a balancer to bring to a hub
 * that has room. Where none has, a reader moves once in ten seconds at the most, on average.
 *
 * @param ceiling 0 for none.
 * @param random from 0 to below 1.
 */
export function shedCount(readers: number, ceiling: number, random: number): number {
  const above = ceiling === 0 ? 0 : Math.max(0, readers - ceiling)
  return Math.min(SHED_MAX, Math.floor(above * SHED_SHARE + random))
}

/** Returns `count` of the items, or all of them, each with the same chance. One pass. */
export function sampleOf<T>(items: Iterable<T>, count: number, random: () => number): T[] {
  const chosen: T[] = []
  let seen = 0
  for (const item of items) {
    seen += 1
    if (chosen.length < count) {
      chosen.push(item)
      continue
    }
    const place = Math.floor(random() * seen)
    if (place < count) chosen[place] = item
  }
  return chosen
}
