import type { TopicCounts } from "../observe/topic-counts.ts"
import type { Topic } from "../topic.ts"
import type { Exposition, Labels, MetricSample } from "./exposition.ts"

/** A topic and its counters. */
export interface CountedTopic {
  readonly topic: Topic
  readonly counts: TopicCounts
}

/** Adds the metrics of streams, of the frames that readers share, and of requests. */
export function addTopicMetrics(to: Exposition, topics: readonly CountedTopic[]): void {
  addStreams(to, topics)
  addFrames(to, topics)
  addRequests(to, topics)
}

/** Returns a sample of each topic. */
export function samplesOf(
  topics: readonly CountedTopic[],
  valueIn: (of: CountedTopic) => number,
): MetricSample[] {
  return topics.map((of) => ({ labels: { topic: of.topic.name }, value: valueIn(of) }))
}

/** Returns a sample of each row of a tally, of each topic. */
export function talliesOf<L extends Labels>(
  topics: readonly CountedTopic[],
  rowsOf: (counts: TopicCounts) => Iterable<{ readonly labels: L; readonly count: number }>,
): MetricSample[] {
  return topics.flatMap(({ topic, counts }) =>
    [...rowsOf(counts)].map(({ labels, count }) => ({
      labels: { topic: topic.name, ...labels },
      value: count,
    })),
  )
}

function addStreams(to: Exposition, topics: readonly CountedTopic[]): void {
  to.counter(
    "headwater_streams_total",
    "Streams that readers opened, by policy.",
    talliesOf(topics, ({ streams }) => streams.rows),
  )
  to.counter(
    "headwater_stream_ends_total",
    "Streams that ended, by reason.",
    talliesOf(topics, ({ streamEnds }) => streamEnds.rows),
  )
  to.counter(
    "headwater_resets_total",
    "Readers whose state was void, so that they were sent a snapshot, by reason.",
    talliesOf(topics, ({ resets }) => resets.rows),
  )
  to.counter(
    "headwater_conflations_total",
    "Times that a slow reader got the changes of several versions as one.",
    samplesOf(topics, ({ counts }) => counts.conflations),
  )
}

function addFrames(to: Exposition, topics: readonly CountedTopic[]): void {
  to.counter(
    "headwater_frames_encoded_total",
    "Frames with data that were encoded, by kind.",
    talliesOf(topics, ({ encodes }) => encodes.rows),
  )
  to.counter(
    "headwater_frames_encoded_bytes_total",
    "Bytes of these frames.",
    talliesOf(topics, ({ encodedBytes }) => encodedBytes.rows),
  )
  to.counter(
    "headwater_frames_shared_total",
    "Frames with data that a reader got and that were encoded for another one.",
    samplesOf(topics, ({ topic }) => topic.fanOut.frames.shared),
  )
  to.gauge(
    "headwater_frame_cache_bytes",
    "Bytes of encoded frames that are kept for other readers.",
    samplesOf(topics, ({ topic }) => topic.fanOut.frames.bytes),
  )
  to.counter(
    "headwater_snapshots_built_total",
    "Readers that hold nothing and began a new snapshot.",
    samplesOf(topics, ({ counts }) => counts.snapshotsBuilt),
  )
  to.counter(
    "headwater_snapshots_shared_total",
    "Readers that hold nothing and began with the snapshot of readers before them.",
    samplesOf(topics, ({ counts }) => counts.snapshotsShared),
  )
  to.gauge(
    "headwater_views",
    "Different filters of readers, the unfiltered view included, in use or kept for a while.",
    samplesOf(topics, ({ topic }) => topic.fanOut.views?.size ?? 0),
  )
}

function addRequests(to: Exposition, topics: readonly CountedTopic[]): void {
  to.gauge(
    "headwater_blocking_gets",
    "GETs that wait for a change.",
    samplesOf(topics, ({ counts }) => counts.blockingGetsOpen),
  )
  to.counter(
    "headwater_blocking_gets_total",
    "GETs that waited for a change.",
    samplesOf(topics, ({ counts }) => counts.blockingGets),
  )
  to.counter(
    "headwater_writes_total",
    "Writes that the source answered or did not, by result.",
    talliesOf(topics, ({ writes }) => writes.rows),
  )
  to.counter(
    "headwater_changes_written_total",
    "Entries that these writes put or deleted.",
    samplesOf(topics, ({ counts }) => counts.changesWritten),
  )
  to.histogram(
    "headwater_write_duration_seconds",
    "Time of the source to answer a write.",
    topics.map(({ topic, counts }) => ({
      labels: { topic: topic.name },
      of: counts.writeSeconds,
    })),
  )
}
