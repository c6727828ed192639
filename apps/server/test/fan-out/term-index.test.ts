import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { TermIndex } from "../../src/fan-out/term-index.ts"

const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "é", "😀"), maxLength: 6 })
const terms = fc.record({
  prefixes: fc.array(text, { maxLength: 4 }),
  keys: fc.array(text, { maxLength: 2 }),
})

describe("TermIndex", () => {
  test("finds what comparing with every term finds, after any additions and removals", () => {
    const steps = fc.array(fc.tuple(fc.nat(5), fc.option(terms)), { maxLength: 30 })
    fc.assert(
      fc.property(steps, fc.array(text, { maxLength: 10 }), (steps, keys) => {
        const index = new TermIndex<number>()
        const model = new Map<number, { prefixes: string[]; keys: string[] }>()
        for (const [owner, added] of steps) {
          const before = model.get(owner)
          if (before !== undefined) index.remove(owner, before)
          model.delete(owner)
          if (added === null) continue
          index.add(owner, added)
          model.set(owner, added)
        }
        for (const key of keys) {
          const found = new Set<number>()
          index.findInto(key, found)
          const expected = [...model].filter(
            ([, { prefixes, keys }]) =>
              prefixes.some((prefix) => key.startsWith(prefix)) || keys.includes(key),
          )
          expect([...found].sort()).toEqual(expected.map(([owner]) => owner).sort())
        }
        for (const [owner, added] of model) index.remove(owner, added)
        expect(index.size).toBe(0)
      }),
      { numRuns: 500 },
    )
  })
})
