/** Formats a whole number with separators; a dash where it is not known. */
export function count(value: number | null | undefined): string {
  return isKnown(value) ? value.toLocaleString("en") : "–"
}

/** Formats a size in bytes. */
export function bytes(value: number | null | undefined): string {
  if (!isKnown(value)) return "–"
  if (value < 1_000) return `${value} B`
  const step = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(value) / 3) - 1)
  return `${figures(value / 1_000 ** (step + 1))} ${BYTE_UNITS[step]}`
}

/** Formats a rate per second. */
export function rate(value: number | null | undefined): string {
  if (!isKnown(value)) return "–"
  if (value === 0) return "0"
  if (value < 10) return value.toFixed(1)
  return value < 10_000 ? count(Math.round(value)) : `${figures(value / 1000)}k`
}

/** Formats a duration in ms, in one or two units: `40 s`, `2 min 5 s`. */
export function duration(ms: number | null | undefined): string {
  if (!isKnown(ms)) return "–"
  if (ms === 0) return "0 s"
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  if (ms < 1_000) return `${figures(ms)} ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return minutes < 10 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}

/** Formats a time of today as a clock shows it. */
export function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB")
}

/** Formats a count with its noun: `1 entry`, `2 entries`. */
export function counted(value: number, noun: string, nouns = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : nouns}`
}

const BYTE_UNITS = ["kB", "MB", "GB", "TB"] as const

// Three figures at most.
function figures(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en")
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)))
}

function isKnown(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && !Number.isNaN(value)
}
