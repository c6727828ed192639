import { integerBelow, prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { decodeBase64, encodeBase64 } from "../src/sources/etcd/base64.ts"

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
})
