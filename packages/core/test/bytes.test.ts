import {
  checkBytes,
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  isLongerThan,
  isWellFormed,
  readUtf8,
  utf8Decoder,
} from "@headwater/core"
import { describe, expect, test } from "vitest"

describe("checkBytes", () => {
  test("passes a Uint8Array through, and takes any other view by its bytes", () => {
    const bytes = new Uint8Array([1, 2, 3])
    const words = new Uint16Array([0x0201, 0x0403])
    const part = new DataView(new Uint8Array([9, 8, 7, 6]).buffer, 1, 2)

    expect(checkBytes(bytes)).toBe(bytes)
    expect([...checkBytes(words)]).toEqual([1, 2, 3, 4])
    expect([...checkBytes(part)]).toEqual([8, 7])
  })

  const refused: [name: string, value: unknown, is: string][] = [
    ["a bare ArrayBuffer", new ArrayBuffer(15), "of type ArrayBuffer"],
    ["a string", "secret", "a string"],
    ["an array", [1, 2], "of type Array"],
    ["undefined", undefined, "undefined"],
    ["null", null, "null"],
    ["a number", 7, "a number"],
    ["an object with a length", { byteLength: 8, length: 8 }, "of type Object"],
  ]
  test.each(refused)("refuses %s", (_, value, is) => {
    expect(() => checkBytes(value, 'the value of "k"')).toThrow(
      expect.objectContaining({
        name: "ValueError",
        code: "ERR_VALUE_INVALID",
        message: `the value of "k" is ${is}; pass a Uint8Array`,
      }),
    )
  })
})

describe("base64", () => {
  test("comes back as it was, at every length and of every byte", () => {
    const all = Uint8Array.from({ length: 20_000 }, (_, at) => (at * 7) & 255)
    for (const length of [0, 1, 2, 3, 4, 8_191, 8_192, 8_193, 20_000]) {
      const bytes = all.subarray(0, length)
      expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes)
    }

    expect(encodeBase64(encodeUtf8("hello"))).toBe("aGVsbG8=")
  })

  test("decodeBase64() throws on any other text", () => {
    expect(() => decodeBase64("not base64!")).toThrow()
  })
})

describe("UTF-8", () => {
  const marked = "\uFEFFkey"

  test("a leading U+FEFF is kept by every decoder", () => {
    const bytes = encodeUtf8(marked)
    const pieces = utf8Decoder()
    const streamed = [bytes.subarray(0, 2), bytes.subarray(2)].map((piece) =>
      pieces.decode(piece, { stream: true }),
    )

    expect([decodeUtf8(bytes), readUtf8(bytes), streamed.join("")]).toEqual([
      marked,
      marked,
      marked,
    ])
  })

  test("readUtf8() gives nothing for bytes that are not UTF-8", () => {
    expect(readUtf8(new Uint8Array([0x61, 0xff]))).toBeUndefined()
    expect(decodeUtf8(new Uint8Array([0x61, 0xff]))).toBe("a\uFFFD")
  })

  test("isWellFormed() refuses half of a surrogate pair", () => {
    expect(["", "a", "😀", "\ud83d", "\ude00\ud83d"].map(isWellFormed)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  test("isLongerThan() counts bytes, not characters", () => {
    expect(isLongerThan("ééé", 6)).toBe(false)
    expect(isLongerThan("ééé", 5)).toBe(true)
    expect(isLongerThan("aaa", 3)).toBe(false)
    expect(isLongerThan("aaaa", 3)).toBe(true)
  })
})
