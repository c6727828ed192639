import type { Delta } from "@headwater/core"
import { createEngine } from "@headwater/core/engine"
import { keepsOf } from "@headwater/stream"
import { ManualClock, seedFrom } from "@headwater/testing"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { crumbOf, Trail } from "../../src/follow/trail.ts"

const pin = (itemsMax: number) => keepsOf({ type: "pin", itemsMax, bytesMax: 1_000_000 })

describe("Trail", () => {
  const engine = createEngine({ bytesMax: 8 * 2 ** 20 })
  let trail: Trail

  beforeEach(() => {
    trail = new Trail(engine, new ManualClock())
  })

  afterEach(() => {
    trail.close()
    expect(engine.liveBytes()).toBe(0)
  })

  test("what goes in comes out, whatever it is (model)", () => {
    const revision = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    const key = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    const delta: fc.Arbitrary<Delta> = fc.oneof(
      fc.record({ op: fc.constant("put" as const), key, value: fc.uint8Array(), revision }),
      fc.record({ op: fc.constant("delete" as const), key, revision }),
      fc.record({ op: fc.constant("touch" as const), key, revision }),
    )
    const cursor = trail.follow(pin(10))
    fc.assert(
      fc.property(fc.array(delta), revision, (deltas, reach) => {
        trail.append({ version: 7, reach, deltas })
        const item = cursor.advance()

        expect(item && crumbOf(item)).toEqual({ version: 7, reach, deltas })
      }),
      { seed: seedFrom(process.env.HEADWATER_SEED) },
    )
  })

  test("a key that begins with U+FEFF keeps it", () => {
    const deltas = [{ op: "delete", key: "\uFEFFkey", revision: 1 }] as const
    const cursor = trail.follow(pin(10))
    trail.append({ version: 1, reach: 1, deltas })
    const item = cursor.advance()

    expect(item && crumbOf(item).deltas).toEqual(deltas)
  })

  test("without a follower, nothing is kept", () => {
    expect(trail.followed).toBe(false)
    trail.append({ version: 1, reach: 1, deltas: [] })
    expect(engine.stats().items).toBe(0)

    const cursor = trail.follow(pin(10))
    expect(trail.followed).toBe(true)
    trail.append({ version: 2, reach: 2, deltas: [] })
    cursor.close()
    expect(trail.followed).toBe(false)
    expect(engine.stats().items).toBe(1)
  })

  test("each follower's bound is its own", () => {
    const slow = trail.follow(pin(2))
    const slower = trail.follow(pin(3))
    for (let version = 1; version <= 3; version++) trail.append({ version, reach: 1, deltas: [] })

    expect(slow.over?.message).toMatch("lagged by 3 items")
    expect(slower.advance()?.version).toBe(1)
  })

  test("full memory lets all followers go, and the next one starts anew", () => {
    const slow = trail.follow(keepsOf({ type: "conflate" }))
    const value = new Uint8Array(500_000)
    const put: Delta = { op: "put", key: "a", value, revision: 1 }
    for (let version = 1; version <= 20; version++) {
      trail.append({ version, reach: version, deltas: [put] })
    }

    expect(slow.over).toBeDefined()
    const cursor = trail.follow(pin(10))
    trail.append({ version: 21, reach: 21, deltas: [put] })
    expect(cursor.advance()?.version).toBe(21)
  })
})
