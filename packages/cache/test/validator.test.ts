import type { Entry } from "@headwater/core"
import { beforeEach, describe, expect, test } from "vitest"
import { InvalidKeys, identityOf } from "../src/invalid-keys.ts"
import { Validator } from "../src/validator.ts"

const good = new Uint8Array([1])
const bad = new Uint8Array([0])
const validate = (_key: string, value: Uint8Array) => (value[0] === 0 ? "zero" : undefined)
const entry = (key: string, value: Uint8Array, revision = 1): Entry => ({ key, value, revision })

describe("Validator", () => {
  let validator: Validator

  beforeEach(() => {
    validator = new Validator(validate, { invalidKeysMax: 3, valueBytesMax: 4 })
  })

  const isPresent = () => false
  const isAbsent = () => true
  const admit = (
    key: string,
    value: Uint8Array | undefined,
    revision: number,
    isGone = isPresent,
  ) => {
    const update = value === undefined ? { key, revision } : { key, revision, value }
    const admitted = validator.admit([update], isGone)
    validator.settle()
    return admitted
  }

  test("an invalid value is a delete, counted and named, until the key is valid or gone", () => {
    expect(admit("a", good, 1)).toEqual([{ op: "put", key: "a", value: good, revision: 1 }])
    expect(admit("a", bad, 2)).toEqual([{ op: "delete", key: "a", revision: 2 }])
    expect(validator.count).toBe(1)
    expect(validator.sample).toEqual([{ key: "a", reason: "zero" }])

    expect(admit("a", good, 3)).toEqual([{ op: "put", key: "a", value: good, revision: 3 }])
    expect(validator.count).toBe(0)
    admit("a", bad, 4)
    expect(admit("a", undefined, 5)).toEqual([{ op: "delete", key: "a", revision: 5 }])
    expect(validator.count).toBe(0)
  })

  test("a key that is absent already leaves no other tombstone, unless it is deleted", () => {
    expect(admit("a", bad, 1, isAbsent)).toEqual([])
    expect(admit("a", undefined, 2, isAbsent)).toEqual([{ op: "delete", key: "a", revision: 2 }])
  })

  test("a put that the same chunk makes invalid is put and deleted: it leaves its trace", () => {
    const updates = [
      { key: "a", revision: 1, value: good },
      { key: "a", revision: 2, value: bad },
      { key: "a", revision: 3, value: bad },
    ]

    expect(validator.admit(updates, isAbsent)).toEqual([
      { op: "put", key: "a", value: good, revision: 1 },
      { op: "delete", key: "a", revision: 2 },
    ])
  })

  test("what the trie did not take does not count", () => {
    validator.admit([{ key: "a", revision: 1, value: bad }], isPresent)
    validator.forget()

    expect(validator.count).toBe(0)
    expect(admit("a", bad, 1)).toEqual([{ op: "delete", key: "a", revision: 1 }])
  })

  test("keys and values out of bounds are invalid, never errors", () => {
    const keys = ["", "x".repeat(4_097), "ü".repeat(2_049), "\ud800"]
    for (const key of keys) expect(admit(key, good, 1)).toEqual([])
    expect(admit("ü".repeat(2_048), good, 1)).toHaveLength(1)
    expect(admit("long", new Uint8Array(5), 1)).toEqual([
      { op: "delete", key: "long", revision: 1 },
    ])
    expect(validator.count).toBe(5)
  })

  test("a key that is not text deletes no other key", () => {
    const told = validator.admit(
      [
        { key: "a\ufffd", revision: 1, invalid: "not UTF-8" },
        { key: "b", revision: 1, invalid: "not JSON" },
        { key: "c\ufffd", revision: 1 },
        { key: "d\ufffd", revision: 1, invalid: "not JSON", isNamed: true },
      ],
      isPresent,
    )

    expect(told).toEqual([
      { op: "delete", key: "b", revision: 1 },
      { op: "delete", key: "c\ufffd", revision: 1 },
      { op: "delete", key: "d\ufffd", revision: 1 },
    ])
    validator.settle()
    expect(validator.count).toBe(3)
  })

  test("a list replaces what was known, when it is whole", () => {
    admit("a", bad, 1)
    validator.beginList()
    const entries = [entry("b", bad), entry("c", good)]
    expect(validator.admitListed(entries, [{ key: "d", reason: "?" }])).toEqual([entries[1]])
    expect(validator.sample).toEqual([{ key: "a", reason: "zero" }])

    validator.endList()
    expect(validator.sample).toEqual([
      { key: "d", reason: "?" },
      { key: "b", reason: "zero" },
    ])
  })

  test("what commits tell beside a list is newer than what the list says", () => {
    validator.beginList()
    admit("a", good, 9)
    admit("b", bad, 9)
    validator.admitListed([entry("a", bad), entry("b", good)], [])
    validator.endList()

    expect(validator.sample).toEqual([{ key: "b", reason: "zero" }])
  })

  test("a raw key that is invalid is counted off when it is deleted", () => {
    const [key, reason] = ["a\ufffd", "not UTF-8"]
    const raw = ["Yf8=", "Yf4="].map((id) => ({ key, revision: 1, invalid: reason, id }))
    expect(validator.admit(raw, isPresent)).toEqual([])
    validator.settle()
    expect(validator.count).toBe(2)

    expect(validator.admit([{ key: "", revision: 2, id: "Yf8=" }], isPresent)).toEqual([])
    validator.settle()
    expect(validator.all).toEqual([{ key, reason, id: "Yf4=" }])
  })

  test("a value in another view is taken by its bytes, and what has none is refused", () => {
    const words = new Uint16Array([0x0201]) as unknown as Uint8Array
    const text = "text" as unknown as Uint8Array
    const refused = expect.objectContaining({ name: "ValueError" })

    expect(validator.admitListed([entry("a", words)], [])).toEqual([
      entry("a", new Uint8Array([1, 2])),
    ])
    expect(() => validator.admitListed([entry("a", text)], [])).toThrow(refused)
    expect(() => validator.admit([{ key: "a", revision: 1, value: text }], isAbsent)).toThrow(
      refused,
    )
  })

  test("an abandoned list changes nothing", () => {
    admit("a", bad, 1)
    validator.beginList()
    validator.admitListed([entry("b", bad)], [])
    validator.abortList()

    expect(validator.sample).toEqual([{ key: "a", reason: "zero" }])
  })
})

describe("InvalidKeys", () => {
  const add = (keys: InvalidKeys, key: string, reason = "?", id?: string) =>
    keys.add({ key, reason, ...(id !== undefined && { id }) })
  const clear = (keys: InvalidKeys, key: string) => keys.clear(identityOf({ key }))

  test("beyond its bound it counts distinct keys, on and off, without their reasons", () => {
    const keys = new InvalidKeys(2)
    for (const key of ["a", "b", "c", "c", "d"]) add(keys, key)
    add(keys, "a", "!")
    expect(keys.count).toBe(4)

    clear(keys, "c")
    clear(keys, "c")
    expect(keys.count).toBe(3)
    clear(keys, "b")
    add(keys, "d")
    expect(keys.count).toBe(2)
    expect(keys.sample(10)).toEqual([
      { key: "a", reason: "!" },
      { key: "d", reason: "?" },
    ])
  })

  test("raw keys that are the same as text are counted as two", () => {
    const keys = new InvalidKeys(9)
    add(keys, "a\ufffd", "not UTF-8", "Yf8=")
    add(keys, "a\ufffd", "not UTF-8", "Yf4=")
    add(keys, "a\ufffd", "zero")
    expect(keys.count).toBe(3)

    keys.clear(identityOf({ key: "", id: "Yf8=" }))
    expect(keys.count).toBe(2)
  })

  test("long keys that begin alike are counted apart", () => {
    const keys = new InvalidKeys(9)
    for (const end of ["a", "b"]) add(keys, "x".repeat(9_000) + end)
    expect(keys.count).toBe(2)

    const restored = new InvalidKeys(9)
    for (const entry of keys.entries) restored.add(entry)
    clear(restored, `${"x".repeat(9_000)}a`)
    expect(restored.count).toBe(1)
  })
})
