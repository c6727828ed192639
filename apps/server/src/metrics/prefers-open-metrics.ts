/**
 * Returns true if an `Accept` header names OpenMetrics, and nothing else of the two formats above
 * it. Every other header, and none, gets the older text, which all tools read.
 */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  let open = 0
  let text = 0
  for (const item of (accept ?? "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = item.split(";").map((part) => part.trim())
    const q = qualityOf(parameters)
    if (type === "application/openmetrics-text") open = Math.max(open, q)
    else if (type === "text/plain") text = Math.max(text, q)
  }
  return open > 0 && open >= text
}

function qualityOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => /^q\s*=/.test(parameter))
  if (given === undefined) return 1
  const q = Number(given.replace(/^q\s*=\s*/, ""))
  return q >= 0 && q <= 1 ? q : 0
}
