/**
 * Memory: what a process grows by when it holds many entries.
 *
 * Question: how many bytes of resident memory does an entry take?
 * Unit:     bytes for each entry: growth of the resident set over the empty process, garbage
 *           collected before both looks.
 *           Three times as many entries have passed through the process before the first look, and
 *           were dropped: the heap has the room that reading them takes, for every subject. That
 *           favours subjects that keep them in this heap.
 * Control:  `map`, a native `Map` of values as bytes.
 * Peers:    a `Map` of values as text, which is the best that JavaScript can do; immutable.
 */
import { do_not_optimize } from "mitata"
import { Entries, KEY_BYTES, VALUE_BYTES } from "../entries.ts"
import { collectGarbage } from "../garbage.ts"
import type { Scenario } from "../scenario.ts"
import { checkAnswers } from "../subjects/answers.ts"
import { loadKeyedMap } from "../subjects/keyed-maps.ts"
import type { Measurement, Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const memory: Scenario = {
  name: "memory",
  question: "How many bytes of resident memory does an entry of 206 bytes take?",
  control: "map",
  subjects: ["headwater", "map", "map of text", "immutable", "hamt_plus"],
  sizes: { full: [100_000, 1_000_000], smoke: [10_000] },
  rounds: { full: 3, smoke: 1 },

  async visit({ subject, size, seed }: Task): Promise<readonly Measurement[]> {
    const entries = new Entries(seed)
    if (subject === "map of text") return measureGrowth(entries, size, fillText(entries))
    const make = await loadKeyedMap(subject)
    // The code is compiled and the library is loaded before the first look, as in a process that
    // has run for a while. What the check needed is garbage by then.
    expectAnswer("bytes left", checkAnswers(make, seed), 0)
    return measureGrowth(entries, size, () => {
      const map = make()
      map.fill(size, {
        keyAt: (index) => entries.keyAt(index),
        valueAt: (index) => entries.valueAt(index),
      })
      return { entries: () => map.readAll().entries, bytes: () => map.readAll().bytes }
    })
  },
}

/**
 * For each entry held, how many have passed before. V8 doubles its young generation (32, 64, 128
 * MiB) as more and more garbage has passed through it: with fewer, it would do so during the
 * filling, and the garbage of reading would count against the subject that keeps the entries.
 */
const PASSING = 3

/** Holds the entries until memory is measured after the filling. */
interface Holding {
  entries(): number
  bytes(): number
}

async function measureGrowth(entries: Entries, size: number, fill: (size: number) => Holding) {
  let bytes = 0
  for (let index = 0; index < PASSING * size; index++) {
    bytes += entries.keyAt(index).length + entries.valueAt(index).byteLength
  }
  do_not_optimize(bytes)
  const before = await residentBytes()
  const held = fill(size)
  const after = await residentBytes()
  expectAnswer("entries held", held.entries(), size)
  expectAnswer("bytes held", held.bytes(), size * (KEY_BYTES + VALUE_BYTES))
  const samples = [(after - before) / size]
  return [{ operation: "entries held", unit: "bytes per entry", samples }]
}

/** Resident bytes when nothing is left to collect. Two rounds: finalisers free more. */
async function residentBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return process.memoryUsage().rss
}

function fillText(entries: Entries): (size: number) => Holding {
  const text = new TextDecoder()
  return (size) => {
    const map = new Map<string, { readonly value: string; readonly revision: number }>()
    for (let index = 0; index < size; index++) {
      const value = text.decode(entries.valueAt(index))
      map.set(entries.keyAt(index), { value, revision: 1 })
    }
    const bytes = () =>
      [...map].reduce((sum, [key, held]) => sum + key.length + held.value.length, 0)
    return { entries: () => map.size, bytes }
  }
}
