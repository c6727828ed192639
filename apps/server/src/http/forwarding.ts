/** Headers by which proxies name the client or themselves, beside every `x-forwarded-…`. */
const FORWARDING_HEADERS = [
  "forwarded",
  "via",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
  "cf-connecting-ip",
]

/** Returns the first header found that shows that a proxy passed the request on, or `undefined`. */
export function forwardingHeaderIn(headers: Headers): string | undefined {
  const known = FORWARDING_HEADERS.find((name) => headers.has(name))
  if (known !== undefined) return known
  for (const name of headers.keys()) if (name.startsWith("x-forwarded-")) return name
  return undefined
}
