import { describe, expect, test } from "vitest"
import { checkHost, checkTarget } from "../../src/runtime/request-target.ts"

describe("checkTarget()", () => {
  test.each([
    "/",
    "/v1/topics/t/entries/a/b..c/.d/...",
    "/v1/topics/t/entry?key=a\\b/../c",
    "/v1/topics/t/entries/%C3%A4%5C%2e%2e%2e",
    "http://127.0.0.1:8080/v1/topics/t",
    "HTTPS://example.org/",
  ])("takes %s", (target) => {
    expect(checkTarget(target)).toBeUndefined()
  })

  test.each([
    ["", "ERR_REQUEST_INVALID"],
    ["*", "ERR_REQUEST_INVALID"],
    ["x", "ERR_REQUEST_INVALID"],
    ["127.0.0.1:80", "ERR_REQUEST_INVALID"],
    ["http://127.0.0.1", "ERR_REQUEST_INVALID"],
    ["http://a\\b/", "ERR_REQUEST_INVALID"],
    ["/a#b", "ERR_REQUEST_INVALID"],
    ["/a?b#c", "ERR_REQUEST_INVALID"],
    ["/a\\b", "ERR_REQUEST_INVALID"],
    ["/\u00ff", "ERR_REQUEST_INVALID"],
    ["/a?b=\u00c3\u00a4", "ERR_REQUEST_INVALID"],
    ["/a b", "ERR_REQUEST_INVALID"],
    ["/a/../b", "ERR_KEY_INVALID"],
    ["/a/.", "ERR_KEY_INVALID"],
    ["/%2e%2E/b", "ERR_KEY_INVALID"],
    ["/a/.%2e?b", "ERR_KEY_INVALID"],
    ["http://127.0.0.1/a/../b", "ERR_KEY_INVALID"],
  ])("refuses %j", (target, code) => {
    expect(() => checkTarget(target)).toThrow(expect.objectContaining({ code }))
  })
})

test("checkHost() refuses a request with two hosts", () => {
  expect(checkHost(["Host", "a", "accept", "host"])).toBeUndefined()
  expect(() => checkHost(["Host", "a", "host", "a"])).toThrow("one Host")
})
