import { encodeBase64 } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { decodeQuotedBase64 } from "../src/sources/etcd/quoted-base64.ts"

describe("decodeQuotedBase64()", () => {
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
