import { topics } from "../../hub/hub-state.ts"
import { Alerts } from "./alerts.tsx"
import { Charts } from "./charts.tsx"
import { TopicTable } from "./topic-table.tsx"

/** All topics of the hub, its charts, and its alerts in words. */
export function Overview() {
  const all = topics.value ?? []
  return (
    <div class="page overview">
      <h1 class="unseen">Overview</h1>
      <Alerts />
      <Charts />
      {all.length === 0 ? <NoTopics /> : <TopicTable topics={all} />}
    </div>
  )
}

function NoTopics() {
  return (
    <section class="card empty">
      <h2>No topics</h2>
      <p>
        This hub serves no topic that you may read. An operator adds one with{" "}
        <code>--topic NAME=SOURCE</code>.
      </p>
    </section>
  )
}
