import type { Status } from "@headwater/core"
import type { Exposition } from "./exposition.ts"
import { type CountedTopic, samplesOf, talliesOf } from "./topic-metrics.ts"

const STATUSES: readonly Status[] = ["waiting", "resyncing", "in-sync", "stale"]

/** Adds the metrics of the link to each source, and of the state that mirrors it. */
export function addSourceMetrics(to: Exposition, topics: readonly CountedTopic[]): void {
  addLink(to, topics)
  addReading(to, topics)
  addState(to, topics)
  addMemory(to, topics)
}

function addLink(to: Exposition, topics: readonly CountedTopic[]): void {
  to.gauge(
    "headwater_source_status",
    "The status of the link to the source: 1 for the present one, 0 for the others.",
    topics.flatMap(({ topic }) =>
      STATUSES.map((status) => ({
        labels: { topic: topic.name, status },
        value: topic.cache.report.status === status ? 1 : 0,
      })),
    ),
  )
  to.gauge(
    "headwater_source_status_timestamp_seconds",
    "When the link took its present status, in seconds since 1970.",
    samplesOf(topics, ({ topic }) => topic.cache.report.statusSince / 1_000),
  )
  to.gauge(
    "headwater_source_contact_timestamp_seconds",
    "When the source answered last, in seconds since 1970; 0 for never.",
    samplesOf(topics, ({ topic }) => topic.cache.report.lastContact / 1_000),
  )
}

function addReading(to: Exposition, topics: readonly CountedTopic[]): void {
  to.counter(
    "headwater_source_lists_total",
    "Lists of the source that were read to their end.",
    samplesOf(topics, ({ counts }) => counts.lists),
  )
  to.counter(
    "headwater_source_lists_seconds_total",
    "Time that these lists took.",
    samplesOf(topics, ({ counts }) => counts.listSeconds),
  )
  to.counter(
    "headwater_source_watches_total",
    "Watches of the source that were opened: the first one, and each reconnect.",
    samplesOf(topics, ({ counts }) => counts.watches),
  )
  to.counter(
    "headwater_source_failures_total",
    "Questions, lists and watches that failed, by code.",
    talliesOf(topics, ({ sourceFailures }) => sourceFailures.rows),
  )
  to.counter(
    "headwater_source_epochs_total",
    "Epochs that began: the first one, and each time that another source took its place.",
    samplesOf(topics, ({ counts }) => counts.epochs),
  )
  to.counter(
    "headwater_updates_applied_total",
    "Changes of entries that the watch brought.",
    samplesOf(topics, ({ counts }) => counts.updatesApplied),
  )
}

function addState(to: Exposition, topics: readonly CountedTopic[]): void {
  to.gauge(
    "headwater_revision",
    "The revision up to which everything is served; 0 before the source was read.",
    samplesOf(topics, ({ topic }) => topic.cache.position?.revision ?? 0),
  )
  to.gauge(
    "headwater_entries",
    "Entries that are served.",
    samplesOf(topics, ({ topic }) => topic.cache.current?.snapshot.size ?? 0),
  )
  to.gauge(
    "headwater_entries_bytes",
    "Bytes of their keys and values.",
    samplesOf(topics, ({ topic }) => topic.cache.current?.snapshot.bytes ?? 0),
  )
  to.gauge(
    "headwater_entries_invalid",
    "Entries of the source that are hidden because their values are not valid.",
    samplesOf(topics, ({ topic }) => topic.cache.report.invalid ?? 0),
  )
}

function addMemory(to: Exposition, topics: readonly CountedTopic[]): void {
  const memory = topics.map((of) => ({ ...of, memory: of.topic.cache.memory }))
  const by = (valueIn: (of: (typeof memory)[number]["memory"]) => number) =>
    memory.map(({ topic, memory }) => ({ labels: { topic: topic.name }, value: valueIn(memory) }))
  to.gauge(
    "headwater_tombstones",
    "Deleted entries that are remembered, so that readers can resume.",
    by(({ tombstones }) => tombstones),
  )
  to.gauge(
    "headwater_tombstones_bytes",
    "Bytes of these.",
    by(({ tombstoneBytes }) => tombstoneBytes),
  )
  to.gauge(
    "headwater_memory_live_bytes",
    "WebAssembly memory in use.",
    by(({ bytesLive }) => bytesLive),
  )
  to.gauge(
    "headwater_memory_reserved_bytes",
    "WebAssembly memory that was reserved; it never shrinks while an epoch lasts.",
    by(({ bytesReserved }) => bytesReserved),
  )
  to.gauge(
    "headwater_memory_bound_bytes",
    "The most that one epoch may reserve; 0 before the source was read.",
    by(({ bytesMax }) => bytesMax),
  )
  to.gauge(
    "headwater_snapshots_held",
    "Versions of the state that readers, lists and pages pin.",
    by(({ snapshots }) => snapshots),
  )
  to.counter(
    "headwater_memory_full_total",
    "Times that a change was not applied because memory was full.",
    samplesOf(topics, ({ counts }) => counts.memoryFull),
  )
}
