import { describe, expect, test } from "vitest"
import { checkContent } from "../../src/http/content-type.ts"

const headers = (coding: string) =>
  new Headers({ "content-type": "application/json", "transfer-encoding": coding })

describe("checkContent()", () => {
  test.each(["chunked", "Chunked", " chunked "])("takes transfer-encoding %j", (coding) => {
    expect(checkContent(headers(coding), "json")).toBeUndefined()
  })

  test.each(["gzip, chunked", "gzip", "identity"])("refuses transfer-encoding %j", (coding) => {
    const refusal = { code: "ERR_REQUEST_INVALID", message: expect.stringContaining(coding) }
    expect(() => checkContent(headers(coding), "json")).toThrow(expect.objectContaining(refusal))
  })
})
