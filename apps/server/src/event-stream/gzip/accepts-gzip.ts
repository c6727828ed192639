/**
 * True if a request prefers gzip to an uncoded body, by its `accept-encoding` (RFC 9110, section
 * 12.5.3). A header that cannot be read asks for nothing.
 */
export function acceptsGzip(header: string | undefined): boolean {
  const weights = new Map<string, number>()
  for (const part of (header ?? "").toLowerCase().split(",")) {
    const match = /^\s*([^\s;,]+)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/.exec(
      part,
    )
    if (match) weights.set(match[1]!, Number(match[2] ?? 1))
  }
  const gzip = weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0
  return gzip > 0 && gzip >= (weights.get("identity") ?? 0)
}
