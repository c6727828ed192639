import { describe, expect, test } from "vitest"
import { drawn, Entries, KEY_BYTES, VALUE_BYTES } from "../entries.ts"

describe("Entries", () => {
  const entries = new Entries(42)
  const indexes = [0, 1, 99, 100_000, 999_999]

  test("keys and values have the bytes that the benchmarks name", () => {
    const bytes = (text: string) => new TextEncoder().encode(text).byteLength

    expect(indexes.map((index) => bytes(entries.keyAt(index)))).toEqual(
      indexes.map(() => KEY_BYTES),
    )
    expect(indexes.map((index) => entries.valueAt(index, 99_999).byteLength)).toEqual(
      indexes.map(() => VALUE_BYTES),
    )
  })

  test("values are JSON as JSON.stringify() spells it", () => {
    const texts = indexes.map((index) => entries.valueTextAt(index, index))
    expect(texts.map((text) => JSON.stringify(JSON.parse(text)))).toEqual(texts)
  })

  test("keys differ, values differ by round, and the seed decides both", () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => entries.keyAt(index))

    expect(new Set(keys).size).toBe(5_000)
    expect(keys.includes(entries.missAt(7))).toBe(false)
    expect(entries.valueTextAt(7, 1)).not.toBe(entries.valueTextAt(7, 2))
    expect(new Entries(42).keyAt(7)).toBe(entries.keyAt(7))
    expect(new Entries(43).keyAt(7)).not.toBe(entries.keyAt(7))
  })

  test("drawn() is the same for the same seed, and below its bound", () => {
    expect(drawn(100, 7, 42)).toEqual(drawn(100, 7, 42))
    expect(Math.max(...drawn(1_000, 7, 42))).toBe(6)
  })
})
