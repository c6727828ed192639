/**
 * Pause: how long the event loop stands still while many entries are held and written.
 *
 * Question: what is the longest turn of a 1 ms timer with entries held, while 10,000 writes a
 *           second pass, each batch followed by a snapshot, the last ten kept?
 * Unit:     ms. A turn is the delay of the timer; a collection is the runtime's report of
 *           itself, where it does.
 * Control:  `map`, a native `Map`, which takes no snapshots.
 * Peers:    immutable.
 */
import { PerformanceObserver } from "node:perf_hooks"
import { drawn, Entries } from "../entries.ts"
import { collectGarbage } from "../garbage.ts"
import type { Scenario } from "../scenario.ts"
import { summary } from "../statistics.ts"
import { checkAnswers } from "../subjects/answers.ts"
import type { KeyedMap } from "../subjects/keyed-map.ts"
import { loadKeyedMap } from "../subjects/keyed-maps.ts"
import type { Measurement, SizeName, Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const pause: Scenario = {
  name: "pause",
  question:
    "How long does the event loop stand still with entries held under 10,000 writes a second?",
  control: "map",
  subjects: ["headwater", "map", "immutable"],
  sizes: { full: [1_000_000], smoke: [10_000] },
  rounds: { full: 3, smoke: 1 },

  async visit({ subject, size, sizeName, seed }: Task): Promise<readonly Measurement[]> {
    const make = await loadKeyedMap(subject)
    expectAnswer("bytes left", checkAnswers(make, seed), 0)
    const entries = new Entries(seed)
    const map = make()
    map.fill(size, {
      keyAt: (index) => entries.keyAt(index),
      valueAt: (index) => entries.valueAt(index),
    })
    await churn(map, entries, size, WARM_MS[sizeName])
    collectGarbage()

    const collections = new Collections()
    const turns = await churn(map, entries, size, CHURN_MS[sizeName])
    await new Promise((resolve) => setTimeout(resolve, 20))
    const pauses = collections.end()
    expectAnswer("entries in the end", map.size, size)
    const { p95 } = summary(turns)
    const ms = (operation: string, sample: number) => ({
      operation,
      unit: "ms",
      samples: [sample],
    })
    return [
      ms("longest turn", Math.max(...turns)),
      ms("turns, p95", p95),
      ...(pauses === undefined ? [] : [ms("longest collection", Math.max(0, ...pauses))]),
      ...(pauses === undefined
        ? []
        : [
            ms(
              "all collections",
              pauses.reduce((a, b) => a + b, 0),
            ),
          ]),
    ]
  },
}

const WRITES_PER_MS = 10
const CHURN_MS: Readonly<Record<SizeName, number>> = { full: 10_000, smoke: 200 }
const WARM_MS: Readonly<Record<SizeName, number>> = { full: 2_000, smoke: 20 }

/**
 * Writes what is due at each turn of a 1 ms timer, as one batch, for `forMs`. Returns how late each
 * turn was, in ms: what the runtime and the batch before took.
 */
function churn(map: KeyedMap, entries: Entries, size: number, forMs: number): Promise<number[]> {
  const order = drawn(forMs * WRITES_PER_MS, size, entries.seed)
  const late: number[] = []
  let written = 0
  const feed = {
    keyAt: (call: number) => entries.keyAt(order[call] ?? 0),
    // Every write brings a value of its own, as it would come from a socket.
    valueAt: (call: number) => entries.valueAt(order[call] ?? 0, 1),
  }
  return new Promise((resolve, reject) => {
    const began = performance.now()
    let last = began
    const timer = setInterval(() => {
      try {
        const now = performance.now()
        late.push(Math.max(0, now - last - 1))
        last = now
        const due = Math.min(order.length, Math.floor((now - began) * WRITES_PER_MS))
        if (due > written) map.putMany(written, due, feed)
        written = due
        if (written < order.length) return
        clearInterval(timer)
        resolve(late)
      } catch (error) {
        clearInterval(timer)
        reject(error)
      }
    }, 1)
  })
}

/** Listens to a runtime's reports of its collections. */
class Collections {
  readonly #pauses: number[] = []
  readonly #observer: PerformanceObserver | undefined

  constructor() {
    // Deno names the type and never reports one; Bun does not name it.
    const { supportedEntryTypes } = PerformanceObserver as { supportedEntryTypes?: string[] }
    if ("Deno" in globalThis || !supportedEntryTypes?.includes("gc")) return
    this.#observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) this.#pauses.push(duration)
    })
    this.#observer.observe({ entryTypes: ["gc"] })
  }

  /** The pauses so far, in ms; undefined where the runtime reports none. */
  end(): readonly number[] | undefined {
    if (this.#observer === undefined) return undefined
    this.#observer.disconnect()
    return this.#pauses
  }
}
