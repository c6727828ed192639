import {
  booleanRule,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  isSyncError,
  objectRule,
  oneOfRule,
  required,
  secret,
  signalRule,
  textRule,
} from "@headwater/core"
import { describe, expect, test } from "vitest"

interface Options {
  readonly url: string
  readonly retries?: number
  readonly waitMs?: number | undefined
  readonly token?: string
  readonly policy?: "pin" | "conflate"
}

const rules = {
  url: required(textRule),
  retries: integerRule(0, 9),
  waitMs: durationRule(1),
  token: secret(textRule),
  policy: oneOfRule("pin", "conflate"),
}
const check = (options: unknown) => checkOptions<Options>("open", options as Options, rules)

describe("checkOptions", () => {
  test("takes options that are known and make sense", () => {
    check({ url: "u" })
    check({ url: "u", retries: 9, waitMs: Number.POSITIVE_INFINITY, token: "t", policy: "pin" })
    check({ url: "u", retries: undefined })
  })

  const refused: [message: string, options: unknown][] = [
    ["open: options is undefined; it must be an object", undefined],
    ["open: url is undefined; it must be a text that is not empty", {}],
    ['open: url is ""; it must be a text that is not empty', { url: "" }],
    [
      "open: there is no option ifMatch; the options are url, retries, waitMs, token, policy",
      { url: "u", ifMatch: 1 },
    ],
    ["open: retries is 1.5; it must be an integer from 0 to 9", { url: "u", retries: 1.5 }],
    ['open: retries is "3"; it must be an integer from 0 to 9', { url: "u", retries: "3" }],
    [
      "open: waitMs is NaN; it must be a number of ms from 1 up; Infinity is never",
      { url: "u", waitMs: Number.NaN },
    ],
    [
      "open: token is of another kind; it must be a text that is not empty",
      { url: "u", token: 4711 },
    ],
    ['open: policy is "drop"; it must be "pin" or "conflate"', { url: "u", policy: "drop" }],
    ['open: policy is null; it must be "pin" or "conflate"', { url: "u", policy: null }],
    [
      "open: there is no option __proto__; the options are url, retries, waitMs, token, policy",
      JSON.parse('{"url":"u","__proto__":1}'),
    ],
  ]
  test.each(refused)("%s", (message, options) => {
    let error: unknown
    try {
      check(options)
    } catch (thrown) {
      error = thrown
    }

    expect(isSyncError(error)).toBe(true)
    expect(error).toMatchObject({ name: "OptionError", code: "ERR_OPTION_INVALID", message })
  })

  test("has a rule for each kind of option", () => {
    const { signal } = new AbortController()
    const kinds = [integerRule(1), durationRule(0, 9), booleanRule, functionRule, objectRule]
    const values = [1, 9, false, () => {}, {}, signal]

    expect([...kinds, signalRule].map(({ test }, at) => test(values[at]))).toEqual(
      Array(6).fill(true),
    )
    expect([...kinds, signalRule].map(({ test }) => test(-0.5))).toEqual(Array(6).fill(false))
    expect(integerRule(1).allowed).toBe("an integer ≥ 1")
    expect(durationRule(0, 9).allowed).toBe("a number of ms from 0 to 9")
  })
})
