import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
import { Session } from "../../src/access/session.ts"
import { readBody } from "../../src/http/body.ts"
import { HUB_LIMITS } from "../../src/limits.ts"

function bodyOf(chunks: Iterable<Uint8Array>, end = true): Request {
  const iterator = chunks[Symbol.iterator]()
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = iterator.next()
      if (!done) controller.enqueue(value)
      else if (end) controller.close()
      else return new Promise(() => {})
      return undefined
    },
  })
  return new Request("http://127.0.0.1/", { method: "PUT", body, duplex: "half" } as RequestInit)
}

function* bytes(count: number): Generator<Uint8Array> {
  for (let n = 0; n < count; n++) yield Uint8Array.of(n % 251)
}

const session = { hold: () => () => {}, hasEnded: () => false }

test("readBody() reads a body that comes byte by byte, up to its bound", async () => {
  const hub = { clock: new ManualClock(), limits: HUB_LIMITS }
  const body = await readBody(bodyOf(bytes(10_000)), 10_000, hub, session)

  expect(body).toEqual(Uint8Array.from({ length: 10_000 }, (_, n) => n % 251))
  expect(hub.clock.timers).toBe(0)
})

test("readBody() refuses a body as soon as it is larger than its bound", async () => {
  const hub = { clock: new ManualClock(), limits: HUB_LIMITS }
  const endless = readBody(bodyOf(bytes(5_000), false), 4_999, hub, session)

  await expect(endless).rejects.toThrow(expect.objectContaining({ code: "ERR_TOO_LARGE" }))
  expect(hub.clock.timers).toBe(0)
})

test("readBody() refuses a body that does not end in time, and says how far it came", async () => {
  const hub = { clock: new ManualClock(), limits: { ...HUB_LIMITS, bodyMs: 30_000 } }
  const reading = readBody(bodyOf(bytes(3), false), 100, hub, session)
  const refused = expect(reading).rejects.toThrow("did not end within 30000 ms, after 3 bytes")
  await hub.clock.settle()
  await hub.clock.advance(30_000)

  await refused
  expect(hub.clock.timers).toBe(0)
})

test("readBody() ends with the grant of its request", async () => {
  const hub = { clock: new ManualClock(), limits: HUB_LIMITS }
  const expiresAt = hub.clock.now() + 1_000
  const grant = { identity: "a", credential: "a", maps: [], admin: false, expiresAt }
  const reading = readBody(
    bodyOf(bytes(3), false),
    100,
    hub,
    new Session(grant, { clock: hub.clock, report: () => {} }),
  )
  const refused = expect(reading).rejects.toThrow("ended while its body arrived")
  await hub.clock.settle()
  await hub.clock.advance(1_000)

  await refused
})
