import { readFileSync } from "node:fs"
import { FrameError } from "@headwater/core"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodeFrame } from "../src/index.ts"
import { eventsOf } from "./events-of.ts"

const read = (name: string) => readFileSync(new URL(`fixtures/v1/${name}`, import.meta.url), "utf8")
const decode = (text: string) =>
  eventsOf(text).map(({ event, data, id }) => decodeFrame(event, data, id))

describe("decodeFrame()", () => {
  test("reads every frame of protocol 1", () => {
    expect(decode(read("stream.txt"))).toEqual([
      {
        type: "status",
        report: {
          status: "waiting",
          statusSince: Date.UTC(2026, 0, 1),
          lastContact: 0,
          invalid: 0,
        },
      },
      {
        type: "hello",
        protocol: 1,
        topic: "default",
        epoch: "e7Q_x-1",
        values: "json",
        view: "",
        heartbeatMs: 4000,
        frameBytesMax: 65536,
        resumed: false,
        policy: "conflate",
      },
      { type: "reset", reason: "compacted", epoch: "e7Q_x-1", id: "e7Q_x-1.0" },
      {
        type: "snapshot",
        entries: [
          // biome-ignore lint/correctness/noPrecisionLoss: what JSON.parse makes of it.
          { key: "a", value: { n: 12345678901234567890 }, revision: 3 },
          { key: 'clé "x"', value: null, revision: 9007199254740991 },
        ],
      },
      { type: "snapshot", entries: [] },
      {
        type: "delta",
        revision: 8,
        partial: true,
        changes: [
          { op: "put", key: "b", value: "", revision: 7 },
          { op: "delete", key: "a", revision: 8 },
        ],
      },
      { type: "sync", revision: 8, entries: 2, digest: "00ff00ff12345678", id: "e7Q_x-1.8" },
      {
        type: "status",
        report: {
          status: "in-sync",
          statusSince: Date.UTC(2026, 0, 1, 0, 0, 1, 500),
          lastContact: Date.UTC(2026, 0, 1, 0, 0, 2),
          invalid: 2,
          code: "ERR_SOURCE_FAILED",
        },
      },
      {
        type: "delta",
        revision: 9,
        changes: [{ op: "touch", key: "b", revision: 9 }],
        id: "e7Q_x-1.9.0a1b2c3d",
      },
      { type: "sync", revision: 9, entries: 2, id: "e7Q_x-1.9.0a1b2c3d" },
      { type: "goodbye", reason: "draining", retryMs: 900, id: "e7Q_x-1.9" },
      { type: "fault", code: "ERR_NOT_READY", retry: "retry", retryMs: 2000 },
    ])
  })

  test("reads frames of a newer hub as far as it can, and stops where it cannot", () => {
    const stop = { type: "fault", code: "ERR_NOT_IMPLEMENTED", retry: "stop", retryMs: 0 }

    expect(decode(read("newer.txt"))).toEqual([
      undefined,
      undefined,
      { type: "goodbye", reason: "eclipse", retryMs: 250, moon: 1 },
      { type: "fault", code: "ERR_ECLIPSE", retry: "retry", retryMs: 0 },
      { type: "reset", reason: "eclipse", epoch: "e", id: "e.0" },
      { type: "sync", revision: 4, entries: 1, phase: "full", id: "e.4" },
      { type: "delta", revision: 5, partial: true, changes: [] },
      stop,
      stop,
    ])
  })

  test.each([
    ["hello", '{"protocol":1}', ""],
    ["hello", "null", ""],
    ["hello", "{", ""],
    ["reset", '{"reason":"compacted","epoch":"e"}', ""],
    ["reset", '{"reason":"compacted","epoch":"e"}', "e.1"],
    ["reset", '{"reason":"compacted","epoch":"e"}', "f.0"],
    ["snapshot", '{"entries":{}}', ""],
    ["snapshot", '{"entries":[null]}', ""],
    ["snapshot", '{"entries":[{"key":"a","revision":1}]}', ""],
    ["snapshot", '{"entries":[{"key":1,"value":1,"revision":1}]}', ""],
    ["snapshot", '{"entries":[{"key":"a","value":1,"revision":1.5}]}', ""],
    ["snapshot", '{"entries":[{"key":"a","value":1,"revision":-1}]}', ""],
    ["snapshot", '{"entries":[{"key":"a","value":1,"revision":9007199254740992}]}', ""],
    ["delta", '{"revision":1}', "e.1"],
    ["delta", '{"revision":1,"changes":[]}', ""],
    ["delta", '{"revision":1,"changes":[]}', "e.2"],
    ["delta", '{"revision":"1","changes":[]}', "e.1"],
    ["delta", '{"revision":1,"changes":[{"op":"put","key":"a","revision":1}]}', "e.1"],
    ["delta", '{"revision":1,"changes":[{"op":7,"key":"a","revision":1}]}', "e.1"],
    ["sync", '{"revision":1,"entries":0}', ""],
    ["sync", '{"revision":1,"entries":0}', "e.1.view"],
    ["sync", '{"entries":0}', "e.1"],
    ["fault", '{"code":"ERR_INTERNAL","retry":"stop","retryMs":"soon"}', ""],
  ])("refuses %s with %s and id %j", (event, data, id) => {
    expect(() => decodeFrame(event, data, id)).toThrow(FrameError)
  })

  test("garbage is refused with FrameError, and with nothing else", () => {
    const events = ["hello", "reset", "snapshot", "delta", "sync", "status", "goodbye", "fault"]
    const names = ["protocol", "epoch", "values", "entries", "changes", "revision", "partial"]
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.dictionary(fc.constantFrom("op", "key", "revision", "value"), fc.jsonValue())),
    )
    const data = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value)
        .map((object) => JSON.stringify(object)),
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...events, "constructor", "__proto__", ""), fc.string()),
        data,
        fc.oneof(fc.constantFrom("", "e.0", "e.1"), fc.string()),
        (event, data, id) => {
          try {
            const frame = decodeFrame(event, data, id)
            if (frame && frame.type !== event) expect(frame).toMatchObject({ retry: "stop" })
          } catch (error) {
            if (!(error instanceof FrameError)) throw error
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
