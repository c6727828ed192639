import { integerBelow, prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { decodeBase64, decodeQuotedBase64, encodeBase64 } from "../src/sources/etcd/base64.ts"

describe("base64", () => {
  test("is the platform's, both ways, at every length", () => {
    const random = prng(64)
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, () => integerBelow(random, 256))
      const text = btoa(String.fromCharCode(...bytes))

      expect(encodeBase64(bytes)).toBe(text)
      expect(decodeBase64(text)).toEqual(bytes)
    }
  })

  test("takes values that are too large for the arguments of one call", () => {
    const bytes = Uint8Array.from({ length: 20_001 }, (_, index) => index & 255)

    expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes)
  })

  test("is decoded from bytes as from text, at every length", () => {
    for (let length = 0; length < 50; length++) {
      const bytes = Uint8Array.from({ length }, (_, at) => at * 77)
      const source = new TextEncoder().encode(`:"${encodeBase64(bytes)}"`)
      const target = new Uint8Array(60)
      const cursor = { at: 1, used: 5 }

      expect(decodeQuotedBase64(source, target, cursor)).toBe(true)
      expect([cursor.at, cursor.used]).toEqual([source.length, 5 + length])
      expect(target.subarray(5, 5 + length)).toEqual(bytes)
    }
  })

  test.each(["Y", "YQ", "YQ=", "YQ==YQ==", "Y===", "====", "Y!==", "YWFh\n", "YWF\u0141", "YW=h"])(
    "bytes that say %j are none",
    (text) => {
      const quoted = new TextEncoder().encode(`"${text}"}`)

      expect(decodeQuotedBase64(quoted, new Uint8Array(9), { at: 0, used: 0 })).toBe(false)
    },
  )
})
