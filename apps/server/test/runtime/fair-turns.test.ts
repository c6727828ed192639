import { expect, test } from "vitest"
import { FairTurns } from "../../src/runtime/fair-turns.ts"

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test("requests begin a few in a turn, and a busy connection waits for others", async () => {
  const turns = new FairTurns()
  const begun: string[] = []
  const busy = {}
  const other = {}
  for (let n = 0; n < 20; n++) turns.run(busy, () => begun.push(`busy ${n}`))
  turns.run(other, () => begun.push("other"))
  expect(begun.length).toBe(8)
  await turn()
  expect(begun.slice(8, 10)).toEqual(["busy 8", "other"])
  while (begun.length < 21) await turn()
  expect(begun.filter((name) => name.startsWith("busy"))).toEqual(
    Array.from({ length: 20 }, (_, n) => `busy ${n}`),
  )

  turns.run(busy, () => begun.push("at once"))
  expect(begun.at(-1)).toBe("at once")
})

test("a deferred request begins in a later turn, even when nothing else waits", async () => {
  const turns = new FairTurns()
  let hasBegun = false
  turns.defer({}, () => {
    hasBegun = true
  })
  expect(hasBegun).toBe(false)
  await turn()
  expect(hasBegun).toBe(true)
})
