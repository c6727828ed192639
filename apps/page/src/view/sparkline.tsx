const HEIGHT = 40
const WIDTH = 200

/** A curve of fewer samples does not fill the width. */
const SAMPLES_MIN = 30

/** The curve of the last samples; a gap where one was not known. */
export function Sparkline({
  samples,
  label,
}: {
  readonly samples: readonly number[]
  readonly label: string
}) {
  const known = samples.filter((sample) => !Number.isNaN(sample))
  const top = Math.max(...known, Number.MIN_VALUE)
  const steps = Math.max(SAMPLES_MIN, samples.length) - 1
  const x = (at: number) => WIDTH - ((samples.length - 1 - at) * WIDTH) / steps
  const y = (sample: number) => HEIGHT - 2 - (sample / top) * (HEIGHT - 6)
  const runs = runsOf(samples).map((run) =>
    run.map(([at, sample]) => `${x(at).toFixed(1)} ${y(sample).toFixed(1)}`),
  )
  const line = runs.map((points) => `M${points.join("L")}`).join("")
  const area = runs
    .map((points) => {
      const [first, last] = [points[0]!, points.at(-1)!].map((point) => point.split(" ")[0])
      return `M${first} ${HEIGHT}L${points.join("L")}L${last} ${HEIGHT}z`
    })
    .join("")
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="spark-area" d={area} />
      <path class="spark-line" d={line} />
    </svg>
  )
}

function runsOf(samples: readonly number[]): (readonly [number, number])[][] {
  const runs: [number, number][][] = []
  let isOpen = false
  samples.forEach((sample, at) => {
    if (Number.isNaN(sample)) {
      isOpen = false
      return
    }
    if (!isOpen) runs.push([])
    isOpen = true
    runs.at(-1)!.push([at, sample])
  })
  return runs
}
