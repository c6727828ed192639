import { alertsOf } from "../../hub/alerts.ts"
import { clockSkewMs, hubLink, topics } from "../../hub/hub-state.ts"
import { worstLag } from "../../hub/reader-lag.ts"
import { now } from "../clock.ts"
import { Icon } from "../icon.tsx"

/** The sentences about what needs an operator; about nothing while the hub is gone. */
export function Alerts() {
  if (hubLink.value.state === "gone") return null
  const alerts = alertsOf({
    now: now.value + clockSkewMs.value,
    topics: topics.value ?? [],
    lagOf: worstLag,
  })
  if (alerts.length === 0) return null
  return (
    <section class="alerts" aria-label="Alerts">
      <ul>
        {alerts.map(({ level, topic, text }) => (
          <li key={`${topic} ${text.slice(0, 20)}`} data-level={level}>
            <Icon name="alert" />
            <span>
              {topic && <strong>{topic}: </strong>}
              {text}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
