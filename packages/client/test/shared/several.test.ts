import { readFileSync } from "node:fs"
import { decodeFrame } from "@headwater/protocol"
import { expect, test } from "vitest"
import { eventParser } from "../../src/event-parser.ts"
import { frameOf } from "../../src/shared/mux-connection.ts"

const fixture = new URL("../../../protocol/test/fixtures/v1/several.txt", import.meta.url)

test("frameOf() finds the view, the id and the data of each frame of the fixture", () => {
  const seen: unknown[] = []
  const feed = eventParser(
    (type, text) => {
      const { n, id, data } = frameOf(text)
      const frame = decodeFrame(type, data, id)!
      seen.push([n, frame.type, id])
      // Members in another order, as another hub may write them, are the same frame.
      const { data: inner, ...rest } = JSON.parse(text)
      const turned = frameOf(JSON.stringify({ data: inner, ...rest }))
      expect(decodeFrame(type, turned.data, turned.id)).toEqual(frame)
    },
    () => {},
    65_536,
  )
  feed(readFileSync(fixture, "utf8"))

  expect(seen).toEqual([
    [0, "hello", ""],
    [2, "fault", ""],
    [1, "delta", ""],
    [1, "sync", "e7Q_x-1.8.0a1b2c3d"],
    [0, "goodbye", "e7Q_x-1.9"],
  ])
})

test("frameOf() passes the data on as it is written", () => {
  const text = '{"n":12,"topic":"t","view":"0a1b2c3d","id":"e.5","data":{"a":12345678901234567890}}'

  expect(frameOf(text)).toEqual({ n: 12, id: "e.5", data: '{"a":12345678901234567890}' })
})
