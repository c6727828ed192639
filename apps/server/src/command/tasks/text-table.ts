/** A column of a table: its heading, and the side on which its texts stand. */
export type TableColumn = readonly [heading: string, side: "left" | "right"]

/**
 * Lays texts out in columns, two spaces apart. The first line has the headings.
 *
 * For names and numbers, whose characters are one column wide each.
 */
export function textTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = columns.map(([heading], at) =>
    Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  const headings = columns.map(([heading]) => heading)
  return [headings, ...rows].map((row) =>
    columns
      .map(([, side], at) => {
        const text = row[at] ?? ""
        return side === "left" ? text.padEnd(widths[at]!) : text.padStart(widths[at]!)
      })
      .join("  ")
      .trimEnd(),
  )
}

/** A number of bytes in three digits: `1.2 MB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  const step = Math.min(4, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1_000 ** step).toPrecision(3)} ${["", "kB", "MB", "GB", "TB"][step]}`
}

/** A whole number with commas: `60,000`. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString("en-US")
}

/** A span of time in its two largest units: `3 d 4 h`, `42 s`, `120 ms`. */
export function spanText(ms: number): string {
  if (ms > 0 && ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ")
}
