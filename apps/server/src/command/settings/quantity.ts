/** Units of a duration in ms. A number without a unit is seconds. */
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  "": 1_000,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Units of a size in bytes. A number without a unit is bytes. */
const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1_000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  kib: 1_024,
  mib: 1_048_576,
  gib: 1_073_741_824,
}

/** Reads `500ms`, `5s`, `2m`, `1h` or `90`, which is seconds. Returns ms, or `undefined`. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS)
}

/** Reads `64MiB`, `1GB` or `4096`. Returns bytes, or `undefined`. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, SIZE_UNITS)
}

/** Writes ms as the largest unit that leaves no rest: `parseDuration` reads it back. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, ["d", "h", "m", "s", "ms"], DURATION_UNITS)
}

/** Writes bytes as the largest binary unit that leaves no rest: `parseSize` reads it back. */
export function formatSize(bytes: number): string {
  const labels = { gib: "GiB", mib: "MiB", kib: "KiB", b: "B" } as const
  const unit = (["gib", "mib", "kib"] as const).find(
    (unit) => bytes > 0 && bytes % SIZE_UNITS[unit]! === 0,
  )
  return unit === undefined ? `${bytes}B` : `${bytes / SIZE_UNITS[unit]!}${labels[unit]}`
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s?([a-z]*)$/i.exec(text.trim())
  const unit = units[match?.[2]?.toLowerCase() ?? "?"]
  if (!match || unit === undefined) return undefined
  const value = Math.round(Number(match[1]) * unit)
  return Number.isSafeInteger(value) ? value : undefined
}

function formatQuantity(
  value: number,
  names: readonly string[],
  units: Readonly<Record<string, number>>,
): string {
  const name = names.find((name) => value >= units[name]! && value % units[name]! === 0) ?? "ms"
  return `${value / units[name]!}${name}`
}
