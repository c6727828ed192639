import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Etcd, etcdAvailable, freePort, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess, type RuntimeName } from "./hub-process.ts"
import { PrometheusProcess, prometheusAvailable } from "./prometheus-process.ts"

// An operator's evening: three hubs of one etcd, each on another runtime, scraped by a Prometheus
// with the files of deploy/. The etcd stops, an alert fires for each hub; it comes back, and the
// alerts end.

const FULL = process.env["HEADWATER_FULL"] === "1"
const RUNTIMES: readonly RuntimeName[] = ["node", "bun", "deno"]
const PATIENCE_MS = 120_000
const isAvailable = etcdAvailable() && prometheusAvailable()

if (FULL && !isAvailable) console.log("prometheus: not run, as it or etcd is not installed")

describe.skipIf(!FULL || !isAvailable)("a Prometheus that scrapes three hubs", () => {
  let etcd: Etcd
  let prometheus: PrometheusProcess
  const hubs: HubProcess[] = []
  const targets: string[] = []

  beforeAll(async () => {
    etcd = await startEtcd()
    await etcd.put("/live/a", "1")
    for (const runtime of RUNTIMES) {
      const target = `127.0.0.1:${await freePort()}`
      const topic = `t=etcd://${etcd.host}/live/?write=1`
      const args = ["--topic", topic, "--metrics-listen", target]
      hubs.push(await HubProcess.start(runtime, await freePort(), args))
      targets.push(target)
    }
    for (const hub of hubs) await hub.ready()
    prometheus = await PrometheusProcess.start(targets)
  })

  afterAll(async () => {
    await prometheus?.stop()
    for (const hub of hubs) await hub.stop()
    await etcd?.dispose()
  })

  test("reads every hub, whatever runtime it is on", { timeout: PATIENCE_MS }, async () => {
    await prometheus.until("up == 1", 3, PATIENCE_MS)
    await prometheus.until('headwater_source_status{status="in-sync"} == 1', 3, PATIENCE_MS)
    const builds = await prometheus.until("headwater_build_info", 3, PATIENCE_MS)

    expect(builds.map(({ metric }) => metric["runtime"]).sort()).toEqual(["bun", "deno", "node"])
    const entries = await prometheus.query("headwater_entries")
    expect(entries.map(({ value }) => value[1])).toEqual(["1", "1", "1"])
    expect(await prometheus.query("process_resident_memory_bytes > 1e7")).toHaveLength(3)
    expect(await prometheus.query("process_cpu_seconds_total > 0")).toHaveLength(3)
    await prometheus.until("headwater_event_loop_delay_seconds_count > 0", 3, PATIENCE_MS)
  })

  test("counts readers and writes where they are", { timeout: PATIENCE_MS }, async () => {
    const [hub] = hubs
    const abort = new AbortController()
    const stream = await fetch(`${hub!.url}/v1/topics/t/stream`, { signal: abort.signal })
    const put = { method: "PUT", body: "2", headers: { "content-type": "application/json" } }
    expect((await fetch(`${hub!.url}/v1/topics/t/entries/b`, put)).status).toBe(200)

    const readers = await prometheus.until(
      "sum by (instance) (headwater_readers) == 1",
      1,
      PATIENCE_MS,
    )
    await prometheus.until('headwater_writes_total{result="written"} == 1', 1, PATIENCE_MS)
    await prometheus.until("headwater_entries == 2", 3, PATIENCE_MS)
    await stream.body!.cancel().catch(() => {})
    abort.abort()

    expect(readers[0]!.metric["instance"]).toBe(targets[0])
    await prometheus.until("sum by (instance) (headwater_readers) == 0", 3, PATIENCE_MS)
  })

  test("takes every expression of the dashboard", { timeout: PATIENCE_MS }, async () => {
    const text = readFileSync(join(import.meta.dirname, "../../deploy/grafana.json"), "utf8")
    const expressions = [...text.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(
      ([, json]) => JSON.parse(json!) as string,
    )
    expect(expressions.length).toBeGreaterThan(40)
    const empty: string[] = []
    for (const expression of expressions) {
      const asked = expression
        .replaceAll(/\$(job|instance|topic)/g, ".*")
        .replaceAll("$__rate_interval", "1m")
      if ((await prometheus.query(asked)).length === 0) empty.push(expression)
    }
    // These have series only when something is wrong, or happened.
    const quiet = /invalid|ALERTS|stream_ends|refusals/
    expect(empty.filter((expression) => !quiet.test(expression))).toEqual([])
  })

  test("an alert fires for each hub when etcd stops, and ends when it is back", {
    timeout: 2 * PATIENCE_MS,
  }, async () => {
    const firing = 'ALERTS{alertname="HeadwaterSourceStale",alertstate="firing"}'
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([])
    await etcd.stop()
    const alerts = await prometheus.until(firing, 3, PATIENCE_MS)
    await etcd.start()
    await prometheus.until(firing, 0, PATIENCE_MS)

    expect(alerts.map(({ metric }) => metric["instance"]).sort()).toEqual([...targets].sort())
    expect(new Set(alerts.map(({ metric }) => metric["topic"]))).toEqual(new Set(["t"]))
    await prometheus.until('headwater_source_status{status="in-sync"} == 1', 3, PATIENCE_MS)
  })

  test("an alert fires for a hub that is gone", { timeout: PATIENCE_MS }, async () => {
    await hubs.pop()!.stop("SIGKILL")
    const [alert] = await prometheus.until(
      'ALERTS{alertname="HeadwaterDown",alertstate="firing"}',
      1,
      PATIENCE_MS,
    )

    expect(alert!.metric["instance"]).toBe(targets[2])
  })
})
