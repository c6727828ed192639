import { describe, expect, test } from "vitest"
import { acceptsGzip } from "../../../src/event-stream/gzip/accepts-gzip.ts"

describe("acceptsGzip()", () => {
  test.each([
    "gzip",
    "gzip, deflate, br, zstd",
    "br;q=1.0, GZIP;q=0.8, *;q=0.1",
    "x-gzip",
    "*",
    "deflate , gzip ; q=0.5",
    "identity;q=0.5, gzip;q=0.5",
    "gzip;q=0.001",
  ])("yes: %s", (header) => {
    expect(acceptsGzip(header)).toBe(true)
  })

  test.each([
    undefined,
    "",
    "identity",
    "br, zstd",
    "gzip;q=0",
    "gzip;q=0.000, *",
    "*;q=0",
    "gzip;q=0.5, identity",
    "gzip;q=2",
    "gzipped",
    "gzip q=1",
    "gzip;level=9",
  ])("no: %s", (header) => {
    expect(acceptsGzip(header)).toBe(false)
  })
})
