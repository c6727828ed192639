import { describe, expect, test } from "vitest"
import { keepsOf, lagsTooFar, type Unread } from "../src/policy.ts"

const unread = (part: Partial<Unread>): Unread => ({
  items: 0,
  bytes: 0,
  behindMs: 0,
  servedMs: 0,
  ...part,
})

describe("policies", () => {
  test("conflate keeps what its owner's bounds allow, and no more", () => {
    const keeps = keepsOf({ type: "conflate" }, { itemsMax: 2, bytesMax: 10 })

    expect([
      keeps(unread({ items: 2, bytes: 10 })),
      keeps(unread({ items: 3 })),
      keeps(unread({ bytes: 11 })),
      keeps(unread({ behindMs: 1e9, servedMs: 1e9 })),
    ]).toEqual([true, false, false, true])
  })

  test("pin keeps what it asked for, whatever its owner's bounds are", () => {
    const keeps = keepsOf({ type: "pin", itemsMax: 5, bytesMax: 50 }, { itemsMax: 1, bytesMax: 1 })

    expect([
      keeps(unread({ items: 5, bytes: 50 })),
      keeps(unread({ items: 6 })),
      keeps(unread({ bytes: 51 })),
    ]).toEqual([true, false, false])
  })

  test("disconnect needs both the lag and the grace to be exceeded", () => {
    const policy = { type: "disconnect", lagMs: 300, graceMs: 100 } as const

    expect([
      lagsTooFar(policy, { behindMs: 301, servedMs: 101 }),
      lagsTooFar(policy, { behindMs: 300, servedMs: 101 }),
      lagsTooFar(policy, { behindMs: 301, servedMs: 100 }),
    ]).toEqual([true, false, false])
    expect(keepsOf(policy)(unread({ items: 1e6, behindMs: 301, servedMs: 101 }))).toBe(false)
    expect(keepsOf(policy)(unread({ items: 1e6, behindMs: 300, servedMs: 101 }))).toBe(true)
  })
})
