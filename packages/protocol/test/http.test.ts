import { describe, expect, test } from "vitest"
import {
  decodeErrorBody,
  encodeErrorBody,
  entryPath,
  httpStatusOf,
  recoveryOf,
  streamPath,
  valueKindOf,
} from "../src/index.ts"

describe("errors over HTTP", () => {
  test("a body is read again as it was written", () => {
    const body = encodeErrorBody("ERR_TOPIC_UNKNOWN", 'no topic "x"')

    expect(JSON.parse(body)).toEqual({
      error: { code: "ERR_TOPIC_UNKNOWN", message: 'no topic "x"', retry: "stop" },
    })
    expect(decodeErrorBody(body)).toEqual({
      code: "ERR_TOPIC_UNKNOWN",
      message: 'no topic "x"',
      retry: "stop",
    })
  })

  test("a code has one status and one recovery", () => {
    expect([httpStatusOf("ERR_CONFLICT"), recoveryOf("ERR_CONFLICT")]).toEqual([412, "resync"])
    expect([httpStatusOf("ERR_NOT_READY"), recoveryOf("ERR_NOT_READY")]).toEqual([503, "retry"])
  })

  test.each(["", "<html>404</html>", "null", "{}", '{"error":"no"}', '{"error":{"code":1}}'])(
    "decodeErrorBody() does not take %j for a hub's",
    (text) => {
      expect(decodeErrorBody(text)).toBeUndefined()
    },
  )
})

describe("paths and content types", () => {
  test("keys of any kind go into a query", () => {
    expect(streamPath("default")).toBe("/v1/topics/default/stream")
    expect(entryPath("default", "a/../b?é&")).toBe(
      "/v1/topics/default/entry?key=a%2F..%2Fb%3F%C3%A9%26",
    )
  })

  test.each([
    ["application/json", "json"],
    ["Application/JSON; charset=utf-8", "json"],
    ["text/plain", "text"],
    ["application/octet-stream", "binary"],
    ["text/html", undefined],
    ["", undefined],
  ])("valueKindOf(%j) is %s", (contentType, kind) => {
    expect(valueKindOf(contentType)).toBe(kind)
  })
})
