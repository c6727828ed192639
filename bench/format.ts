/** Three digits: 0.0123, 1.23, 123, 12,300. */
export function formatNumber(value: number): string {
  const rounded = Number(value.toPrecision(3))
  return rounded.toLocaleString("en-US", { maximumSignificantDigits: 3 })
}

/** A number of entries in short form: 1k, 100k, 1M. */
export function formatSize(size: number): string {
  if (size >= 1e6 && size % 1e6 === 0) return `${size / 1e6}M`
  return size >= 1e3 && size % 1e3 === 0 ? `${size / 1e3}k` : String(size)
}
