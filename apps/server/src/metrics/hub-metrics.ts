import type { Hub } from "../hub.ts"
import type { Exposition } from "./exposition.ts"

/** Adds the metrics of the hub as a whole. */
export function addHubMetrics(to: Exposition, hub: Hub): void {
  const { streams, limits, topics, counts, bugs, walkLimiter } = hub
  const one = (value: number) => [{ value }]
  const isReady = !hub.isDraining && topics.every(({ wasInSync }) => wasInSync)
  to.gauge("headwater_ready", "1 while /readyz answers 200, else 0.", one(isReady ? 1 : 0))
  to.gauge("headwater_draining", "1 once the hub drains.", one(hub.isDraining ? 1 : 0))
  to.counter("headwater_drains_total", "Times that the hub began to drain.", one(counts.drains))
  to.gauge("headwater_topics", "Topics of this hub.", one(topics.length))
  to.gauge("headwater_streams", "Open streams and waiting GETs.", one(streams.size))
  to.gauge("headwater_streams_bound", "The most of these at once.", one(limits.streamsMax))
  to.gauge("headwater_walks", "Readers in long catch-ups that run.", one(walkLimiter.walking))
  to.gauge("headwater_walks_queued", "Readers that wait for one.", one(walkLimiter.waiting))
  to.counter(
    "headwater_refusals_total",
    "Connections, requests and streams that were answered with an error, by code.",
    [...counts.refusals.rows].map(({ labels, count }) => ({ labels, value: count })),
  )
  to.counter("headwater_bugs_total", "Errors that are bugs of the hub.", one(bugs.count))
  to.histogram(
    "headwater_event_loop_delay_seconds",
    "How late the event loop runs, sampled 10 times a second from the first scrape on.",
    [{ of: hub.eventLoopDelay.histogram }],
  )
}
