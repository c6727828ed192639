import { SourceError } from "@headwater/core"
import type { Frame } from "@headwater/protocol"
import { memorySource } from "@headwater/syncer/memory"
import { afterEach, describe, expect, test } from "vitest"
import { json, LocalHub } from "../support/local-hub.ts"
import { SwitchSource } from "../support/switch-source.ts"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

describe("a stream that is quiet", () => {
  test("gets a comment every 4 s, and a sync before 30 s have passed since the last", async () => {
    local = new LocalHub()
    const stream = await (await local.stream()).caughtUp()
    const from = stream.heard.length
    const rest = stream.next()
    for (let seconds = 0; seconds < 28; seconds++) await local.clock.advance(1_000)
    await rest

    expect(stream.heard.slice(from)).toEqual([...Array(6).fill("comment"), "sync"])
  })

  test("gets a sync at the heartbeat when the hub's revision has passed its id", async () => {
    local = new LocalHub()
    const stream = await (await local.stream("prefix=mine/")).caughtUp()
    const revision = await local.write({ "other/1": 1 })
    const next = stream.next()
    await local.clock.advance(4_000)

    expect(await next).toMatchObject({ type: "sync", revision, entries: 0 })
    expect(stream.lastId).toMatch(/^[0-9a-f]+\.\d+\.[0-9a-f]{8}$/)
  })

  test("gets nothing between, and no heartbeat when there were changes", async () => {
    local = new LocalHub()
    const stream = await (await local.stream()).caughtUp()
    const from = stream.heard.length
    let next = stream.next()
    for (let n = 0; n < 3; n++) {
      await local.clock.advance(3_000)
      await local.write({ a: n })
      await next
      next = stream.next()
    }
    await local.clock.advance(3_999)

    expect(stream.heard.slice(from)).toEqual(["delta", "delta", "delta"])
  })
})

describe("a stream that is never silent", () => {
  test.each(["", "prefix=a"])("gets a sync within 30 s of the last (%j)", async (query) => {
    local = new LocalHub()
    const stream = await (await local.stream(query)).caughtUp()
    const syncs: number[] = []
    for (let seconds = 1; seconds <= 90; seconds++) {
      const next = stream.next()
      await local.clock.advance(1_000)
      await local.write({ a: seconds })
      await next
      if (stream.heard.at(-1) !== "sync") continue
      syncs.push(seconds)
      // It came before the delta of this second.
      await stream.next()
    }

    expect(syncs).toEqual([28, 55, 82])
  })
})

describe("a hub that has nothing yet", () => {
  const downSource = (source: SwitchSource) => {
    source.down = true
    return source
  }

  test("says waiting, then a fault that means: come back", async () => {
    local = new LocalHub({ through: (source) => downSource(new SwitchSource(source)) })
    const stream = await local.stream()
    const rest = stream.rest()
    await local.clock.advance(10_000)
    const frames = await rest

    expect(new Set(stream.heard)).toEqual(new Set(["comment", "status", "fault"]))
    expect(frames[0]).toMatchObject({ type: "status", report: { status: "waiting" } })
    expect(frames.at(-1)).toMatchObject({ code: "ERR_NOT_READY", retry: "retry" })
    expect(stream.retryMs).toBeGreaterThanOrEqual(250)
    const answers = await Promise.all(
      ["/readyz", "/v1/topics/t/entry?key=a", "/v1/topics/t/entries"].map((path) =>
        local.ask(path),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503])
    expect(await (await local.ask("/v1/topics/t")).json()).toMatchObject({ position: null })
  })

  test("goes on with hello as soon as it has something", async () => {
    let source: SwitchSource | undefined
    local = new LocalHub({
      through: (behind) => {
        source = new SwitchSource(behind)
        return downSource(source)
      },
      entries: [["a", json(1)]],
    })
    const stream = await local.stream()
    await stream.until("status")
    source!.down = false
    const caughtUp = stream.caughtUp()
    await local.clock.advance(5_000)
    await caughtUp

    expect(stream.replica.entries).toEqual({ a: 1 })
  })
})

describe("a reader that is ahead of this hub", () => {
  const scene = async () => {
    let source: SwitchSource | undefined
    local = new LocalHub({
      through: (behind) => {
        source = new SwitchSource(behind)
        return source
      },
    })
    await local.settle()
    const { epoch } = local.topic.cache.position!
    source!.holding = true
    const revision = await local.write({ a: 1 })
    const stream = await local.stream(`since=${epoch}.${revision}`)
    return { source: source!, stream, epoch, revision }
  }

  test("is resumed when the hub gets there", async () => {
    const { source, stream } = await scene()
    const hello = stream.until("hello")
    await local.clock.advance(3_000)
    expect(stream.heard).toEqual(["comment"])
    source.holding = false
    await local.settle()

    expect((await hello).resumed).toBe(true)
    await stream.caughtUp()
  })

  test("gets comments and its first event in the block of the opening", async () => {
    const { source, epoch, revision } = await scene()
    const response = await local.ask(`/v1/topics/t/stream?since=${epoch}.${revision}&once=1`)
    const text = response.text()
    await local.settle()
    await local.clock.advance(4_500)
    source.holding = false
    await local.settle()

    expect(await text).toMatch(/^:\nretry: \d+\n:\nevent: hello\n/)
  })

  test("gets a fault that means come back when the hub does not get there in 10 s", async () => {
    const { source, stream } = await scene()
    const rest = stream.rest()
    await local.clock.advance(10_000)
    source.holding = false

    expect((await rest).at(-1)).toMatchObject({ type: "fault", code: "ERR_NOT_READY" })
  })

  test("begins again when the source itself is below", async () => {
    const { source, stream: other, epoch } = await scene()
    source.holding = false
    await other.close()
    const stream = await local.stream(`since=${epoch}.999`)

    expect((await stream.until("reset")).reason).toBe("ahead")
    await stream.caughtUp()
    expect(stream.replica.entries).toEqual({ a: 1 })
  })
})

describe("a source that becomes another one", () => {
  test("is sent as a reset with the new epoch, in the middle of the stream", async () => {
    let source: SwitchSource | undefined
    local = new LocalHub({
      entries: [
        ["old", json(1)],
        ["both", json(1)],
      ],
      through: (behind) => {
        source = new SwitchSource(behind)
        return source
      },
    })
    const [plain, filtered] = [await local.stream(), await local.stream("prefix=b")]
    await Promise.all([plain.caughtUp(), filtered.caughtUp()])
    const before = local.topic.cache.epoch
    source!.replace(memorySource({ entries: [["both", json(2)]] }))
    const reset = plain.until("reset")
    const caughtUp = Promise.all([reset.then(() => plain.caughtUp()), filtered.until("reset")])
    await local.clock.advance(5_000)
    await caughtUp
    await filtered.caughtUp()

    expect(await reset).toMatchObject({ reason: "epoch-changed" })
    expect((await reset).epoch).not.toBe(before)
    expect(plain.replica.entries).toEqual({ both: 2 })
    expect(filtered.replica.entries).toEqual({ both: 2 })
  })

  test("tells stale and in-sync when the link breaks and comes back", async () => {
    let source: SwitchSource | undefined
    local = new LocalHub({
      through: (behind) => {
        source = new SwitchSource(behind)
        return source
      },
    })
    const stream = await (await local.stream()).caughtUp()
    source!.down = true
    const stale = stream.until("status")
    await local.clock.advance(1_000)
    expect((await stale).report).toMatchObject({ status: "stale", code: "ERR_SOURCE_FAILED" })
    expect((await local.ask("/readyz")).status).toBe(200)
    expect((await local.ask("/readyz?strict=1")).status).toBe(503)

    await local.write({ a: 1 })
    source!.down = false
    const delta = stream.until("delta")
    await local.clock.advance(60_000)
    expect((await delta).changes.map(({ key }) => key)).toEqual(["a"])
    const statuses: Frame[] = []
    while ((statuses.at(-1) as { report?: { status: string } })?.report?.status !== "in-sync") {
      statuses.push(await stream.until("status"))
    }
  })
})

describe("the end of a stream", () => {
  test("is a goodbye with the id where the reader is, when the hub stops", async () => {
    local = new LocalHub()
    const stream = await (await local.stream()).caughtUp()
    await local.write({ a: 1 })
    await stream.until("delta")
    const id = stream.lastId
    const rest = stream.rest()
    await local.settle()
    const closing = local.hub.streams.end("shutdown", 1_000, new AbortController().signal)
    await local.clock.advance(1_000)
    await closing
    const frames = await rest

    expect(frames).toMatchObject([{ type: "goodbye", reason: "shutdown", id }])
    expect(stream.retryMs).toBeGreaterThanOrEqual(250)
    const late = await (await local.stream()).rest()
    expect(late).toMatchObject([{ type: "fault", code: "ERR_NOT_READY", retry: "retry" }])
  })

  test("cuts a reader that does not read, after the grace", async () => {
    local = new LocalHub()
    const stream = await (await local.stream()).caughtUp()
    const closing = local.hub.streams.end("shutdown", 1_000, new AbortController().signal)
    await local.clock.advance(500)
    expect(local.hub.streams.size).toBe(1)
    await local.clock.advance(600)
    await closing

    expect(local.hub.streams.size).toBe(0)
    await expect(stream.read()).rejects.toThrow("cut")
  })

  test("frees everything when the client leaves", async () => {
    local = new LocalHub()
    const stream = await (await local.stream("prefix=a")).caughtUp()
    expect([local.hub.streams.size, local.topic.fanOut.followers]).toEqual([1, 1])
    await stream.close()
    await local.settle()

    expect([local.hub.streams.size, local.topic.fanOut.followers]).toEqual([0, 0])
    await local.clock.advance(30_000)
    const { views, leases, frames } = local.topic.fanOut
    expect([views?.size, leases.size, frames.bytes]).toEqual([0, 0, 0])
  })

  test("is a fault when there are too many streams, or views", async () => {
    local = new LocalHub({ limits: { streamsMax: 2, viewsMax: 1 } })
    await (await local.stream("prefix=a")).caughtUp()
    const view = await (await local.stream("prefix=b")).rest()
    await (await local.stream("prefix=a")).caughtUp()
    const stream = await (await local.stream("prefix=a")).rest()

    const tooMany = { type: "fault", code: "ERR_TOO_MANY", retry: "retry" }
    expect([view, stream]).toMatchObject([[tooMany], [tooMany]])
  })

  test("is a goodbye lagged under policy=disconnect, after the grace", async () => {
    local = new LocalHub({ limits: { lagMs: 60_000, lagGraceMs: 10_000, heartbeatMs: 200_000 } })
    const stream = await (await local.stream("policy=disconnect")).caughtUp()
    await local.write({ a: 1 })
    await stream.until("delta")
    for (let n = 0; n < 10; n++) {
      await local.clock.advance(10_000)
      await local.write({ a: n })
    }

    expect((await stream.rest()).at(-1)).toMatchObject({ type: "goodbye", reason: "lagged" })
  })

  test("is a cut for a reader that took nothing for 5 minutes, and no other", async () => {
    local = new LocalHub()
    const [stalled, reading] = [await local.stream(), await local.stream()]
    await Promise.all([stalled.caughtUp(), reading.caughtUp()])
    const id = stalled.lastId!
    let next = reading.read()
    for (let minutes = 0; minutes < 5; minutes++) {
      for (let n = 0; n < 14; n++) {
        await local.clock.advance(4_000)
        await next
        next = reading.read()
      }
      await local.write({ a: minutes })
      expect(local.hub.streams.size).toBe(2)
    }
    await local.clock.advance(30_000)
    expect(local.hub.streams.size).toBe(1)
    await expect(stalled.read()).rejects.toThrow("cut")

    const back = await local.stream("", { "last-event-id": id }, stalled.replica)
    expect((await back.until("hello")).resumed).toBe(true)
    await back.caughtUp()
    expect(back.replica.entries).toEqual({ a: 4 })
  })

  test("comes to the longest stalled reader first on a full hub", async () => {
    local = new LocalHub({ limits: { streamsMax: 2 } })
    const longest = await (await local.stream()).caughtUp()
    await local.clock.advance(3_000)
    const other = await (await local.stream()).caughtUp()
    await local.clock.advance(11_000)
    const third = await (await local.stream()).caughtUp()
    await expect(longest.read()).rejects.toThrow("cut")
    const next = [third.read(), other.read()]
    const fourth = await (await local.stream()).rest()

    expect(fourth).toMatchObject([{ type: "fault", code: "ERR_TOO_MANY" }])
    await local.clock.advance(4_000)
    await Promise.all(next)
  })

  test("is a cut under policy=disconnect, for a reader that lags and does not read", async () => {
    local = new LocalHub({ limits: { lagMs: 60_000, lagGraceMs: 10_000 } })
    const stalled = await (await local.stream("policy=disconnect")).caughtUp()
    const conflated = await (await local.stream()).caughtUp()
    for (let n = 0; n < 10; n++) {
      await local.clock.advance(10_000)
      await local.write({ a: n })
    }

    expect(local.hub.streams.size).toBe(1)
    await expect(stalled.read()).rejects.toThrow("cut")
    await conflated.until("delta")
  })

  test("is a fault for one reader alone when a bug is met while it is woken", async () => {
    local = new LocalHub()
    const [hurt, other] = [await local.stream("prefix=a"), await local.stream()]
    await Promise.all([hurt.caughtUp(), other.caughtUp()])
    const heard = Promise.all([hurt.rest(), other.until("delta")])
    await local.settle()
    const { frames } = local.topic.fanOut
    const make = frames.make.bind(frames)
    frames.make = (slice, values) => {
      if (slice.view.id !== "") throw new Error("a bug")
      return make(slice, values)
    }
    await local.write({ a: 1 })
    const [fault, delta] = await heard
    local.log.length = 0

    expect(fault).toMatchObject([{ type: "fault", code: "ERR_INTERNAL", retry: "retry" }])
    expect(delta).toMatchObject({ changes: [{ key: "a" }] })
    expect([local.hub.bugs.count, local.hub.streams.size]).toEqual([1, 1])
  })

  test("does not say what an unexpected error said", async () => {
    local = new LocalHub()
    await local.settle()
    local.topic.cache.locate = () => {
      throw new Error("secret")
    }
    const { epoch } = local.topic.cache
    const frames = await (await local.stream(`since=${epoch}.1`)).rest()
    const [failure] = local.log.splice(
      local.log.findIndex((line) => line.includes("secret")),
      1,
    )

    expect(frames).toMatchObject([{ type: "fault", code: "ERR_INTERNAL", retry: "retry" }])
    expect(failure).toContain("a stream failed")
    expect(JSON.stringify(frames)).not.toContain("secret")
  })
})

describe("a position below the horizon", () => {
  test("is answered by reset compacted, and so is a reader that stalls for too long", async () => {
    local = new LocalHub({ topic: { cache: { historyMs: 60_000 } } })
    const revision = await local.write({ a: 1 })
    const { epoch } = local.topic.cache.position!
    const stalled = await (await local.stream()).caughtUp()
    for (let n = 0; n < 20; n++) {
      await local.clock.advance(10_000)
      await local.write({ a: n, [`gone/${n}`]: n })
      await local.write({ [`gone/${n}`]: undefined })
    }
    const stream = await local.stream(`since=${epoch}.${revision}`)

    expect((await stream.until("reset")).reason).toBe("compacted")
    await stream.caughtUp()
    expect((await stalled.until("reset")).reason).toBe("compacted")
    await stalled.caughtUp()
    expect([stream.replica.entries, stalled.replica.entries]).toEqual([{ a: 19 }, { a: 19 }])
  })
})

describe("writes that the source does not take", () => {
  const writing = (write: (signal: AbortSignal) => Promise<never>) => {
    local = new LocalHub({
      through: (source) =>
        Object.assign(new SwitchSource(source), {
          write: (_request: unknown, signal: AbortSignal) => write(signal),
        }),
    })
    return local.settle()
  }
  const put = () =>
    local.ask("/v1/topics/t/entry?key=a", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: "1",
    })

  test("are 502 when it refuses, in our words", async () => {
    await writing(() => Promise.reject(new SourceError("secret words of etcd")))
    const response = await put()
    local.log.length = 0

    expect(response.status).toBe(502)
    expect(await response.text()).not.toContain("secret")
  })

  test("are 504, outcome unknown, when it does not answer in 10 s, or breaks off", async () => {
    await writing(
      (signal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    )
    const answer = put()
    await local.clock.advance(10_000)
    expect((await (await answer).json()).error.code).toBe("ERR_OUTCOME_UNKNOWN")
  })
})
