import { memorySource } from "@headwater/syncer/memory"
import { afterEach, describe, expect, test } from "vitest"
import { createMetricsApp } from "../../src/http/metrics-app.ts"
import { metricsText } from "../../src/metrics/metrics-text.ts"
import { json, LocalHub } from "../support/local-hub.ts"
import { type ServedHub, serveHub } from "../support/served-hub.ts"
import { StreamReader } from "../support/stream-reader.ts"
import { SwitchSource } from "../support/switch-source.ts"

/** Values of a text, by name and labels as they are written. */
function valuesOf(text: string): Readonly<Record<string, number>> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.lastIndexOf(" ")
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

/** Names and types in a text, without their series. */
function familiesOf(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
}

describe("metricsText()", () => {
  const locals: LocalHub[] = []
  function localHub(options: ConstructorParameters<typeof LocalHub>[0] = {}): LocalHub {
    const local = new LocalHub({ entries: [["a", json(1)]], ...options })
    locals.push(local)
    return local
  }
  async function scrape(local: LocalHub, format: "prometheus" | "openmetrics" = "prometheus") {
    const text = metricsText(local.hub, format)
    await local.settle()
    return text
  }
  afterEach(async () => {
    for (const local of locals.splice(0)) expect(await local.close()).toEqual([])
  })

  test("counts readers by policy and state, and the frames that they share", async () => {
    const local = localHub()
    await local.settle()
    const readers = [await local.stream(), await local.stream("policy=disconnect")]
    for (const reader of readers) await reader.caughtUp()
    const revision = await local.write({ b: 2 })
    for (const reader of readers) await reader.reached(revision)
    await local.settle()

    const values = valuesOf(await scrape(local))

    expect(values['headwater_streams_total{topic="t",policy="conflate"}']).toBe(1)
    expect(values['headwater_streams_total{topic="t",policy="disconnect"}']).toBe(1)
    const states = ["waiting", "catching-up", "queued", "proving", "live", "resting"]
    const readersNow = ["conflate", "disconnect"].flatMap((policy) =>
      states.map(
        (state) => values[`headwater_readers{topic="t",policy="${policy}",state="${state}"}`]!,
      ),
    )
    expect(readersNow.reduce((sum, value) => sum + value)).toBe(2)
    expect(values['headwater_frames_encoded_total{topic="t",kind="snapshot"}']).toBe(1)
    expect(values['headwater_frames_encoded_total{topic="t",kind="delta"}']).toBe(1)
    expect(values['headwater_frames_shared_total{topic="t"}']).toBe(2)
    expect(values['headwater_snapshots_built_total{topic="t"}']).toBe(1)
    expect(values['headwater_snapshots_shared_total{topic="t"}']).toBe(1)
    expect(values['headwater_entries{topic="t"}']).toBe(2)
    expect(values['headwater_reader_lag_max_revisions{topic="t"}']).toBe(0)
  })

  test("tells how far the slowest reader lags, in revisions and seconds", async () => {
    const local = localHub()
    await local.settle()
    const slow = await local.stream()
    await slow.caughtUp()
    // It reads nothing meanwhile, so nothing is made for it.
    for (let value = 2; value <= 5; value++) {
      await local.write({ a: value })
      await local.clock.advance(1_000)
    }

    const lagging = valuesOf(await scrape(local))
    await slow.reached(5)
    await local.settle()
    const after = valuesOf(await scrape(local))

    expect(lagging['headwater_reader_lag_max_revisions{topic="t"}']).toBe(4)
    expect(lagging['headwater_reader_lag_max_seconds{topic="t"}']).toBe(3)
    expect(lagging['headwater_readers_stalled{topic="t"}']).toBe(1)
    expect(after['headwater_reader_lag_max_revisions{topic="t"}']).toBe(0)
    expect(after['headwater_reader_lag_max_seconds{topic="t"}']).toBe(0)
    expect(after['headwater_conflations_total{topic="t"}']).toBe(1)
  })

  test("keeps what was sent when its readers leave: counters never fall", async () => {
    const local = localHub()
    await local.settle()
    const sent = async () => {
      const values = valuesOf(await scrape(local))
      return [
        values['headwater_frames_sent_total{topic="t"}']!,
        values['headwater_frames_sent_bytes_total{topic="t"}']!,
      ]
    }
    const first = await local.stream()
    await first.caughtUp()
    const [frames, bytes] = await sent()
    const second = await local.stream()
    await second.caughtUp()
    await first.close()
    await second.close()
    await local.settle()

    expect(frames).toBe(4)
    expect(await sent()).toEqual([2 * frames!, 2 * bytes!])
    expect(await sent()).toEqual([2 * frames!, 2 * bytes!])
  })

  test("shows a source that is down, and that it came back", async () => {
    let source: SwitchSource | undefined
    const local = localHub({
      through: (memory) => {
        source = new SwitchSource(memory)
        return source
      },
    })
    await local.settle()
    source!.down = true
    await local.clock.advance(60_000)
    const down = valuesOf(await scrape(local))
    source!.down = false
    await local.clock.advance(60_000)
    const up = valuesOf(await scrape(local))

    expect(down['headwater_source_status{topic="t",status="stale"}']).toBe(1)
    expect(down['headwater_source_status{topic="t",status="in-sync"}']).toBe(0)
    const failures = 'headwater_source_failures_total{topic="t",code="ERR_SOURCE_FAILED"}'
    expect(down[failures]).toBeGreaterThan(1)
    expect(up['headwater_source_status{topic="t",status="in-sync"}']).toBe(1)
    expect(up['headwater_source_watches_total{topic="t"}']).toBe(2)
    const contact = 'headwater_source_contact_timestamp_seconds{topic="t"}'
    expect(up[contact]! - down[contact]!).toBeGreaterThan(30)
  })

  test("has all metrics, and zeros, while the source was not read yet", async () => {
    let source: SwitchSource | undefined
    const local = localHub({
      through: (memory) => {
        source = new SwitchSource(memory)
        source.down = true
        return source
      },
    })
    await local.settle()
    const before = await scrape(local)
    source!.down = false
    await local.clock.advance(10_000)
    const after = await scrape(local)

    expect(valuesOf(before).headwater_ready).toBe(0)
    expect(valuesOf(before)['headwater_entries{topic="t"}']).toBe(0)
    expect(valuesOf(after).headwater_ready).toBe(1)
    expect(familiesOf(before)).toEqual(familiesOf(after))
  })

  test("has the same numbers in both formats, whichever is asked for first", async () => {
    const local = localHub()
    await local.settle()
    const [prometheus, open, again] = [
      await scrape(local),
      await scrape(local, "openmetrics"),
      await scrape(local),
    ]

    expect(valuesOf(open)).toEqual(valuesOf(prometheus))
    expect(again).toEqual(prometheus)
    expect(open.endsWith("\n# EOF\n")).toBe(true)
    expect(open).toContain("# TYPE headwater_frames_sent counter\n")
    expect(prometheus).toContain("# TYPE headwater_frames_sent_total counter\n")
  })

  test("names no client's input, and grows by none", async () => {
    const local = localHub()
    await local.settle()
    const lines = (await scrape(local)).split("\n").length
    for (let index = 0; index < 50; index++) {
      await local.ask(`/v1/topics/strange-${index}/entries/strange-key`)
      await local.ask(`/strange-${index}?strange=1`)
      await (await local.stream(`prefix=strange-${index}`)).close()
    }
    await local.settle()

    const text = await scrape(local)

    expect(text).not.toContain("strange")
    expect(text.split("\n").length - lines).toBeLessThan(5)
  })

  test("looks at 10,000 readers in less than a turn of the hub each time", async () => {
    const local = localHub({ limits: { streamsMax: 20_000 } })
    await local.settle()
    const { readers } = local.topic
    const reader = {
      policy: "conflate",
      phase: "resting",
      openedAt: 0,
      stalledSince: undefined,
      framesSent: 0,
      bytesSent: 0,
      lagRevisions: 0,
      lagMs: 0,
      noteSent() {
        readers.framesSent++
      },
    } as const
    for (let index = 0; index < 10_000; index++) readers.add({ ...reader })

    const values = valuesOf(await scrape(local))

    const resting = 'headwater_readers{topic="t",policy="conflate",state="resting"}'
    expect(values[resting]).toBe(10_000)
    expect(values['headwater_frames_sent_total{topic="t"}']).toBe(10_000)
  })
})

describe("GET /metrics", () => {
  const served: ServedHub[] = []
  async function hub(): Promise<ServedHub> {
    const one = await serveHub({ topics: [{ name: "t", source: memorySource() }] })
    served.push(one)
    return one
  }
  afterEach(async () => {
    for (const one of served.splice(0)) await one.close()
  })

  const PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
  const OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
  const accepts: [string | undefined, string][] = [
    [undefined, PROMETHEUS],
    ["*/*", PROMETHEUS],
    ["", PROMETHEUS],
    ["application/json", PROMETHEUS],
    [";;q=,,/", PROMETHEUS],
    ["application/openmetrics-text;q=0", PROMETHEUS],
    ["application/openmetrics-text;q=5", PROMETHEUS],
    ["text/plain, application/openmetrics-text;q=0.5", PROMETHEUS],
    ["application/openmetrics-text; version=1.0.0", OPEN],
    ["APPLICATION/OPENMETRICS-TEXT", OPEN],
    [
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5," +
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3," +
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
      OPEN,
    ],
  ]
  test("answers any Accept, in OpenMetrics where that is preferred", async () => {
    const { url } = await hub()
    for (const [accept, type] of accepts) {
      const headers = accept === undefined ? {} : { accept }
      const answer = await fetch(`${url}/metrics`, { headers })
      const text = await answer.text()
      expect([accept, answer.status, answer.headers.get("content-type")]).toEqual([
        accept,
        200,
        type,
      ])
      expect(text.endsWith("# EOF\n")).toBe(type === OPEN)
    }
  })

  test("answers HEAD without a body, other methods with 405, parameters with 400", async () => {
    const { url } = await hub()
    const head = await fetch(`${url}/metrics`, { method: "HEAD" })
    expect([head.status, await head.text()]).toEqual([200, ""])
    const post = await fetch(`${url}/metrics`, { method: "POST" })
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"])
    await post.body?.cancel()
    const query = await fetch(`${url}/metrics?topic=t`)
    expect([query.status, (await query.json()).error.code]).toEqual([400, "ERR_REQUEST_INVALID"])
  })

  test("refuses a request that a proxy passed on", async () => {
    const { url } = await hub()
    const answer = await fetch(`${url}/metrics`, { headers: { "x-forwarded-for": "10.1.2.3" } })
    expect([answer.status, (await answer.json()).error.code]).toEqual([403, "ERR_FORBIDDEN"])
  })

  test("keeps the counters of two hubs of one process apart", async () => {
    const [one, other] = [await hub(), await hub()]
    const reader = await StreamReader.open(`${one.url}/v1/topics/t/stream`)
    await reader.caughtUp()
    const streams = 'headwater_streams_total{topic="t",policy="conflate"}'

    const [ofOne, ofOther] = await Promise.all(
      [one, other].map(async ({ url }) => valuesOf(await (await fetch(`${url}/metrics`)).text())),
    )
    await reader.close()

    expect([ofOne![streams], ofOther![streams]]).toEqual([1, 0])
  })

  test("goes on while the hub drains, on a listener of its own", async () => {
    const { hub: one, url } = await hub()
    const app = createMetricsApp(one)
    const reader = await StreamReader.open(`${url}/v1/topics/t/stream`)
    await reader.caughtUp()
    const ended = one.streams.end("draining", 0, new AbortController().signal)

    const answer = await app.request("http://hub.example/metrics")
    const values = valuesOf(await answer.text())
    await ended
    await reader.close()

    expect([values.headwater_draining, values.headwater_ready]).toEqual([1, 0])
    expect((await app.request("http://hub.example/")).status).toBe(404)
    expect((await app.request("http://hub.example/metrics", { method: "PUT" })).status).toBe(405)
  })

  test("samples the event loop once it was scraped", async () => {
    const { url } = await hub()
    const count = async () => {
      const text = await (await fetch(`${url}/metrics`)).text()
      return valuesOf(text).headwater_event_loop_delay_seconds_count!
    }
    expect(await count()).toBe(0)
    while ((await count()) < 2) {
      // Each scrape gives the hub a turn; a sample comes after 100 ms.
    }
  })
})
