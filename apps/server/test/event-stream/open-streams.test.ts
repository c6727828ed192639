import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
import { TooManyError } from "../../src/errors.ts"
import { OpenStreams } from "../../src/event-stream/open-streams.ts"
import { limitsWith } from "../../src/limits.ts"

const stream = (peer?: string) => ({ peer, goodbye: () => {}, cut: () => {} })

test("streams are bounded for each address and for each identity, wherever it comes from", () => {
  const limits = limitsWith({ streamsPerAddressMax: 2, streamsPerIdentityMax: 3 })
  const streams = new OpenStreams(new ManualClock(), limits)
  const release = streams.admit(stream("a"), "ann")
  streams.admit(stream("a"), "ann")
  expect(() => streams.admit(stream("a"), "bob")).toThrow(TooManyError)
  streams.admit(stream("b"), "ann")
  expect(() => streams.admit(stream("c"), "ann")).toThrow(/streams of this identity are in use/)
  streams.admit(stream("c"), "bob")
  streams.admit(stream("c"))

  release()
  release()
  streams.admit(stream("a"), "ann")
  expect(() => streams.admit(stream(), "ann")).toThrow(TooManyError)
})
