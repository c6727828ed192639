import { seedFrom } from "@headwater/testing"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodeBatch, encodeBatch, encodeSync, jsonCodec } from "../src/codec.ts"

describe("batches", () => {
  const of = { topic: "t", subject: "s", revision: 7 }

  test("what goes in comes out, in order (model)", () => {
    const codec = jsonCodec<unknown>()
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const payloads = values.map((value) => JSON.parse(JSON.stringify(value)))
        const events = decodeBatch(codec, encodeBatch(codec, payloads), of)

        expect(events).toEqual(payloads.map((payload) => ({ ...of, payload })))
      }),
      { seed: seedFrom(process.env.HEADWATER_SEED) },
    )
  })

  test("the end of a snapshot has no events", () => {
    expect(decodeBatch(jsonCodec(), encodeSync(), of)).toBeUndefined()
  })
})
