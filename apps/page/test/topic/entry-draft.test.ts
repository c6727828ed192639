import { describe, expect, test } from "vitest"
import { bodyOfDraft, editableText } from "../../src/topic/entry-draft.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("the draft of a value", () => {
  test("that is not changed writes the same bytes", () => {
    const stored = '{"big":9007199254740993,"twice":1,"twice":"\\u00e9"}'
    const draft = editableText("json", bytes(stored))

    expect(draft.split("\n").length).toBe(5)
    expect(bodyOfDraft("json", draft, bytes(stored))).toBe(stored)
  })

  test("of JSON in several lines keeps its lines", () => {
    expect(bodyOfDraft("json", '{\n  "a": 1\n}', bytes('{\n"a":0}'))).toBe('{\n  "a": 1\n}')
  })

  test("of text is written as it is, and of bytes from base64", () => {
    expect(bodyOfDraft("text", " a\n", undefined)).toBe(" a\n")
    expect(editableText("binary", Uint8Array.from([0, 255]))).toBe("AP8=")
    expect(bodyOfDraft("binary", "AP8=\n", undefined)).toEqual(Uint8Array.from([0, 255]))
  })

  test.each([
    ["json", '{"a":'],
    ["json", ""],
    ["binary", "é"],
  ] as const)("of %s that is wrong says so: %j", (values, draft) => {
    expect(bodyOfDraft(values, draft, undefined)).toBeInstanceOf(Error)
  })
})
