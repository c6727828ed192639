import type { Exposition, MetricSample } from "./exposition.ts"
import type { ReaderFacts } from "./reader-facts.ts"

/** Adds the metrics of readers: how many there are, how far behind, and what they were sent. */
export function addReaderMetrics(to: Exposition, facts: readonly ReaderFacts[]): void {
  const by = (valueIn: (of: ReaderFacts) => number): MetricSample[] =>
    facts.map((of) => ({ labels: { topic: of.topic }, value: valueIn(of) }))
  to.gauge(
    "headwater_readers",
    "Readers whose streams are open, by policy and by state of their stream.",
    facts.flatMap(({ topic, counts }) =>
      counts.map(({ policy, state, readers: value }) => ({
        labels: { topic, policy, state },
        value,
      })),
    ),
  )
  to.gauge(
    "headwater_readers_stalled",
    "Readers whose connections have taken nothing for a second or more.",
    by((of) => of.stalled),
  )
  to.gauge(
    "headwater_reader_lag_max_revisions",
    "Revisions between the served position and the reader that lags most.",
    by((of) => of.lagRevisionsMax),
  )
  to.gauge(
    "headwater_reader_lag_max_seconds",
    "Age of the oldest change that the reader that lags most lacks.",
    by((of) => of.lagMsMax / 1_000),
  )
  to.counter(
    "headwater_frames_sent_total",
    "Frames that readers were sent, comments included.",
    by((of) => of.framesSent),
  )
  to.counter(
    "headwater_frames_sent_bytes_total",
    "Bytes of these frames, before compression.",
    by((of) => of.bytesSent),
  )
}
