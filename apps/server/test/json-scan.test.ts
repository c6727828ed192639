import { assert, constantFrom, integer, jsonValue, property, string, tuple } from "fast-check"
import { describe, expect, test } from "vitest"
import { JsonScan, type JsonVerdict } from "../src/json-scan.ts"

const utf8 = (text: string) => new TextEncoder().encode(text)

/** The verdict on a whole text, taken in slices; what follows the value must be white space. */
function verdictOn(text: string, sliceBytes = 1, depthMax = 100): JsonVerdict {
  const bytes = utf8(text)
  const scan = new JsonScan(bytes, 0, depthMax)
  let verdict: JsonVerdict = "more"
  while (verdict === "more") verdict = scan.run(sliceBytes)
  const rest = text.slice(
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, scan.at)).length,
  )
  return verdict === "ended" && /[^ \t\r\n]/.test(rest) ? "not JSON" : verdict
}

function parses(text: string): JsonVerdict {
  try {
    JSON.parse(text)
    return "ended"
  } catch {
    return "not JSON"
  }
}

describe("JsonScan", () => {
  test("takes what JSON.parse takes, in slices of any size", () => {
    const texts = tuple(jsonValue(), constantFrom(0, 1, "\t"), integer({ min: 1, max: 40 }))
    assert(
      property(texts, ([value, space, slice]) => {
        const text = ` ${JSON.stringify(value, null, space)}\r\n`
        expect(verdictOn(text, slice)).toBe("ended")
      }),
    )
  })

  test("refuses what JSON.parse refuses, one character away from JSON", () => {
    const edits = tuple(
      jsonValue(),
      integer({ min: 0 }),
      integer({ min: 0, max: 1 }),
      constantFrom(...'{}[],:"\\0-+.eEu1tfn \n\u0001/é'),
    )
    assert(
      property(edits, ([value, place, cut, char]) => {
        const text = JSON.stringify(value)
        const at = place % (text.length + 1)
        for (const put of ["", char]) {
          const edited = text.slice(0, at) + put + text.slice(at + cut)
          expect([edited, verdictOn(edited, 7)]).toEqual([edited, parses(edited)])
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test("agrees with JSON.parse on any text", () => {
    const any = string({ unit: constantFrom(...'{}[],:"\\0-.eu1a', "true", "null") })
    assert(
      property(any, (text) => {
        expect([text, verdictOn(text, 3)]).toEqual([text, parses(text)])
      }),
      { numRuns: 2_000 },
    )
  })

  const edges = [
    ...["0", "-0", "-", "01", "-01", "1.", ".1", "1.0", "1e", "1e+", "1E-2", "1e01", "+1", "0x1"],
    ...["tru", "true", "truex", "nul", "false", "NaN", "Infinity", "undefined", "'a'"],
    ...['"', '"\\', '"\\u12"', '"\\u12G4"', '"\\uD800"', '"\\x"', '"\u007f"', '"\t"', '"é"'],
    ...["", " ", "[", "[1", "[1,", "[,1]", "[1,]", "[]]", "{", '{"a"', '{"a":', '{"a":1,}', "{,}"],
    ...['{"a":1]', "[1}", "{1:1}", '{"a" : 1 , "a":2}', "[[]", "1 2", "\ufeff1", "\u00a01"],
  ]
  test.each(edges)("agrees with JSON.parse on %j", (text) => {
    for (const slice of [1, 2, 100]) expect(verdictOn(text, slice)).toBe(parses(text))
  })

  test("refuses what is nested deeper than the bound, at once", () => {
    const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${"}]".repeat(depth / 2)}`
    expect(verdictOn(nested(100))).toBe("ended")
    expect(verdictOn(nested(102))).toBe("too deep")
    const scan = new JsonScan(utf8("[".repeat(1_000_000)), 0, 100)
    expect([scan.run(1_000_000), scan.at]).toEqual(["too deep", 100])
  })
})
