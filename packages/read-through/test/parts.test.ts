import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Expiring, ExpiryHeap } from "../src/expiry-heap.ts"
import { isSameValue } from "../src/same-value.ts"
import { giveBack, rateLimitOf, take } from "../src/token-bucket.ts"

describe("ExpiryHeap", () => {
  test("CC-B32: is in order whatever is added, put off and removed, and puts off only", () => {
    const seed = Number(process.env.HEADWATER_SEED ?? Date.now() % 1e9)
    console.log(`the expiry heap: seed ${seed}`)
    const op = fc.record({
      what: fc.constantFrom("add", "add", "extend", "remove", "pop"),
      at: fc.nat({ max: 50 }),
      pick: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(op, { maxLength: 100, size: "max" }), (ops) => {
        const heap = new ExpiryHeap<number>()
        const model = new Map<Expiring<number>, number>()
        let added = 0
        for (const { what, at, pick } of ops) {
          const handle = [...model.keys()][pick % (model.size || 1)]
          if (what === "add") model.set(heap.add(added++, at), at)
          else if (handle && what === "extend") {
            heap.extend(handle, at)
            model.set(handle, Math.max(at, model.get(handle)!))
          } else {
            const removed = what === "pop" ? heap.first : handle
            if (removed) heap.remove(removed)
            if (removed) heap.remove(removed)
            if (removed) model.delete(removed)
          }
          expect(heap.size).toBe(model.size)
          expect(heap.first?.at).toBe(model.size > 0 ? Math.min(...model.values()) : undefined)
        }
      }),
      { seed, numRuns: 200 },
    )
  })
})

describe("a token bucket", () => {
  test("CC-B19: gives a burst, then new tokens, in the order of the calls", () => {
    const limit = { perSecond: 2, burst: 3 }
    let bucket = { tokens: 3, at: 0 }
    const delays = [0, 0, 0, 0, 0, 1_000, 10_000].map((now) => {
      const taken = take(bucket, limit, now)
      bucket = taken.bucket
      return taken.delayMs
    })
    expect(delays).toEqual([0, 0, 0, 500, 1_000, 500, 0])

    expect(giveBack({ tokens: -1, at: 5 }, limit)).toEqual({ tokens: 0, at: 5 })
    expect(giveBack({ tokens: 3, at: 5 }, limit)).toEqual({ tokens: 3, at: 5 })
  })

  test("CC-B34: zero, or nothing, means no limit, and a burst of 2", () => {
    const unlimited = { perSecond: Number.POSITIVE_INFINITY, burst: 2 }
    expect([rateLimitOf(), rateLimitOf({ perSecond: 0, burst: 0 })]).toEqual([unlimited, unlimited])

    expect(take({ tokens: 0, at: 0 }, unlimited, 0).delayMs).toBe(0)
  })
})

describe("isSameValue()", () => {
  const same: readonly (readonly [unknown, unknown])[] = [
    [Number.NaN, Number.NaN],
    [{ a: [1, { b: null }] }, { a: [1, { b: null }] }],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [new Date(5), new Date(5)],
    [new Map([["a", [1]]]), new Map([["a", [1]]])],
    [new Set([1, 2]), new Set([2, 1])],
  ]
  const others: readonly (readonly [unknown, unknown])[] = [
    [{ a: undefined }, {}],
    [{ a: 1 }, { b: 1 }],
    [[1], { 0: 1 }],
    [Uint8Array.of(1), Uint8Array.of(2)],
    [new Map([["a", 1]]), new Map([["b", 1]])],
    [new Set([1]), new Set([2])],
    [new (class A {})(), new (class B {})()],
    [null, {}],
  ]

  test.each(same)("CC-B42: %j is %j", (a, b) => {
    expect([isSameValue(a, b), isSameValue(b, a)]).toEqual([true, true])
  })

  test.each(others)("CC-B42: %j is not %j", (a, b) => {
    expect([isSameValue(a, b), isSameValue(b, a)]).toEqual([false, false])
  })
})
