import { drawn, Entries } from "../entries.ts"
import { expectAnswer } from "../wrong-answer.ts"
import { type KeyedMap, STATES_KEPT } from "./keyed-map.ts"
import type { MakeMap } from "./keyed-maps.ts"

const ENTRIES = 300
const text = new TextDecoder()

/**
 * Has a subject do every operation on few entries, beside a model, and compares whole states.
 *
 * @returns what it still holds in the end, when all is deleted and let go of: 0, or a leak.
 * @throws {WrongAnswerError}
 */
export function checkAnswers(make: MakeMap, seed: number): number {
  const entries = new Entries(seed)
  const map = make()
  const model = new Map<string, string>()
  const feed = (round: number) => ({
    keyAt: (index: number) => entries.keyAt(index),
    valueAt: (index: number) => entries.valueAt(index, round),
  })
  const note = (from: number, to: number, round: number) => {
    for (let index = from; index < to; index++) {
      model.set(entries.keyAt(index), entries.valueTextAt(index, round))
    }
  }

  map.fill(ENTRIES, feed(0))
  note(0, ENTRIES, 0)
  expectState("filled", map, model)
  expectAnswer("a key that is absent", map.get(entries.missAt(1)) ?? null, null)

  map.putMany(100, 350, feed(1))
  note(100, 350, 1)
  expectState("overwritten", map, model)

  checkStates(map, entries, model, seed)
  checkChanges(map, entries, model)
  map.takeSnapshot()
  expectState("in the end", map, model)

  for (const key of model.keys()) map.delete(key)
  expectState("deleted", map, new Map())
  map.forgetStates()
  map.settle()
  const bytes = map.liveBytes?.() ?? 0
  map.dispose()
  return bytes
}

/** Single writes, each followed by a snapshot: the tenth before stays as it was. */
function checkStates(
  map: KeyedMap,
  entries: Entries,
  model: Map<string, string>,
  seed: number,
): void {
  const key = entries.keyAt(7)
  drawn(50, 1_000, seed).forEach((_, index) => {
    const round = 2 + index
    model.set(key, entries.valueTextAt(7, round))
    map.put(key, entries.valueAt(7, round))
    if (map.getOldest === undefined || index < STATES_KEPT) return
    const oldest = map.getOldest(key)
    const expected = entries.valueTextAt(7, round - STATES_KEPT)
    expectAnswer("ten writes ago", oldest && text.decode(oldest), expected)
  })
  map.delete(key)
  model.delete(key)
  map.settle()
  expectState("written one by one", map, model)
}

function checkChanges(map: KeyedMap, entries: Entries, model: Map<string, string>): void {
  const mark = map.mark?.()
  for (const index of [3, 4, 5, 3, 4]) {
    map.put(entries.keyAt(index), entries.valueAt(index, 99))
    model.set(entries.keyAt(index), entries.valueTextAt(index, 99))
  }
  map.put(entries.keyAt(999), entries.valueAt(999))
  model.set(entries.keyAt(999), entries.valueTextAt(999))
  map.delete(entries.keyAt(6))
  model.delete(entries.keyAt(6))
  if (map.changesSince !== undefined) expectAnswer("changes", map.changesSince(mark), 5)
}

function expectState(when: string, map: KeyedMap, model: ReadonlyMap<string, string>): void {
  expectAnswer(`${when}: size`, map.size, model.size)
  for (const [key, expected] of model) {
    const value = map.get(key)
    expectAnswer(`${when}: ${key}`, value && text.decode(value), expected)
  }
  const bytes = [...model].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  expectAnswer(`${when}: readAll`, map.readAll(), { entries: model.size, bytes })
  const encoded = map.encodeAll()
  expectAnswer(`${when}: encodeAll`, encoded.entries, model.size)
  // Revisions differ in their digits alone: a byte or two for each.
  const least = bytes + model.size * 31
  if (encoded.bytes < least || encoded.bytes > least + model.size * 4) {
    expectAnswer(`${when}: bytes encoded`, encoded.bytes, least)
  }
}
