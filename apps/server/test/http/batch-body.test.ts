import { describe, expect, test } from "vitest"
import { readBatch } from "../../src/http/batch-body.ts"

const MIB = 1_048_576

/** The result of reading a batch, or its error's code, and the number of slices that it took. */
function read(body: string, kind: "json" | "text" | "binary" = "json") {
  const reading = readBatch(new TextEncoder().encode(body), kind, MIB)
  for (let slices = 1; ; slices++) {
    try {
      const step = reading.next()
      if (step.done) return { slices, request: step.value }
    } catch (error) {
      return { slices, code: (error as { code: string }).code }
    }
  }
}

const batch = (values: readonly string[]) =>
  `{"changes":[${values.map((value, n) => `{"op":"put","key":"${n}","value":${value}}`).join()}]}`

describe("readBatch()", () => {
  test("stops at the 129th change, however many follow", () => {
    const one = read(batch(Array(129).fill("1")))
    const many = read(batch(Array(100_000).fill("1")))
    expect(many).toEqual(one)
    expect(many.code).toBe("ERR_REQUEST_INVALID")
    expect(many.slices).toBeLessThan(200)
  })

  test.each([
    ["a value that is too large", batch([`[${"1,".repeat(2 * MIB)}1]`]), "ERR_TOO_LARGE", 35],
    ["a string that is too large", batch([`"${"x".repeat(4 * MIB)}"`]), "ERR_TOO_LARGE", 35],
    ["a value that is too deep", batch(["[".repeat(4 * MIB)]), "ERR_VALUE_INVALID", 1],
    [
      "a key that is too long",
      `{"changes":[{"key":"${"k".repeat(4 * MIB)}"}]}`,
      "ERR_KEY_INVALID",
      2,
    ],
    ["an unknown field", `{"${"x".repeat(4 * MIB)}":1}`, "ERR_REQUEST_INVALID", 2],
    [
      "an unknown operation",
      `{"changes":[{"op":"${"x".repeat(4 * MIB)}"}]}`,
      "ERR_REQUEST_INVALID",
      3,
    ],
  ])("stops at %s, not at its end", (_, body, code, slicesMax) => {
    const { slices, ...rest } = read(body)
    expect(rest).toEqual({ code })
    expect(slices).toBeLessThanOrEqual(slicesMax)
  })

  test("reads large values in slices, so that no turn is long", () => {
    const value = `[${"1,".repeat(MIB / 2 - 2)}1]`
    const { slices, request } = read(batch([value, value, value]))
    expect(request?.changes.map((change) => change.op === "put" && change.value.length)).toEqual(
      Array(3).fill(value.length),
    )
    expect(slices).toBeGreaterThan((3 * MIB) / 32_768)
    const broken = read(batch([value, value, value.replace("1]", "]")]))
    expect(broken.code).toBe("ERR_REQUEST_INVALID")
    expect(broken.slices).toBeGreaterThan((3 * MIB) / 32_768 - 2)
  })

  test("keeps no more of the body than the values", () => {
    const { request } = read(batch(["1", '"two"']))
    const [first, second] = request!.changes as readonly { value: Uint8Array }[]
    expect([first!.value.buffer.byteLength, second!.value.buffer.byteLength]).toEqual([1, 5])
  })

  test.each([
    ["text", '"\\ud800"', "ERR_REQUEST_INVALID"],
    ["text", "7", "ERR_REQUEST_INVALID"],
    ["text", "[]", "ERR_REQUEST_INVALID"],
    ["text", `"${"\\u00e9".repeat(MIB / 2 + 1)}"`, "ERR_TOO_LARGE"],
    ["binary", '"AAE"', "ERR_REQUEST_INVALID"],
    ["binary", '"A-E="', "ERR_REQUEST_INVALID"],
  ] as const)("refuses the %s value %.20s", (kind, value, code) => {
    expect(read(batch([value]), kind).code).toBe(code)
  })
})
