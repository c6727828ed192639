import { FrameError } from "@headwater/core"
import { createParser } from "eventsource-parser"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { eventParser } from "../src/event-parser.ts"

type Parsed = readonly [event: string, data: string, id: string] | readonly [retryMs: number]

/** The events and retries that our parser finds in the pieces. */
function parse(pieces: readonly string[], charactersMax = 100_000): Parsed[] {
  const parsed: Parsed[] = []
  const feed = eventParser(
    (event, data, id) => parsed.push([event, data, id]),
    (retryMs) => parsed.push([retryMs]),
    charactersMax,
  )
  for (const piece of pieces) feed(piece)
  return parsed
}

/** The same by `eventsource-parser`, of the text in one piece. */
function parseReference(text: string): Parsed[] {
  const parsed: Parsed[] = []
  const parser = createParser({
    onEvent: ({ event = "", data, id = "" }) => parsed.push([event, data, id]),
    onRetry: (retryMs) => parsed.push([retryMs]),
  })
  parser.feed(text)
  return parsed
}

/** The same of bytes that come in pieces, as in `streamText`. */
function parseBytes(pieces: readonly Uint8Array[]): Parsed[] {
  const decoder = new TextDecoder()
  return parse(pieces.map((piece) => decoder.decode(piece, { stream: true })))
}

const ending = fc.constantFrom("\n", "\r", "\r\n")
const field = fc.constantFrom("data", "event", "id", "retry", "", "dat", "DATA", "data ", "x")
const value = fc.constantFrom("", "1", "{}", " two", "\t", "a:b", ":", "a\0b", "é😀", "250", "1e3")
const line = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(field, fc.constantFrom(":", ": "), value).map((of) => of.join("")),
  },
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: field },
)
// It ends in an empty line, so that no parser waits for the LF of a last CR.
const text = fc
  .array(fc.tuple(line, ending), { maxLength: 40 })
  .map((lines) => `${lines.map((of) => of.join("")).join("")}\n\n`)

describe("eventParser()", () => {
  test("parses as eventsource-parser does, in whatever pieces the text comes", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
        const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b)]
        const pieces = places.map((at, index) => text.slice(at, places[index + 1]))

        expect(parse(pieces)).toEqual(parseReference(text))
        expect(parse([...text])).toEqual(parseReference(text))
      }),
      { numRuns: process.env.HEADWATER_FULL === "1" ? 100_000 : 1_000 },
    )
  })

  test("parses bytes alike, split at every byte, with a byte order mark", () => {
    const lines = ["retry: 5", "id: e.1", "event: sync", "data: é😀", "data", "", ":", "data:x", ""]
    for (const end of ["\n", "\r", "\r\n"]) {
      const bytes = new TextEncoder().encode(`\uFEFF${lines.map((line) => line + end).join("")}`)
      const parsed: Parsed[] = [[5], ["sync", "é😀\n", "e.1"], ["", "x", ""]]

      for (let at = 0; at <= bytes.length; at++) {
        expect(parseBytes([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(parsed)
      }
      expect(parseBytes(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(parsed)
    }
  })

  test("takes no id with a NUL, no retry that is not digits, and no event without data", () => {
    expect(parse(["id: a\0\nretry: -1\nretry: 1 \nevent: e\n\ndata\n\n"])).toEqual([["", "", ""]])
  })

  test("ends an event at its CR, without waiting for a LF", () => {
    expect(parse(["data: 1\r\r"])).toEqual([["", "1", ""]])
    expect(parse(["data: 1\r", "", "\ndata: 2\r", "\r"])).toEqual([["", "1\n2", ""]])
  })

  test("refuses an event that grows too long, be it of one line or of many", () => {
    expect(() => parse(["data: 12", "345"], 10)).toThrow(FrameError)
    expect(() => parse(["data: 12345\n", "data: 67890\n", "data: 1"], 15)).toThrow(FrameError)
    expect(parse(["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"], 10)).toHaveLength(3)
  })

  test("costs no more for a line that comes in a hundred thousand pieces", () => {
    const pieces = Array.from({ length: 100_000 }, () => "x".repeat(40))

    expect(parse(["data: ", ...pieces, "\n\n"], 10_000_000)).toEqual([["", pieces.join(""), ""]])
  })
})
