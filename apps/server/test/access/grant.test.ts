import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { canonicalGrants, type TopicGrants, unionOn } from "../../src/access/grant.ts"

describe("canonicalGrants()", () => {
  test.each<[string, TopicGrants[], TopicGrants[]]>([
    ["a term that another covers", [{ a: { read: ["x", "xy"] } }], [{ a: { read: ["x"] } }]],
    [
      "a name that a pattern grants as much",
      [{ "*": { read: true }, a: { read: true } }],
      [{ "*": { read: true } }],
    ],
    ["a name without a grant", [{ a: {}, b: { read: [] } }], [{}]],
    [
      "two maps that one holds",
      [{ a: { read: ["x"] } }, { a: { read: ["y"] } }],
      [{ a: { read: ["y", "x"] } }],
    ],
    [
      "a map within a wider one",
      [{ "*": { read: true } }, { b: { read: ["x"] } }],
      [{ "*": { read: true } }],
    ],
  ])("is the same for %s", (_, a, b) => {
    expect(canonicalGrants(a)).toBe(canonicalGrants(b))
  })

  test("a name that takes something out of a pattern counts", () => {
    expect(canonicalGrants([{ "*": { read: true }, a: {} }])).not.toBe(
      canonicalGrants([{ "*": { read: true } }]),
    )
  })

  test("is the same exactly when every topic has the same grant", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 2 })
    const pattern = fc.oneof(
      name,
      name.map((text) => `${text}*`),
      fc.constant("*"),
    )
    const grant = fc.constantFrom({}, { read: true as const }, { read: ["x"] }, { write: ["x"] })
    const maps = fc.array(fc.dictionary(pattern, grant, { maxKeys: 3 }), { maxLength: 2 })
    // One letter more than a pattern has: what only a pattern matches is among them.
    const topics = ["a", "b", "c"].flatMap((x) => [
      x,
      `${x}a`,
      `${x}b`,
      `${x}c`,
      `${x}ac`,
      `${x}bc`,
    ])
    const all = (of: readonly TopicGrants[]) => JSON.stringify(topics.map((t) => unionOn(of, t)))
    fc.assert(
      fc.property(maps, maps, (a, b) => {
        expect(canonicalGrants(a) === canonicalGrants(b)).toBe(all(a) === all(b))
      }),
      { numRuns: 1_000 },
    )
  })
})
