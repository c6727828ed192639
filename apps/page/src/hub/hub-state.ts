import { batch, signal } from "@preact/signals"
import { History } from "./history.ts"
import { bucketsOf, type Metrics, maxOf, parseMetrics, quantileBetween, sumOf } from "./metrics.ts"
import { RequestFailure, request } from "./request.ts"
import type { TopicState } from "./topic-state.ts"

/** The page's link to the hub. */
export interface HubLink {
  readonly state: "connecting" | "online" | "gone"
  /** Milliseconds since 1970 at which the state began. */
  readonly since: number
  /** The time of the last answer. */
  readonly lastAnswer: number | undefined
}

/** `ok`, or the reason why the page has no metrics. */
export type MetricsState = "unknown" | "ok" | "missing" | "refused"

/** The charts of one topic. */
export interface TopicHistory {
  readonly writes: History
  readonly deliveries: History
}

const POLL_MS = 2_000
const POLL_HIDDEN_MS = 20_000
const RETRY_MS = 1_000

/** A hub that has no metrics for this page is asked again after so many polls. */
const METRICS_SKIPPED = 30

/** The link to the hub: every part of the page shows it. */
export const hubLink = signal<HubLink>({
  state: "connecting",
  since: Date.now(),
  lastAnswer: undefined,
})

/** The topics as of the last answer; undefined before the first. */
export const topics = signal<readonly TopicState[] | undefined>(undefined)

/** The metrics as of the last answer. */
export const metrics = signal<Metrics>(new Map())

/** The access to metrics. */
export const metricsState = signal<MetricsState>("unknown")

/** Charts of the whole hub. */
export const hubHistory = {
  writes: new History(),
  deliveries: new History(),
  writeTime: new History(),
  lag: new History(),
  memory: new History(),
} as const

/** The difference of the hub's clock to this one, in ms. */
export const clockSkewMs = signal(0)

const histories = new Map<string, TopicHistory>()
let buckets: readonly (readonly [number, number])[] = []
let metricsPause = 0
let timer: ReturnType<typeof setTimeout> | undefined
let isPolling = false

/** The charts of a topic. */
export function historyOf(topic: string): TopicHistory {
  let history = histories.get(topic)
  if (history === undefined) {
    history = { writes: new History(), deliveries: new History() }
    histories.set(topic, history)
  }
  return history
}

/** The state of a topic as of the last answer. */
export function topicState(name: string | undefined): TopicState | undefined {
  return topics.value?.find(({ topic }) => topic === name)
}

/** Begins to ask the hub for its state, and goes on until the page is closed. */
export function startPolling(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") pollNow()
  })
  addEventListener("online", pollNow)
  addEventListener("offline", pollNow)
  pollNow()
}

/** Asks at once, such as when a stream was lost. */
export function pollNow(): void {
  if (isPolling) return
  clearTimeout(timer)
  isPolling = true
  poll()
    .catch(console.error)
    .finally(() => {
      isPolling = false
      timer = setTimeout(pollNow, pauseMs())
    })
}

function pauseMs(): number {
  if (hubLink.peek().state === "gone") return RETRY_MS
  return document.visibilityState === "visible" ? POLL_MS : POLL_HIDDEN_MS
}

async function poll(): Promise<void> {
  try {
    const response = await request("v1/topics")
    const sent = Date.parse(response.headers.get("date") ?? "")
    const body = (await response.json()) as { readonly topics: readonly TopicState[] }
    const skew = sent - Date.now()
    clockSkewMs.value = Math.abs(skew) > 2_000 ? skew : 0
    const measured = await readMetrics()
    batch(() => {
      moveLink("online")
      topics.value = body.topics
      if (measured) metrics.value = measured
      takeSamples(body.topics, metricsState.value === "ok" ? metrics.value : new Map())
    })
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error
    // An answer that refuses is an answer.
    moveLink(error.status === 0 || error.status >= 502 ? "gone" : "online")
  }
}

function moveLink(state: "online" | "gone"): void {
  const now = Date.now()
  const link = hubLink.peek()
  const since = link.state === state ? link.since : now
  hubLink.value = { state, since, lastAnswer: state === "online" ? now : link.lastAnswer }
}

async function readMetrics(): Promise<Metrics | undefined> {
  if (metricsPause > 0) {
    metricsPause -= 1
    return undefined
  }
  try {
    const response = await request("metrics", { isOptional: true })
    const read = parseMetrics(await response.text())
    metricsState.value = "ok"
    return read
  } catch (error) {
    const { status } = error as RequestFailure
    metricsState.value = status === 401 || status === 403 ? "refused" : "missing"
    metricsPause = METRICS_SKIPPED
    return undefined
  }
}

function takeSamples(all: readonly TopicState[], measured: Metrics): void {
  const at = performance.now()
  for (const { topic, revision } of all) {
    const { writes, deliveries } = historyOf(topic)
    writes.addCounter(sumOf(measured, METRIC.writes, topic) ?? revision ?? undefined, at)
    deliveries.addCounter(sumOf(measured, METRIC.deliveries, topic), at)
  }
  const sum = (rates: readonly number[]) => rates.reduce((total, rate) => total + (rate || 0), 0)
  hubHistory.writes.add(
    all.length === 0 ? 0 : sum(all.map(({ topic }) => historyOf(topic).writes.last)),
  )
  hubHistory.deliveries.addCounter(sumOf(measured, METRIC.deliveries), at)
  const now = bucketsOf(measured, METRIC.writeTime)
  hubHistory.writeTime.add(quantileBetween(buckets, now, 0.99) * 1000)
  buckets = now
  hubHistory.lag.add((maxOf(measured, METRIC.lag) ?? Number.NaN) * 1000)
  const memory = sumOf(measured, METRIC.processMemory) ?? sumOf(measured, METRIC.topicMemory)
  hubHistory.memory.add(memory ?? Number.NaN)
}

/** The names of the hub's metrics that the page shows. */
export const METRIC = {
  writes: "headwater_updates_applied_total",
  deliveries: "headwater_frames_sent_total",
  writeTime: "headwater_write_duration_seconds",
  lag: "headwater_reader_lag_max_seconds",
  processMemory: "process_resident_memory_bytes",
  topicMemory: "headwater_memory_reserved_bytes",
} as const
