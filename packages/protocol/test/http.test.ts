import { describe, expect, test } from "vitest"
import {
  decodeErrorBody,
  encodeErrorBody,
  httpStatusOf,
  recoveryOf,
  STREAM_HEADERS,
  streamPath,
  VALUE_HEADERS,
  valueKindOf,
} from "../src/index.ts"

describe("errors over HTTP", () => {
  test("a body is read again as it was written", () => {
    const body = encodeErrorBody("ERR_TOPIC_UNKNOWN", 'no topic "x"')

    expect(JSON.parse(body)).toEqual({
      error: { code: "ERR_TOPIC_UNKNOWN", message: 'no topic "x"', retry: "stop" },
    })
    expect(JSON.parse(encodeErrorBody("ERR_EPOCH_CHANGED", "no", { epoch: "e2" }))).toEqual({
      error: { code: "ERR_EPOCH_CHANGED", message: "no", retry: "resync" },
      epoch: "e2",
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
  test("a topic's name is escaped in a path", () => {
    expect(streamPath("default")).toBe("/v1/topics/default/stream")
    expect(streamPath("a/b?")).toBe("/v1/topics/a%2Fb%3F/stream")
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

test("a stream has the headers of every answer with a value", () => {
  expect(STREAM_HEADERS).toMatchObject(VALUE_HEADERS)
})
