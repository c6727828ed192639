import type { Hub } from "../hub.ts"
import { END, Exposition, type MetricsFormat } from "./exposition.ts"
import { addHubMetrics } from "./hub-metrics.ts"
import { addProcessMetrics, type ProcessFacts } from "./process-metrics.ts"
import { type ReaderFacts, readerFactsOf } from "./reader-facts.ts"
import { addReaderMetrics } from "./reader-metrics.ts"
import { addSourceMetrics } from "./source-metrics.ts"
import { addTopicMetrics } from "./topic-metrics.ts"

/**
 * Returns all metrics of a hub as text.
 *
 * Costs a look at each reader, in slices, and a few lines for each topic, in a turn of the event
 * loop for each group of metrics. Labels have names of topics and fixed words: nothing that a
 * client sends is one.
 */
export async function metricsText(
  hub: Hub,
  format: MetricsFormat,
  processFacts?: ProcessFacts,
): Promise<string> {
  const readers: ReaderFacts[] = []
  for (const topic of hub.topics) readers.push(await readerFactsOf(topic))
  const topics = hub.topics.map((topic) => ({ topic, counts: hub.counts.topic(topic.name) }))
  const groups: readonly ((to: Exposition) => void)[] = [
    (to) => addHubMetrics(to, hub),
    (to) => processFacts !== undefined && addProcessMetrics(to, processFacts),
    (to) => addReaderMetrics(to, readers),
    (to) => addTopicMetrics(to, topics),
    (to) => addSourceMetrics(to, topics),
  ]
  const texts: string[] = []
  for (const add of groups) {
    const exposition = new Exposition(format)
    add(exposition)
    const text = (await exposition.text()).trim()
    if (text !== "") texts.push(`${text}\n`)
    await hub.clock.yield()
  }
  return texts.join("") + (format === "openmetrics" ? END : "")
}
