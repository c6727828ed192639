import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  ALL,
  type Allowed,
  covers,
  cutTo,
  intersection,
  NOTHING,
  requested,
  termsOf,
  union,
} from "../../src/access/allowed.ts"

const terms = (prefixes: string[], keys: string[] = []) => termsOf({ prefixes, keys })

describe("Allowed", () => {
  test("termsOf() drops repetitions and terms that others cover, and sorts", () => {
    expect(terms(["b/", "a/x", "a/", "b/"], ["c", "a/1", "c"])).toEqual({
      type: "terms",
      prefixes: ["a/", "b/"],
      keys: ["c"],
    })
  })

  test("no terms cover nothing, and the empty prefix covers everything", () => {
    expect(terms([])).toEqual(NOTHING)
    expect(terms(["", "a"], ["b"])).toEqual(ALL)
  })

  test("an empty request asks for everything, an empty grant gives nothing", () => {
    expect(requested({ prefixes: [], keys: [] })).toEqual(ALL)
    expect(cutTo(NOTHING, { prefixes: [], keys: [] })).toEqual({
      type: "allowed",
      allowed: NOTHING,
      isCut: true,
    })
  })

  test("cutTo() keeps a term inside the grant and does not name the grant", () => {
    expect(cutTo(terms(["a/"]), { prefixes: ["a/1"], keys: ["a/2"] })).toEqual({
      type: "allowed",
      allowed: { type: "terms", prefixes: ["a/1"], keys: ["a/2"] },
      isCut: false,
    })
  })

  test("cutTo() cuts a term that is wider than the grant", () => {
    expect(cutTo(terms(["a/1/", "a/2/"], ["b"]), { prefixes: ["a/"], keys: [] })).toEqual({
      type: "allowed",
      allowed: { type: "terms", prefixes: ["a/1/", "a/2/"], keys: [] },
      isCut: true,
    })
  })

  test("cutTo() refuses a request of which one term meets nothing granted", () => {
    const grant = terms(["a/"])

    expect(cutTo(grant, { prefixes: ["a/", "b/"], keys: [] })).toEqual({
      type: "refused",
      term: "b/",
    })
    expect(cutTo(grant, { prefixes: [], keys: ["b"] })).toEqual({ type: "refused", term: "b" })
  })

  test("union and intersection cover exactly the keys that either and both cover", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 4 })
    const lists = fc.array(text, { maxLength: 5, size: "max" })
    const some = fc.record({ prefixes: lists, keys: lists }).map(termsOf)
    const allowed: fc.Arbitrary<Allowed> = fc.oneof(
      { weight: 8, arbitrary: some },
      fc.constantFrom(ALL, NOTHING),
    )
    fc.assert(
      fc.property(allowed, allowed, text, (a, b, key) => {
        expect(covers(union(a, b), key)).toBe(covers(a, key) || covers(b, key))
        expect(covers(intersection(a, b), key)).toBe(covers(a, key) && covers(b, key))
        expect(union(a, b)).toEqual(union(b, a))
        expect(intersection(a, b)).toEqual(intersection(b, a))
      }),
      { numRuns: 1_000 },
    )
  })

  test("what a request is cut to covers exactly the keys that it asks for and is granted", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 })
    const lists = fc.array(text, { maxLength: 4, size: "max" })
    const filter = fc.record({ prefixes: lists, keys: lists })
    fc.assert(
      fc.property(filter, filter, text, (granted, request, key) => {
        const grant = termsOf(granted)
        const cut = cutTo(grant, request)
        if (cut.type === "refused") return
        const isWanted = covers(requested(request), key)
        expect(covers(cut.allowed, key)).toBe(isWanted && covers(grant, key))
        if (!cut.isCut) expect(covers(cut.allowed, key)).toBe(isWanted)
      }),
      { numRuns: 1_000 },
    )
  })
})
