/**
 * Trie: the jobs of a cache, one after the other, on one map.
 *
 * Question: what does each operation of a versioned map cost, and what do its snapshots?
 * Unit:     ns for one key, read or written; for one change; for one snapshot. Resident memory
 *           is asked by `memory`, the longest turn of a timer under writes by `pause`.
 * Control:  `map`, a native `Map` changed in place: no versions, no snapshots.
 * Peers:    the persistent maps of JavaScript; where all is encoded, also `map of objects`, a `Map`
 *           of parsed values, stringified.
 */
import { drawn, Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { type Plan, plans, Stopwatch } from "../stopwatch.ts"
import { checkAnswers } from "../subjects/answers.ts"
import { FrameWriter } from "../subjects/frame-writer.ts"
import type { Feed, KeyedMap } from "../subjects/keyed-map.ts"
import { loadKeyedMap, type MakeMap } from "../subjects/keyed-maps.ts"
import { nativeMap } from "../subjects/native-map.ts"
import type { Measurement, SizeName, Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const trie: Scenario = {
  name: "trie",
  question: "What does each operation of a versioned map cost, and what do its snapshots?",
  control: "map",
  subjects: ["headwater", "map", "map of objects", "immutable", "nkzw", "hamt_plus", "mori"],
  sizes: { full: [1_000, 100_000, 1_000_000], smoke: [1_000] },
  rounds: { full: 2, smoke: 1 },

  async visit(task: Task): Promise<readonly Measurement[]> {
    if (task.subject === "map of objects") return measureObjects(task)
    const make = await loadKeyedMap(task.subject)
    expectAnswer("bytes left", checkAnswers(make, task.seed), 0)
    warmUp(make, task)
    const data = new TrieData(task.size, CALLS[task.sizeName], task.seed)
    return measureMap(make, data, new Stopwatch(PLANS[task.sizeName]))
  },
}

/** Calls in one sample: enough to take milliseconds. */
const CALLS: Readonly<Record<SizeName, number>> = { full: 100_000, smoke: 1_000 }

/** Warm-up of the operations before they are timed, in ms. */
const WARM_MS: Readonly<Record<SizeName, number>> = { full: 1_000, smoke: 1 }

/**
 * Fewer samples than elsewhere: with a million entries most of a visit is filling the map and
 * collecting garbage between operations, and there are 126 visits on three runtimes.
 */
const PLANS: Readonly<Record<SizeName, Plan>> = {
  full: { samplesMax: 5, budgetMs: 600 },
  smoke: plans.smoke,
}

const CHANGES = 1_000
const BATCH = 100

/** Everything an operation is given, made beforehand. */
class TrieData {
  readonly entries: number
  /** Calls in one sample. */
  readonly calls: number
  keys: readonly string[]
  readonly values: readonly Uint8Array[]
  /** The keys of the calls, in their order. */
  hits: readonly string[]
  misses: readonly string[]
  /** The value that each call writes, to the key of the same number in `hits`. */
  readonly writes: readonly Uint8Array[]
  readonly filling: Feed
  readonly writing: Feed

  constructor(entries: number, calls: number, seed: number) {
    const source = new Entries(seed)
    const order = drawn(calls, entries, seed)
    this.entries = entries
    this.calls = calls
    this.keys = Array.from({ length: entries }, (_, index) => source.keyAt(index))
    this.values = Array.from({ length: entries }, (_, index) => source.valueAt(index))
    this.hits = Array.from(order, (index) => source.keyAt(index))
    this.misses = Array.from(order, (index) => source.missAt(index))
    this.writes = Array.from(order, (index) => source.valueAt(index, 1))
    const at = <T>(list: readonly T[], index: number) => list[index] as T
    this.filling = {
      keyAt: (index) => at(this.keys, index),
      valueAt: (index) => at(this.values, index),
    }
    this.writing = {
      keyAt: (index) => at(this.hits, index),
      valueAt: (index) => at(this.writes, index),
    }
  }

  /**
   * Makes all keys of the calls anew: equal, and no string that was used before. So a key comes as
   * it comes from a socket, without the hash that the runtime keeps with a string that it has
   * hashed.
   */
  renewCalls(): void {
    this.hits = this.hits.map(renewed)
    this.misses = this.misses.map(renewed)
  }

  /** The same for the keys of all entries. */
  renewKeys(): void {
    this.keys = this.keys.map(renewed)
  }
}

const utf8 = new TextEncoder()
const text = new TextDecoder()

function renewed(key: string): string {
  return text.decode(utf8.encode(key))
}

function warmUp(make: MakeMap, { sizeName, seed }: Task): void {
  const data = new TrieData(2_000, 2_000, seed + 1)
  const until = performance.now() + WARM_MS[sizeName]
  do measureMap(make, data, new Stopwatch({ samplesMax: 1, budgetMs: 0 }))
  while (performance.now() < until)
}

function measureMap(make: MakeMap, data: TrieData, watch: Stopwatch): readonly Measurement[] {
  let map = make()
  const renew = () => {
    map.dispose()
    map = make()
    data.renewKeys()
  }
  const build = () => {
    map.fill(data.entries, data.filling)
    return data.entries
  }
  watch.measure("build", "ns per key", build, renew)
  expectAnswer("entries built", map.size, data.entries)

  measureReads(map, data, watch)
  measureWrites(map, data, watch)
  expectAnswer("entries in the end", map.size, data.entries)
  measureDeletes(map, data, watch)
  map.dispose()
  return watch.found
}

function measureReads(map: KeyedMap, data: TrieData, watch: Stopwatch): void {
  let bytes = 0
  const look = (keys: readonly string[]) => {
    bytes = 0
    for (const key of keys) bytes += map.get(key)?.byteLength ?? 0
    return data.calls
  }
  const renew = () => data.renewCalls()
  watch.measure("get, hit", "ns per get", () => look(data.hits), renew)
  expectAnswer("bytes of all hits", bytes, sumOf(data.writes))
  watch.measure("get, miss", "ns per get", () => look(data.misses), renew)
  expectAnswer("bytes of all misses", bytes, 0)

  let read = 0
  watch.measure("iterate", "ns per entry", () => {
    read = map.readAll().bytes
    return data.entries
  })
  expectAnswer("bytes read", read, sumOf(data.values) + data.keys.join("").length)

  let encoded = 0
  watch.measure("encode all", "ns per entry", () => {
    encoded = map.encodeAll().entries
    return data.entries
  })
  expectAnswer("entries encoded", encoded, data.entries)
}

function measureWrites(map: KeyedMap, data: TrieData, watch: Stopwatch): void {
  const { calls, writes, writing } = data
  const renew = () => data.renewCalls()
  const overwrite = () => {
    map.putMany(0, calls, writing)
    map.settle()
    return calls
  }
  const writeEach = () => {
    const { hits } = data
    for (let call = 0; call < calls; call++) map.put(hits[call] ?? "", writes[call] as Uint8Array)
    map.settle()
    return calls
  }
  const writeBatches = () => {
    for (let call = 0; call < calls; call += BATCH) map.putMany(call, call + BATCH, writing)
    map.settle()
    return calls
  }
  watch.measure("overwrite, one batch", "ns per write", overwrite, renew)
  watch.measure("write + snapshot each", "ns per write", writeEach, renew)
  watch.measure("batches of 100 + snapshot", "ns per write", writeBatches, renew)
  measureSnapshots(map, watch)
  measureChanges(map, data, watch)
}

function measureChanges(map: KeyedMap, { hits, writing }: TrieData, watch: Stopwatch): void {
  if (map.mark === undefined) return
  const changed = new Set(hits.slice(0, CHANGES)).size
  let mark: unknown
  let told = 0
  const change = () => {
    mark = map.mark?.()
    for (let call = 0; call < CHANGES; call += BATCH) map.putMany(call, call + BATCH, writing)
  }
  const tell = () => {
    told = map.changesSince?.(mark) ?? 0
    return CHANGES
  }
  watch.measure("changes since, after 1,000", "ns per change", tell, change)
  expectAnswer("changes told", told, changed)
}

function measureSnapshots(map: KeyedMap, watch: Stopwatch): void {
  // A copy of a large map takes a tenth of a second, a snapshot a tenth of a microsecond.
  const times = map.mark === undefined ? 1 : 1_000
  watch.measure("take a snapshot", "ns per snapshot", () => {
    for (let time = 0; time < times; time++) map.takeSnapshot()
    return times
  })
}

/**
 * Each deletion is followed by a snapshot; what deletions leave behind is swept in the same time.
 */
function measureDeletes(map: KeyedMap, data: TrieData, watch: Stopwatch): void {
  let keys: readonly string[] = []
  const remove = () => {
    for (const key of keys) map.delete(key)
    map.settle()
    return keys.length
  }
  const putBack = () => {
    map.putMany(0, data.calls, data.writing)
    map.settle()
    data.renewCalls()
    keys = [...new Set(data.hits)].map(renewed)
  }
  watch.measure("delete + snapshot each", "ns per delete", remove, putBack)
  expectAnswer("entries left", map.size, data.entries - keys.length)
}

/** A program that holds parsed values: it stringifies them each time it sends them. */
function measureObjects({ size, sizeName, seed }: Task): readonly Measurement[] {
  const source = new Entries(seed)
  const objects = new Map<string, { readonly value: unknown; readonly revision: number }>()
  for (let index = 0; index < size; index++) {
    const value = JSON.parse(source.valueTextAt(index))
    objects.set(source.keyAt(index), { value, revision: 1 })
  }
  const encode = () => {
    const writer = new FrameWriter()
    for (const [key, held] of objects) writer.addText(JSON.stringify({ key, ...held }))
    return writer.end()
  }
  const map = nativeMap()
  map.fill(size, { keyAt: (at) => source.keyAt(at), valueAt: (at) => source.valueAt(at) })
  expectAnswer("bytes encoded", encode(), map.encodeAll())
  map.dispose()

  const watch = new Stopwatch(PLANS[sizeName])
  const until = performance.now() + WARM_MS[sizeName]
  do encode()
  while (performance.now() < until)
  watch.measure("encode all", "ns per entry", () => encode().entries)
  return watch.found
}

function sumOf(values: readonly Uint8Array[]): number {
  return values.reduce((sum, value) => sum + value.byteLength, 0)
}
