import { decodeBase64, encodeBase64 } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { KeySpace } from "../src/sources/etcd/key-space.ts"

const bytes = (...list: number[]) => encodeBase64(Uint8Array.from(list))
const utf8 = (value: string) => new TextEncoder().encode(value)
const text = (value: string) => encodeBase64(utf8(value))

describe("KeySpace", () => {
  test("its range is everything that begins with the prefix", () => {
    expect(new KeySpace("/a/").rangeStart).toBe(text("/a/"))
    expect(new KeySpace("/a/").rangeEnd).toBe(text("/a0"))
    expect(new KeySpace("a\u00ff").rangeEnd).toBe(bytes(0x61, 0xc3, 0xc0))
  })

  test("without a prefix it is all there is", () => {
    const all = new KeySpace("")

    expect([all.rangeStart, all.rangeEnd]).toEqual([bytes(0), bytes(0)])
    expect(all.see(utf8("/a"))).toEqual({ type: "key", key: "/a" })
  })

  test("see() and name() are each other's inverse", () => {
    const space = new KeySpace("/ä/")
    for (const key of ["a", "a/b", "\u0000", "\ufeffa", "🜁", "x".repeat(4_096)]) {
      expect(space.see(decodeBase64(space.name(key)))).toEqual({ type: "key", key })
    }
  })

  test("after() is the next key that there can be", () => {
    expect(new KeySpace("/a/").after(utf8("/a/x"))).toBe(bytes(0x2f, 0x61, 0x2f, 0x78, 0))
  })

  test("shows what is not a key as far as it is text", () => {
    const space = new KeySpace("a")

    expect(space.see(Uint8Array.of(0x61, 0x62, 0xff))).toEqual({
      type: "invalid",
      key: "b\ufffd",
      id: "Yv8=",
      reason: "not UTF-8",
    })
    expect(space.see(utf8("a"))).toMatchObject({ type: "invalid", key: "" })
    expect(space.see(utf8(`a${"x".repeat(4_097)}`))).toMatchObject({ key: "x".repeat(200) })
  })

  test("hides Headwater's own keys, and writes none", () => {
    const all = new KeySpace("")

    expect(all.see(utf8("/headwater/epoch/1"))).toEqual({ type: "hidden" })
    expect(() => all.name("/headwater/epoch/1")).toThrow("Headwater's own")
    expect(new KeySpace("/headwater/").see(utf8("/headwater/epoch/1")).type).toBe("hidden")
  })
})
