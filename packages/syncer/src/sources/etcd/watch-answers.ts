import { SourceError } from "@headwater/core"
import type { WatchEventMessage, WatchLine } from "./messages.ts"

/** Some ms of work: a thousand events of 200 bytes. */
const SLICE_CHARS = 262_144

const EVENTS = '"events":['

/** The text between two events, which occurs nowhere inside one. */
const BETWEEN = "}},{"

/**
 * The content of a line of a watch. A long one is parsed in slices, each a fragment, so that no
 * more than some ms of work stand between two answers.
 *
 * @throws {SourceError} it is not JSON.
 */
export function* answersOf(line: string): Generator<WatchLine, void> {
  const begin = line.length > SLICE_CHARS ? line.indexOf(EVENTS) : -1
  if (begin < 0) return yield parse<WatchLine>(line)
  const end = line.lastIndexOf("]")
  let start = begin + EVENTS.length
  const { result } = parse<WatchLine>(line.slice(0, start) + line.slice(end))
  while (start < end && result !== undefined) {
    const cut = line.indexOf(BETWEEN, start + SLICE_CHARS)
    const stop = cut < 0 ? end : cut + 2
    const events = parse<WatchEventMessage[]>(`[${line.slice(start, stop)}]`)
    yield { result: { ...result, events, fragment: cut >= 0 || result.fragment === true } }
    start = stop + 1
  }
}

function parse<Json>(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new SourceError("etcd sent a line that is not JSON", { cause: error })
  }
}
