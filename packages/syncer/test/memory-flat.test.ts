import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { Change } from "@headwater/core"
import { integerBelow, ManualClock, prng } from "@headwater/testing"
import { expect, test } from "vitest"
import { memorySource } from "../src/sources/memory/index.ts"
import { contentOf, contentOfCache, del, Hub, put, write } from "./harness.ts"

const full = process.env.HEADWATER_FULL === "1"
const CHANGES = full ? 2_000_000 : 20_000
const KEYS = 1_000
const COMMIT_CHANGES = 20
const MEASURES = 10

/** Memory of the engine, and on Node, where a test can collect garbage, of the heap beside it. */
function measure(hub: Hub) {
  const { bytesReserved, tombstones } = hub.cache.current!.epochState.engine.stats()
  return { bytesReserved, tombstones, heapBytes: heapBytes() }
}

function heapBytes(): number {
  if ("Bun" in globalThis || "Deno" in globalThis) return 0
  setFlagsFromString("--expose-gc")
  runInNewContext("gc")()
  return process.memoryUsage().heapUsed
}

test(`U33: memory is flat over ${CHANGES} changes that pass through`, async () => {
  const random = prng(1)
  const clock = new ManualClock()
  const memory = memorySource({ history: 1_000 })
  const hub = new Hub(memory, clock, { limits: { queueEventsMax: 8 } })
  await clock.settle()
  const measures: ReturnType<typeof measure>[] = []
  const commits = CHANGES / COMMIT_CHANGES
  for (let commit = 1; commit <= commits; commit++) {
    const changes = new Map<string, Change>()
    for (let count = 0; count < COMMIT_CHANGES; count++) {
      const key = `key/${integerBelow(random, KEYS)}`
      const value = "x".repeat(1 + integerBelow(random, 200))
      changes.set(key, random() < 0.3 ? del(key) : put(key, value))
    }
    await write(memory, ...changes.values())
    // A second for each ten: what is kept for returning readers is bounded by age.
    if (commit % 10 === 0) await clock.advance(1_000)
    if (commit % (commits / MEASURES) === 0) measures.push(measure(hub))
  }
  await clock.advance(10_000)

  expect(contentOfCache(hub.cache)).toEqual(await contentOf(memory))
  console.log(JSON.stringify({ first: measures[1], last: measures.at(-1) }))
  const [first, last] = [measures[full ? 1 : 4]!, measures.at(-1)!]
  expect(last.bytesReserved).toBeLessThanOrEqual(first.bytesReserved * 1.5)
  expect(last.heapBytes).toBeLessThanOrEqual(first.heapBytes + (8 << 20))
  await hub.stop()
  expect([memory.open, clock.timers]).toEqual([0, 0])
}, 1_800_000)
