import { integerBelow, prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { type StoredValue, ValueStore } from "../src/sources/memory/value-store.ts"

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte)

describe("ValueStore", () => {
  test("gives back what was put in, whatever is overwritten meanwhile", () => {
    const random = prng(7)
    const store = new ValueStore()
    const held = new Map<number, { readonly stored: StoredValue; readonly value: Uint8Array }>()
    for (let turn = 0; turn < 20_000; turn++) {
      const key = integerBelow(random, 200)
      const before = held.get(key)
      if (before !== undefined) store.remove(before.stored)
      const value = filled(integerBelow(random, 20) ** 3 * 3, turn & 255)
      held.set(key, { stored: store.add(value), value })
    }

    for (const { stored, value } of held.values()) {
      expect(String(store.read(stored)) === String(value)).toBe(true)
    }
  })

  test("takes no more for values that are overwritten all the time", () => {
    const store = new ValueStore()
    let held = Array.from({ length: 1_000 }, () => store.add(filled(190, 1)))
    const { slabBytes } = store
    for (let round = 0; round < 50; round++) {
      for (const value of held) store.remove(value)
      held = held.map(() => store.add(filled(190, round)))
    }

    expect(store.slabBytes).toBe(slabBytes)
    expect(slabBytes).toBeLessThan(1_000 * 190 * 1.25 + 65_536)
  })

  test("moves nothing that a list still reads", () => {
    const store = new ValueStore()
    const old = store.add(filled(100, 1))
    store.pin()
    store.pin()
    store.remove(old)
    store.unpin()
    const fresh = store.add(filled(100, 2))
    const read = store.read(old)
    store.unpin()

    expect(read).toEqual(filled(100, 1))
    expect(store.read(fresh)).toEqual(filled(100, 2))
    expect(store.add(filled(100, 3)).at).toBe(old.at)
  })
})
