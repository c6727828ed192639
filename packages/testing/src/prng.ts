/**
 * A seeded generator in the form of `Math.random`: numbers from 0 to below 1, the same ones for the
 * same seed on every runtime.
 *
 * Not for secrets. Source: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, seeded by
 * counting and mixed 12 rounds as its author does.
 */
export function prng(seed: number): () => number {
  let a = 0
  let b = seed | 0
  let c = Math.floor(seed / 2 ** 32) | 0
  let counter = 1

  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let round = 0; round < 12; round++) next()
  return next
}

/** A new seed, 0 to 2³²−1, for a run that repeats no other. Print it: see `seedFrom`. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

/**
 * The seed of a run: the given text when there is one (`HEADWATER_SEED`), else a fresh one.
 * Prints how to repeat the run, because a failure without its seed is lost.
 */
export function seedFrom(
  text: string | undefined,
  print: (line: string) => void = console.log,
): number {
  const given = text === undefined || text === "" ? undefined : Number(text)
  if (given !== undefined && !Number.isSafeInteger(given)) {
    throw new RangeError(`a seed is an integer, not ${JSON.stringify(text)}`)
  }
  const seed = given ?? freshSeed()
  print(`seed ${seed}: repeat with HEADWATER_SEED=${seed}`)
  return seed
}

/** An integer from 0 to below `bound`. */
export function integerBelow(random: () => number, bound: number): number {
  return Math.floor(random() * bound)
}

/** One of the items. There MUST be one. */
export function pick<T>(random: () => number, items: readonly T[]): T {
  return items[integerBelow(random, items.length)] as T
}
