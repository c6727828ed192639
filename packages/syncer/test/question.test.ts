import { SourceError } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
import { type Held, IDLE } from "../src/merge/sync-state.ts"
import { question } from "../src/reading.ts"
import { memorySource } from "../src/sources/memory/index.ts"
import { never } from "./harness.ts"

const random = () => 0.5

/** Asks a source that gives these names and revisions, one after the other. */
function ask(held: Partial<Held>, names: string[], revisions: number[]) {
  const source = memorySource()
  source.identity = async () => names.shift()!
  source.revision = async () => revisions.shift()!
  const clock = new ManualClock()
  const answer = question(
    { source, clock, random, askMs: 1_000, held: () => ({ ...IDLE.held, ...held }) },
    never,
  )
  return { answer, names }
}

test("question() asks for the identity before and after the revision", async () => {
  const { answer, names } = ask({ observed: 5 }, ["A", "A", "unasked"], [7])

  expect(await answer).toMatchObject({ identity: "A", revision: 7, floor: 5 })
  expect(names).toEqual(["unasked"])
})

// Simulator, seed 4013085: else B's revision is taken for A's, which then seems to go back.
test("question() of a source replaced by one that is further is refused as well", async () => {
  const { answer } = ask({ sourceEpoch: { identity: "A" }, observed: 1 }, ["A", "B"], [3])

  await expect(answer).rejects.toThrow(SourceError)
})

// Simulator, seed 426325826: else B's revision looks like A's history that went back.
test("question() of a source that is replaced between the answers is refused", async () => {
  const { answer } = ask({ sourceEpoch: { identity: "A" }, observed: 46 }, ["A", "B"], [3])

  await expect(answer).rejects.toThrow(SourceError)
})

test("question() throws a SourceError when the source is silent, and leaves no timer", async () => {
  const source = memorySource()
  source.revision = (signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  const clock = new ManualClock()
  const context = { source, clock, random, askMs: 1_000, held: () => IDLE.held }
  const answer = question(context, never)
  answer.catch(() => {})
  await clock.advance(1_000)

  await expect(answer).rejects.toThrow("memory: did not answer within 1000 ms")
  expect(clock.timers).toBe(0)
})
