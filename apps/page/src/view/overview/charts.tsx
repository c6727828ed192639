import type { History } from "../../hub/history.ts"
import { hubHistory, metricsState } from "../../hub/hub-state.ts"
import { bytes, duration, rate } from "../../value/quantity.ts"
import { Sparkline } from "../sparkline.tsx"

/** The curves of the whole hub over the last five minutes. */
export function Charts() {
  return (
    <section class="charts" aria-label="The last five minutes">
      <Chart name="Writes" unit="/s" history={hubHistory.writes} format={rate} />
      <Chart name="Deliveries" unit="/s" history={hubHistory.deliveries} format={rate} isMeasured />
      <Chart
        name="Write latency"
        unit="p99"
        history={hubHistory.writeTime}
        format={duration}
        isMeasured
      />
      <Chart name="Worst lag" unit="" history={hubHistory.lag} format={duration} isMeasured />
      <Chart name="Memory" unit="" history={hubHistory.memory} format={bytes} isMeasured />
    </section>
  )
}

interface ChartProps {
  readonly name: string
  readonly unit: string
  readonly history: History
  readonly format: (value: number) => string
  /** Comes from the hub's metrics, which may be missing or refused. */
  readonly isMeasured?: boolean
}

const ABSENT_TEXTS = {
  missing: "this hub has no /metrics",
  refused: "/metrics is for operators",
} as const

function Chart({ name, unit, history, format, isMeasured }: ChartProps) {
  const state = metricsState.value
  const absent = isMeasured && (state === "missing" || state === "refused") && ABSENT_TEXTS[state]
  const { samples, last } = history
  const highest = Math.max(...samples.filter((sample) => !Number.isNaN(sample)), 0)
  const label = `${name}: ${format(last)}; highest ${format(highest)} in the last five minutes`
  return (
    <figure class="chart card">
      <figcaption>
        <span>{name}</span>
        <span class="chart-top">{!absent && highest > 0 && `max ${format(highest)}`}</span>
      </figcaption>
      <p class="chart-value">
        {absent ? "–" : format(last)} <small>{absent ? "" : unit}</small>
      </p>
      {absent ? (
        <p class="chart-absent">{absent}</p>
      ) : (
        <Sparkline samples={samples} label={label} />
      )}
    </figure>
  )
}
