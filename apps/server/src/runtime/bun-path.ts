/** Segments of a path for which there is a route; a key with more goes by `entry?key=`. */
export const SEGMENTS_MAX = 64

/**
 * True when the path of a URL, which Bun has normalised, is the one that was sent: `segments` are
 * the parameters `s0`, `s1`, … of the route that matched the raw path, decoded once.
 */
export function isSamePath(url: string, segments: Readonly<Record<string, string>>): boolean {
  const path = /^[a-z]+:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] ?? ""
  const own = path.split("/").slice(1)
  const count = Object.keys(segments).length
  if (count === 0) return path === "/"
  if (own.length !== count) return false
  return own.every((segment, at) => {
    try {
      const text = decodeURIComponent(segment)
      return text === segments[`s${at}`] && text !== "." && text !== ".."
    } catch {
      // Not UTF-8: the route that it names refuses it.
      return true
    }
  })
}
