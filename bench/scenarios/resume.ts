/**
 * Resume: a reader comes back after some changes.
 *
 * Question: what does it cost to send a reader the changes since it left?
 * Unit:     µs for one reader that gets everything: as deltas, and as wire JSON.
 * Control:  `log`, which keeps every change in an array and replays what came after a place.
 * Peers:    `snapshot`, which sends the whole state.
 */
import { createEngine, type Snapshot } from "@headwater/core/engine"
import { do_not_optimize } from "mitata"
import { drawn, Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { type Plan, plans, Stopwatch } from "../stopwatch.ts"
import type { Measurement, SizeName, Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const resume: Scenario = {
  name: "resume",
  question: "What does it cost to tell a reader what changed since it left?",
  control: "log",
  subjects: ["headwater", "log", "snapshot"],
  sizes: { full: [1_000, 100_000, 1_000_000], smoke: [1_000] },
  rounds: { full: 3, smoke: 1 },

  async visit(task: Task): Promise<readonly Measurement[]> {
    const make = makers[task.subject]
    if (make === undefined) throw new Error(`there is no subject ${task.subject}`)
    const entries = new Entries(task.seed)
    check(make, entries)
    const warm = measure(make, entries, WARM_ENTRIES, { samplesMax: 1, budgetMs: 0 })
    for (let round = 0; round < WARM_ROUNDS[task.sizeName]; round++) warm.next()
    warm.return()
    return [...measure(make, entries, task.size, plans[task.sizeName])].at(-1) ?? []
  },
}

const CHANGES = [1, 10, 100, 1_000, 10_000]
const WARM_ENTRIES = 10_000
const WARM_ROUNDS: Readonly<Record<SizeName, number>> = { full: CHANGES.length, smoke: 2 }
const FRAME_BYTES_MAX = 65_536

const utf8 = new TextEncoder()
const text = new TextDecoder()

/** Receives the present value of a key. */
type Tell = (key: string, value: Uint8Array) => void

/** A state that readers are served from. Keys are drawn at random: one may be written twice. */
interface Served {
  write(key: string, value: Uint8Array): void
  /** Ends a batch of writes, and returns the place after it. */
  place(): number
  /** Sends everything that a reader at a place lacks; returns the number of entries sent. */
  deltas(place: number, tell: Tell): number
  /** The same as frames of wire JSON; returns their bytes. */
  wire(place: number, frame?: (bytes: Uint8Array) => void): number
  dispose(): void
}

class Headwater implements Served {
  readonly #engine = createEngine({ bytesMax: 2 ** 32 })
  readonly #trie = this.#engine.trie()
  #snapshot: Snapshot = this.#trie.snapshot()
  #revision = 0

  write(key: string, value: Uint8Array): void {
    this.#trie.put(key, value, ++this.#revision)
  }

  place(): number {
    const snapshot = this.#trie.commit({ reach: this.#revision, complete: true })
    this.#snapshot.dispose()
    this.#snapshot = snapshot
    while (!this.#trie.reclaim(100_000));
    return snapshot.version
  }

  deltas(place: number, tell: Tell): number {
    let told = 0
    for (const delta of this.#snapshot.changesSince(place)) {
      if (delta.op !== "put") continue
      tell(delta.key, delta.value)
      told++
    }
    return told
  }

  wire(place: number, frame?: (bytes: Uint8Array) => void): number {
    const request = { since: place, values: "json", bytesMax: FRAME_BYTES_MAX } as const
    let bytes = 0
    let slice = this.#snapshot.walk(request)
    for (;;) {
      const body = slice.body.slice()
      bytes += body.byteLength
      frame?.(body)
      if (slice.ended) return bytes
      slice = this.#snapshot.walk({ ...request, after: slice.place })
    }
  }

  dispose(): void {
    this.#snapshot.dispose()
    this.#engine.dispose()
  }
}

/** Sends the whole state, whatever the reader holds: the way of a server without history. */
class WholeSnapshot extends Headwater {
  override deltas(_place: number, tell: Tell): number {
    return super.deltas(0, tell)
  }

  override wire(_place: number, frame?: (bytes: Uint8Array) => void): number {
    return super.wire(0, frame)
  }
}

/** Keeps every change that was ever made; a key that changed twice is sent twice. */
class Log implements Served {
  readonly #changes: { key: string; value: Uint8Array; revision: number }[] = []

  write(key: string, value: Uint8Array): void {
    this.#changes.push({ key, value, revision: this.#changes.length + 1 })
  }

  place(): number {
    return this.#changes.length
  }

  deltas(place: number, tell: Tell): number {
    for (let at = place; at < this.#changes.length; at++) {
      const change = this.#changes[at]
      if (change !== undefined) tell(change.key, change.value)
    }
    return this.#changes.length - place
  }

  wire(place: number, frame?: (bytes: Uint8Array) => void): number {
    let bytes = 0
    let frameText = ""
    for (let at = place; at < this.#changes.length; at++) {
      const change = this.#changes[at]
      if (change === undefined) break
      const { key, value, revision } = change
      const json = `{"op":"put","key":${JSON.stringify(key)},"value":${text.decode(value)}`
      frameText += `${frameText === "" ? "" : ","}${json},"revision":${revision}}`
      if (frameText.length < FRAME_BYTES_MAX && at < this.#changes.length - 1) continue
      const body = utf8.encode(frameText)
      bytes += body.byteLength
      frame?.(body)
      frameText = ""
    }
    return bytes
  }

  dispose(): void {
    this.#changes.length = 0
  }
}

const makers: Readonly<Record<string, () => Served>> = {
  headwater: () => new Headwater(),
  log: () => new Log(),
  snapshot: () => new WholeSnapshot(),
}

/** A reader's replica, brought up to date in either way, is the state. */
function check(make: () => Served, entries: Entries): void {
  const served = make()
  const state = new Map<string, string>()
  const write = (index: number, round: number) => {
    served.write(entries.keyAt(index), entries.valueAt(index, round))
    state.set(entries.keyAt(index), entries.valueTextAt(index, round))
  }
  for (let index = 0; index < 500; index++) write(index, 0)
  const place = served.place()
  const replicas = [new Map(state), new Map(state)] as const
  for (const index of drawn(200, 600, entries.seed)) write(index, 1)
  served.place()

  served.deltas(place, (key, value) => replicas[0].set(key, text.decode(value)))
  served.wire(place, (body) => {
    for (const { key, value } of JSON.parse(`[${text.decode(body)}]`)) {
      replicas[1].set(key, JSON.stringify(value))
    }
  })
  for (const replica of replicas) {
    expectAnswer("a replica brought up to date", [...replica].sort(), [...state].sort())
  }
  served.dispose()
}

/** Yields what was measured so far after each number of changes. */
function* measure(
  make: () => Served,
  entries: Entries,
  size: number,
  plan: Plan,
): Generator<readonly Measurement[], void> {
  const served = make()
  const watch = new Stopwatch(plan)
  try {
    for (let index = 0; index < size; index++) {
      served.write(entries.keyAt(index), entries.valueAt(index))
    }
    let place = served.place()
    for (const changes of CHANGES.filter((count) => count <= size)) {
      for (const index of drawn(changes, size, entries.seed + changes)) {
        served.write(entries.keyAt(index), entries.valueAt(index, 1))
      }
      const next = served.place()
      measureOne(served, place, changes.toLocaleString("en-US"), watch)
      place = next
      yield watch.found
    }
  } finally {
    served.dispose()
  }
}

function measureOne(served: Served, place: number, count: string, watch: Stopwatch): void {
  let bytes = 0
  const tell: Tell = (key, value) => {
    bytes += key.length + value.byteLength
  }
  // Short ones are repeated, so that a sample takes longer than the clock is coarse.
  const started = performance.now()
  served.deltas(place, tell)
  const times = Math.ceil(1 / Math.max(performance.now() - started, 0.001))
  // The stopwatch measures ns; a thousandth of a reader takes as many ns as one takes µs.
  const repeat = (once: () => unknown) => () => {
    for (let time = 0; time < times; time++) do_not_optimize(once())
    return times * 1_000
  }
  const deltas = repeat(() => served.deltas(place, tell))
  watch.measure(`deltas after ${count}`, "µs per reader", deltas)
  const wire = repeat(() => served.wire(place))
  watch.measure(`wire JSON after ${count}`, "µs per reader", wire)
  do_not_optimize(bytes)
}
