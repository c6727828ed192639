import { historyOf, METRIC, metrics, metricsState } from "../../hub/hub-state.ts"
import { sumOf } from "../../hub/metrics.ts"
import { worstLag } from "../../hub/reader-lag.ts"
import type { TopicState } from "../../hub/topic-state.ts"
import { formatRoute } from "../../route.ts"
import { bytes, count, duration, rate } from "../../value/quantity.ts"
import { Sparkline } from "../sparkline.tsx"
import { SourceAge, StatusChip } from "../status-chip.tsx"

/** The topics as rows; on a phone, as cards. */
export function TopicTable({ topics }: { readonly topics: readonly TopicState[] }) {
  return (
    <section class="card topics" aria-labelledby="topics-title">
      <h2 id="topics-title">
        Topics <span class="amount">{count(topics.length)}</span>
      </h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Topic</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">
              Source age
            </th>
            <th scope="col" class="number">
              Revision
            </th>
            <th scope="col" class="number">
              Entries
            </th>
            <th scope="col" class="number">
              Bytes
            </th>
            <th scope="col">Writes</th>
            <th scope="col" class="number">
              Readers
            </th>
            <th scope="col" class="number">
              Worst lag
            </th>
            <th scope="col" class="number">
              Memory
            </th>
          </tr>
        </thead>
        <tbody>
          {topics.map((topic) => (
            <TopicRow key={topic.topic} topic={topic} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function TopicRow({ topic: state }: { readonly topic: TopicState }) {
  const { topic, values, source, status, lastContact, revision, entries } = state
  const { writes } = historyOf(topic)
  const link = formatRoute({ topic, tab: "keys", layout: "tree" })
  const memory =
    metricsState.value === "ok" ? sumOf(metrics.value, METRIC.topicMemory, topic) : undefined
  return (
    <tr>
      <th scope="row">
        <a href={link}>{topic}</a>
        <small>{[source, values].filter(Boolean).join(" · ")}</small>
      </th>
      <td data-name="Status">
        <StatusChip status={status} />
      </td>
      <td data-name="Source age" class="number">
        <SourceAge lastContact={lastContact} />
      </td>
      <td data-name="Revision" class="number">
        {count(revision)}
      </td>
      <td data-name="Entries" class="number">
        {count(entries)}
      </td>
      <td data-name="Bytes" class="number">
        {bytes(state.bytes)}
      </td>
      <td data-name="Writes" class="writes">
        <Sparkline samples={writes.samples} label={`Writes: ${rate(writes.last)} per second`} />
        <span>{rate(writes.last)}/s</span>
      </td>
      <td data-name="Readers" class="number">
        {count(state.subscribers)}
      </td>
      <td data-name="Worst lag" class="number">
        {duration(worstLag(topic))}
      </td>
      <td data-name="Memory" class="number">
        {bytes(memory)}
      </td>
    </tr>
  )
}
