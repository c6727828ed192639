import { describe, expect, test } from "vitest"
import { formatRoute, parseRoute } from "../src/route.ts"

describe("a route", () => {
  test.each([
    { topic: "t", tab: "keys", layout: "tree" },
    { topic: "a.b-c", tab: "proof", layout: "tree" },
    { topic: "t", tab: "keys", key: "a/b c?d=e&f#g%", layout: "tree" },
    { topic: "t", tab: "keys", key: "🦆:/", find: "x", prefix: "p/", layout: "list" },
  ] as const)("%j is read back from its fragment", (route) => {
    expect(parseRoute(formatRoute(route))).toEqual({
      key: undefined,
      find: undefined,
      prefix: undefined,
      ...route,
    })
  })

  test.each(["", "#", "#/", "#/nope", "#/topic", "#/topic/"])("%j is the overview", (text) => {
    expect(parseRoute(text).topic).toBe(undefined)
  })

  test("an unknown tab is that of the keys, and a key stays readable", () => {
    expect(parseRoute("#/topic/t/other").tab).toBe("keys")
    expect(formatRoute({ topic: "t", tab: "keys", key: "web/1:80", layout: "tree" })).toBe(
      "#/topic/t/keys?key=web/1:80",
    )
  })
})
