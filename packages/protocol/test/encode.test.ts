import { readFileSync } from "node:fs"
import { REVISION_MAX } from "@headwater/core"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  COMMENT,
  decodeFrame,
  encodeDeltaFrame,
  encodeFrame,
  encodeOpening,
  encodeSnapshotFrame,
  type Frame,
  type FramingFrame,
} from "../src/index.ts"
import { eventsOf } from "./events-of.ts"

const utf8 = new TextEncoder()
const textOf = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes)
const fixture = readFileSync(new URL("fixtures/v1/stream.txt", import.meta.url), "utf8")

const epoch = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const revision = fc.integer({ min: 0, max: REVISION_MAX })
const entry = fc.record(
  { key: fc.string({ unit: "grapheme" }), value: fc.jsonValue(), revision },
  { noNullPrototype: true },
)
const body = (items: readonly unknown[]) =>
  utf8.encode(items.map((item) => JSON.stringify(item)).join(","))

describe("encoding", () => {
  test("a comment ends its block", () => {
    expect(textOf(COMMENT)).toBe(":\n\n")
  })

  test("writes the stream of the fixture, byte for byte", () => {
    const frames = eventsOf(fixture).map(({ event, data, id }) => decodeFrame(event, data, id)!)

    expect(textOf(encodeOpening(1520)) + frames.map(encode).join("")).toBe(fixture)
  })

  test("any snapshot and delta is read again as it was written, in one event", () => {
    fc.assert(
      fc.property(
        fc.array(entry),
        epoch,
        revision,
        fc.boolean(),
        (entries, epoch, revision, isWhole) => {
          const id = isWhole ? `${epoch}.${revision}` : undefined
          const changes = entries.map((entry) => ({ op: "put", ...entry }))
          const read =
            textOf(encodeSnapshotFrame(body(entries))) +
            textOf(encodeDeltaFrame(body(changes), revision, id))
          const frames = eventsOf(read).map(({ event, data, id }) => decodeFrame(event, data, id))

          expect(frames).toEqual(
            JSON.parse(
              JSON.stringify([
                { type: "snapshot", entries },
                { type: "delta", revision, ...(id ? { id } : { partial: true }), changes },
              ]),
            ),
          )
        },
      ),
    )
  })

  test("any framing frame is read again as it was written", () => {
    const text = fc.string({ unit: "grapheme" })
    const frame: fc.Arbitrary<FramingFrame> = fc.oneof(
      fc.record({
        type: fc.constant("hello" as const),
        protocol: fc.constant(1),
        topic: text,
        epoch,
        values: fc.constantFrom("json" as const, "text" as const, "binary" as const),
        view: text,
        heartbeatMs: revision,
        frameBytesMax: revision,
        resumed: fc.boolean(),
        policy: text,
      }),
      fc
        .tuple(text, epoch)
        .map(([reason, epoch]) => ({ type: "reset" as const, reason, epoch, id: `${epoch}.0` })),
      fc.tuple(revision, fc.nat(), epoch).map(([revision, entries, epoch]) => ({
        type: "sync" as const,
        revision,
        entries,
        id: `${epoch}.${revision}`,
      })),
      fc.record({ type: fc.constant("goodbye" as const), reason: text, retryMs: fc.nat() }),
      fc.record({
        type: fc.constant("fault" as const),
        code: fc.constantFrom("ERR_INTERNAL" as const, "ERR_NOT_READY" as const),
        retry: fc.constantFrom("retry" as const, "resync" as const, "stop" as const),
        retryMs: fc.nat(),
      }),
    )
    fc.assert(
      fc.property(frame, (frame) => {
        const [event] = eventsOf(textOf(encodeFrame(frame)))

        expect(decodeFrame(event!.event, event!.data, event!.id)).toEqual(frame)
        expect(event!.retry).toBe("retryMs" in frame ? String(frame.retryMs) : "")
      }),
    )
  })
})

function encode(frame: Frame): string {
  if (frame.type === "snapshot")
    return textOf(encodeSnapshotFrame(body(frame.entries))).replaceAll(
      "12345678901234567000",
      "12345678901234567890",
    )
  if (frame.type === "delta")
    return textOf(encodeDeltaFrame(body(frame.changes), frame.revision, frame.id))
  return textOf(encodeFrame(frame))
}
